/** Where everything of the demo stands: fixed loopback addresses, and ports from one base. */

export interface Ports {
  readonly base: number;
  readonly dns: number;
  readonly http: number;
  readonly https: number;
  readonly control: number;
  readonly ftp: number;
  readonly exporter: number;
  readonly command: number;
}

/** All ports of the demo; one HTTP port for all of a site, so that an address alone leads there. */
export function portsFrom(base: number): Ports {
  return {
    base,
    dns: base,
    http: base + 80,
    https: base + 43,
    control: base + 90,
    ftp: base + 21,
    exporter: base + 91,
    command: base + 95,
  };
}

export const ZONE = "cdn.example";

export interface PopPlace {
  readonly name: string;
  readonly title: string;
  readonly lat: number;
  readonly lon: number;
}

export const POPS = [
  { name: "fra", title: "Frankfurt", lat: 50.11, lon: 8.68 },
  { name: "nyc", title: "New York", lat: 40.71, lon: -74.01 },
  { name: "sin", title: "Singapore", lat: 1.35, lon: 103.82 },
] as const satisfies readonly PopPlace[];

export interface NodePlace {
  readonly name: string;
  readonly pop: string;
  readonly v4: string;
  readonly roles: readonly ("dns" | "edge" | "probe")[];
}

/** Two of the three are name server and cache in one. */
export const NODES: readonly NodePlace[] = [
  { name: "fra-1", pop: "fra", v4: "127.11.1.1", roles: ["dns", "edge", "probe"] },
  { name: "nyc-1", pop: "nyc", v4: "127.11.2.1", roles: ["dns", "edge", "probe"] },
  { name: "sin-1", pop: "sin", v4: "127.11.3.1", roles: ["edge", "probe"] },
];

export interface ClientNetwork {
  readonly name: string;
  readonly title: string;
  /** The users' own prefix (RFC 5737 and 6598), sent as client subnet. */
  readonly prefix: string;
  /** One user of it, for `dig +subnet` and for explain. */
  readonly user: string;
  /** The network's resolver, and the loopback prefix that it and its users send from. */
  readonly resolver: string;
  readonly local: string;
  /** Round trips in ms to each pop, by which answers to probes are delayed. */
  readonly rttMs: Readonly<Record<string, number>>;
}

export const CLIENTS: readonly ClientNetwork[] = [
  {
    name: "berlin",
    title: "Berlin",
    prefix: "203.0.113.0/24",
    user: "203.0.113.7",
    resolver: "127.31.1.53",
    local: "127.31.1.0/24",
    rttMs: { fra: 12, nyc: 92, sin: 168 },
  },
  {
    name: "boston",
    title: "Boston",
    prefix: "198.51.100.0/24",
    user: "198.51.100.7",
    resolver: "127.31.2.53",
    local: "127.31.2.0/24",
    rttMs: { fra: 88, nyc: 11, sin: 226 },
  },
  {
    name: "tokyo",
    title: "Tokyo",
    prefix: "192.0.2.0/24",
    user: "192.0.2.7",
    resolver: "127.31.3.53",
    local: "127.31.3.0/24",
    rttMs: { fra: 224, nyc: 168, sin: 69 },
  },
  {
    name: "vienna",
    title: "Vienna",
    prefix: "100.64.4.0/24",
    user: "100.64.4.7",
    resolver: "127.31.4.53",
    local: "127.31.4.0/24",
    rttMs: { fra: 16, nyc: 104, sin: 172 },
  },
];

export interface OriginPlace {
  readonly name: string;
  readonly v4: string;
}

export interface SitePlace {
  readonly customer: string;
  readonly hostname: string;
  readonly origins: readonly OriginPlace[];
  /** Whether these servers report: an exporter and FTP beside HTTP. */
  readonly reports: boolean;
}

export const SHOP: SitePlace = {
  customer: "shop",
  hostname: "www.shop.example",
  origins: [
    { name: "fra", v4: "127.21.1.1" },
    { name: "nyc", v4: "127.21.2.1" },
    { name: "sin", v4: "127.21.3.1" },
  ],
  reports: true,
};

/** Shop's own name for its static objects, with a CNAME to `<hostname>.<zone>`. */
export const SHOP_ALIAS = "static.shop.example";

export const NEWS: SitePlace = {
  customer: "news",
  hostname: "www.news.example",
  origins: [
    { name: "ams", v4: "127.22.1.1" },
    { name: "chi", v4: "127.22.2.1" },
    { name: "hkg", v4: "127.22.3.1" },
  ],
  reports: false,
};

/** A second site of news on the same servers, whose zone our name servers hold whole. */
export const PAPER_HOSTNAME = "www.paper.example";
export const PAPER_ZONE = "paper.example";

/** A hostname that the servers of news know, but that is a site only once somebody adds it. */
export const ADDED_HOSTNAME = "archive.news.example";

/** A fourth web server of news: it runs, but only the portal's form makes it one of the pool. */
export const SPARE: OriginPlace = { name: "spare", v4: "127.22.4.1" };

export const ACCOUNTS = {
  operator: { email: "operator@cdn.example", password: "operate-the-demo" },
  shop: { email: "anna@shop.example", password: "shop-demo-password" },
  news: { email: "ben@news.example", password: "news-demo-password" },
} as const;
