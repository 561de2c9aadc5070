import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Explanation } from "../../src/model/api/mod.ts";
import type { Visit } from "./browse.ts";
import { Namespace } from "./namespace.ts";
import { bitmap, nginxConf, nsdConf, unboundConf, vsftpdConf } from "./peers.ts";
import { type Program, until } from "./process.ts";
import { Folder, OPERATOR, ROOT, turnpikeCommand } from "./turnpike.ts";

export const NEEDS = [
  "root",
  "netns",
  "nsd",
  "unbound",
  "nginx",
  "vsftpd",
  "prometheus-node-exporter",
  "chromium",
  "dig",
];

export const ROOT_SERVER = "10.1.0.1";
export const CUSTOMER_SERVER = "10.1.0.2";
export const NODE = "10.2.0.1";
export const RESOLVER = "10.53.0.53";
export const ORIGINS = { o1: "10.3.0.1", o2: "10.3.0.2", o3: "10.3.0.3" } as const;
export type OriginName = keyof typeof ORIGINS;
const NAMES = Object.keys(ORIGINS) as OriginName[];

export const IMAGES = { "logo.bmp": 3, "photo.bmp": 5, "third.bmp": 7 } as const;

const PAGES = {
  "index.html": [
    "http://www.shop.example.cdn.example/img/logo.bmp",
    "http://c.cdn.example/www.shop.example/img/photo.bmp",
  ],
  "second.html": ["http://www.shop.example.cdn.example/img/third.bmp"],
} as const;

/** One line of a web server's log. */
export interface Served {
  readonly client: string;
  readonly host: string;
  readonly path: string;
  readonly status: number;
}

/**
 * The world of the story: a root, a customer's name server, a resolver, three web servers with FTP
 * and exporters, and Turnpike, each a program of its own in one network namespace, over the
 * standard ports.
 */
export class RealWorld {
  readonly folder = new Folder();
  readonly programs = new Map<string, Program>();
  readonly #ns: Namespace;
  #token = "";

  private constructor(ns: Namespace) {
    this.#ns = ns;
  }

  static async start(): Promise<RealWorld> {
    const addresses = [ROOT_SERVER, CUSTOMER_SERVER, NODE, RESOLVER, ...Object.values(ORIGINS)];
    const world = new RealWorld(await Namespace.make({ addresses, resolver: RESOLVER }));
    try {
      for (const name of NAMES) await world.#startOrigin(name);
      await world.#startTurnpike();
      await world.#startNames();
      return world;
    } catch (error) {
      await world.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#ns.close();
    this.folder.remove();
  }

  #start(name: string, command: readonly string[]): Program {
    const program = this.#ns.start(command, { name, cwd: ROOT });
    this.programs.set(name, program);
    return program;
  }

  async #startOrigin(name: OriginName): Promise<void> {
    const dir = this.folder.join(name);
    const address = ORIGINS[name];
    const nginx = nginxConf({ dir, address, name });
    mkdirSync(join(dir, "www/img"));
    for (const [page, images] of Object.entries(PAGES)) {
      const tags = images.map((src) => `<img src="${src}">`).join("");
      const html = `<!doctype html><link rel="icon" href="data:,"><h1>from ${name}</h1>${tags}`;
      writeFileSync(join(dir, "www", page), html);
    }
    writeFileSync(join(dir, "www/checked.txt"), "well\n");
    for (const [image, seed] of Object.entries(IMAGES))
      writeFileSync(join(dir, "www/img", image), bitmap(seed));
    this.#start(`nginx ${name}`, ["nginx", "-c", nginx]);
    this.#start(`ftp ${name}`, [
      "vsftpd",
      vsftpdConf({ dir: this.folder.join(`ftp-${name}`), address }),
    ]);
    // The first origin reports what this machine really does; the others' loads are set by the story.
    if (name === "o1") {
      const flags = [`--web.listen-address=${address}:9100`, "--log.level=error"];
      this.#start("exporter o1", ["prometheus-node-exporter", ...flags]);
      return;
    }
    this.setBusy(name, 0);
    const script = join(ROOT, "test/lab/exporter.ts");
    const args = [process.execPath, script, address, "9100", this.folder.join(`busy-${name}`)];
    await this.#start(`exporter ${name}`, args).says("listening");
  }

  /** Sets the share of CPU that an origin's exporter reports busy. */
  setBusy(name: OriginName, busy: number): void {
    writeFileSync(this.folder.join(`busy-${name}`), String(busy));
  }

  async #startTurnpike(): Promise<void> {
    const node = {
      name: "one",
      pop: "here",
      data: this.folder.join("data"),
      roles: ["control", "dns", "edge", "probe"],
      addresses: { v4: NODE },
      listen: { dns: `${NODE}:53`, http: `${NODE}:80`, control: `${NODE}:8053` },
      operator: OPERATOR,
    };
    const config = this.folder.file("turnpike.yaml", node);
    await this.#start("turnpike", turnpikeCommand("up", "--config", config)).says("ready");
    this.#token = await this.#ns.run([...this.#call, "sign-in"]);
    await this.turnpike("apply", this.folder.file("network.yaml", network()));
  }

  get #call(): string[] {
    return [process.execPath, join(ROOT, "test/lab/call.ts"), `http://${NODE}:8053`];
  }

  /** Runs the command line inside, against the API there. */
  turnpike(...args: readonly string[]): Promise<string> {
    const env = [`TURNPIKE_URL=http://${NODE}:8053`, `TURNPIKE_TOKEN=${this.#token}`];
    return this.#ns.run(["env", ...env, ...turnpikeCommand(...args)]);
  }

  // biome-ignore lint/suspicious/noExplicitAny: a story reads what the API's own types promise
  async api(method: string, path: string, body?: unknown): Promise<any> {
    const rest = body === undefined ? [] : [JSON.stringify(body)];
    const env = ["env", `TURNPIKE_TOKEN=${this.#token}`];
    return JSON.parse(await this.#ns.run([...env, ...this.#call, method, path, ...rest]));
  }

  explain(name: string): Promise<Explanation> {
    return this.api("GET", `/explain?name=${name}&client=${RESOLVER}`);
  }

  /** The root and the customer's zone, whose CNAME needs the target that apply assigned. */
  async #startNames(): Promise<void> {
    const sites = await this.api("GET", "/customers/shop/sites");
    const target = sites.find((one: { site: { hostname: string } }) => {
      return one.site.hostname === "m.shop.example";
    }).names.cname;
    const root = nsdConf({
      dir: this.folder.join("root"),
      address: ROOT_SERVER,
      zones: { ".": rootZone() },
    });
    this.#start("nsd root", ["nsd", "-d", "-c", root]);
    const zones = { "shop.example": customerZone(target) };
    const customer = nsdConf({ dir: this.folder.join("shop"), address: CUSTOMER_SERVER, zones });
    this.#start("nsd shop", ["nsd", "-d", "-c", customer]);
    const resolver = unboundConf({
      dir: this.folder.join("unbound"),
      address: RESOLVER,
      rootAddress: ROOT_SERVER,
      sendSubnetTo: "10.2.0.0/16",
    });
    this.#start("unbound", ["unbound", "-d", "-c", resolver]);
    await until(async () => (await this.dig("plain.shop.example")).length === 1, {
      what: "the resolver to answer from the customer's zone",
    });
  }

  /** What `dig +short` prints, line by line, asked of the resolver. */
  async dig(name: string, type = "A", server = RESOLVER): Promise<string[]> {
    const flags = ["+short", "+time=2", "+tries=1"];
    const out = await this.#ns.run(["dig", ...flags, `@${server}`, name, type]);
    return out.split("\n").filter(Boolean);
  }

  async visit(url: string): Promise<Visit> {
    const script = join(ROOT, "test/lab/browse.ts");
    return JSON.parse(await this.#ns.run([process.execPath, script, url], 60_000));
  }

  /** What a web server's own log says it served, checks by probes left out. */
  served(name: OriginName): Served[] {
    const text = readFileSync(this.folder.join(name, "access.log"), "utf8");
    return text.split("\n").flatMap((line) => {
      const [client = "", host = "", , path = "", status = ""] = line.split(" ");
      return line === "" || path === "/checked.txt"
        ? []
        : [{ client, host, path, status: Number(status) }];
    });
  }
}

function rootZone(): string {
  return `$TTL 300
@ IN SOA a.root.example. root.example. 1 3600 600 86400 60
@ IN NS a.root.example.
a.root.example. IN A ${ROOT_SERVER}
shop.example. IN NS ns.shop.example.
ns.shop.example. IN A ${CUSTOMER_SERVER}
cdn.example. IN NS ns-one.cdn.example.
ns-one.cdn.example. IN A ${NODE}
`;
}

/** The customer's own zone: one hostname delegated to us, another one a CNAME to its target. */
function customerZone(target: string): string {
  return `$TTL 300
@ IN SOA ns.shop.example. hostmaster.shop.example. 1 3600 600 86400 60
@ IN NS ns
ns IN A ${CUSTOMER_SERVER}
plain IN A 10.9.9.9
www IN NS ns-one.cdn.example.
m IN CNAME ${target.replace(/\.$/, "")}.
`;
}

function network(): Record<string, unknown> {
  const site = (hostname: string, onboarding: string) => ({
    hostname,
    onboarding,
    ttlSec: 1,
    youngTtlSec: 1,
    // Response times on a busy machine must not decide here: the reported loads shall.
    limitMs: 60_000,
    steering: { preset: "lowest-load", margin: 0 },
    check: { http: { path: "/checked.txt" }, ftp: { path: "probe.txt" } },
    origins: NAMES.map((name) => ({
      name,
      v4: ORIGINS[name],
      exporter: `http://${ORIGINS[name]}:9100/metrics`,
      ftpPort: 21,
    })),
  });
  return {
    zone: "cdn.example",
    contact: "hostmaster@cdn.example",
    allowPrivateOrigins: true,
    pops: [{ name: "here" }],
    nodes: [
      {
        name: "one",
        pop: "here",
        roles: ["control", "dns", "edge", "probe"],
        addresses: { v4: NODE },
      },
    ],
    plans: [{ name: "flat", title: "Flat", currency: "EUR", kind: "fixed", monthly: "10" }],
    customers: [
      {
        name: "shop",
        plan: "flat",
        sites: [site("www.shop.example", "delegation"), site("m.shop.example", "cname")],
      },
    ],
  };
}
