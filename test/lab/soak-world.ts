import { gunzipSync } from "node:zlib";
import { issue, selfSigned } from "../../src/cli/demo/certificate.ts";
import { type Program, until } from "./process.ts";
import { childOf } from "./small-network.ts";
import { Api, Folder, loopback, OPERATOR, startTurnpike } from "./turnpike.ts";

const ZONE = "cdn.example";
const PORTS = {
  ...{ dns: 5353, http: 8080, https: 8443, control: 8053, metrics: 9353, origin: 8081 },
} as const;
export const MEMORY_MIB = 64;
/** Little, so that a run of minutes has filled it and evicts from then on. */
const DISK_MIB = 96;
const FROM = new Date(Date.UTC(2020, 0, 1));
/** Little, so that what is held becomes stale and is asked for again from the second minute on. */
const LIFETIME_SEC = 60;
const SHORT_SEC = 5;

export interface SoakSite {
  readonly customer: string;
  readonly hostname: string;
  /** The host that clients ask caches for. */
  readonly host: string;
  /** All methods pass. */
  readonly front: "caches" | "servers";
  readonly origins: readonly string[];
}

/** What an origin does is told by the path: `/kind/size/name`. Its bytes name the site and the path. */
function answerOf(site: SoakSite, request: Request): Response {
  const { pathname } = new URL(request.url);
  const [, kind, size] = pathname.split("/");
  const maxAge = kind === "short" ? SHORT_SEC : LIFETIME_SEC;
  const control = kind === "private" ? "no-store" : `max-age=${maxAge}`;
  const headers: Record<string, string> = {
    "cache-control": control,
    etag: `"${pathname.length}"`,
    "content-type": "image/png",
    "surrogate-key": `all-${Number(size)} ${kind}`,
  };
  if (kind === "none") return new Response("none", { status: 404, headers });
  if (request.headers.get("if-none-match") === headers.etag) {
    return new Response(null, { status: 304, headers });
  }
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
  const whole = bodyOf(site, pathname, Number(size));
  if (range === null) return new Response(whole, { headers });
  const [first, last] = [Number(range[1]), Math.min(Number(range[2]), whole.length - 1)];
  headers["content-range"] = `bytes ${first}-${last}/${whole.length}`;
  return new Response(whole.subarray(first, last + 1), { status: 206, headers });
}

function bodyOf(site: SoakSite, pathname: string, size: number): Uint8Array<ArrayBuffer> {
  const body = new Uint8Array(size).fill(65);
  body.set(new TextEncoder().encode(`${site.customer} ${pathname} `).subarray(0, size));
  return body;
}

/**
 * A whole node with control, name server, cache and probe, six customers with two web servers each, and
 * a receiver of their logs.
 */
export class SoakWorld {
  readonly #folder = new Folder();
  readonly #at = loopback();
  readonly #api = new Api(`http://${this.#at(1)}:${PORTS.control}`);
  readonly #origins = new Map<string, Bun.Server<undefined>>();
  /** When one of a customer's servers was away, by `performance.now()`. */
  readonly deaths: { readonly customer: string; readonly fromMs: number; untilMs: number }[] = [];
  readonly did: Record<string, number> = {
    purges: 0,
    deaths: 0,
    snapshots: 0,
    certificates: 0,
    logLines: 0,
    logLinesLost: 0,
    logLinesOfOthers: 0,
  };
  readonly sites: readonly SoakSite[];
  #receiver!: Bun.Server<undefined>;
  #running!: Program;

  constructor() {
    this.sites = [0, 1, 2, 3, 4, 5].map((n) => {
      const hostname = `www.c${n}.example`;
      const front = n % 2 === 0 ? "caches" : "servers";
      const host = front === "caches" ? hostname : `${hostname}.${ZONE}`;
      const origins = [this.#at(10 + 2 * n), this.#at(11 + 2 * n)];
      return { customer: `c${n}`, hostname, host, front, origins };
    });
  }

  get at() {
    return { address: this.#at(1), http: PORTS.http, https: PORTS.https };
  }

  /** Where a bare server may stand. */
  get beside(): string {
    return this.#at(3);
  }

  async start(): Promise<void> {
    for (const site of this.sites) for (const address of site.origins) this.#revive(site, address);
    this.#receiver = Bun.serve({
      hostname: this.#at(2),
      port: 0,
      fetch: (request) => this.#takeLog(request),
    });
    const own = selfSigned([`c.${ZONE}`], new Date());
    const [cert, key] = [
      this.#folder.file("own.pem", own.cert),
      this.#folder.file("own.key", own.key),
    ];
    const listen = (port: number) => `${this.#at(1)}:${port}`;
    const node = this.#folder.file("node.yaml", {
      ...{ name: "one", pop: "here", data: this.#folder.join("data"), operator: OPERATOR },
      roles: ["control", "dns", "edge", "probe"],
      addresses: { v4: this.#at(1) },
      listen: {
        dns: listen(PORTS.dns),
        http: listen(PORTS.http),
        https: listen(PORTS.https),
        control: listen(PORTS.control),
        metrics: listen(PORTS.metrics),
      },
      tls: { cert, key },
      cache: { memoryMiB: MEMORY_MIB, diskMiB: DISK_MIB },
    });
    this.#running = startTurnpike(["up", "--config", node, "--log-level", "warn"]);
    await this.#running.says("ready");
    await this.#api.signIn();
    await this.#api.must("POST", "/apply", { network: this.#network() });
    for (const site of this.sites) await this.#addCertificate(site);
    for (const site of this.sites) {
      const url = `http://${this.#at(1)}:${PORTS.http}/all/1000/first`;
      const served = async () =>
        (await fetch(url, { headers: { host: site.host } })).status === 200;
      await until(served, { what: `an object of ${site.hostname}` });
    }
  }

  #network(): Record<string, unknown> {
    const rates = [{ unit: "gigabytes", tiers: [{ price: "0.10" }] }];
    const plan = { name: "by-use", title: "By use", currency: "EUR", kind: "variable", rates };
    const roles = ["control", "dns", "edge", "probe"];
    return {
      zone: ZONE,
      contact: `hostmaster@${ZONE}`,
      allowPrivateOrigins: true,
      ports: { dns: PORTS.dns, http: PORTS.http },
      pops: [{ name: "here" }],
      nodes: [{ name: "one", pop: "here", roles, addresses: { v4: this.#at(1) } }],
      plans: [plan],
      customers: this.sites.map(({ customer, hostname, front, origins }) => {
        const to = `http://${this.#at(2)}:${this.#receiver.port}/${customer}`;
        const named = origins.map((v4, index) => ({ name: `o${index + 1}`, v4 }));
        const site = { hostname, front, port: PORTS.origin, origins: named };
        return { name: customer, plan: "by-use", sites: [{ ...site, logs: { to, everySec: 2 } }] };
      }),
    };
  }

  async #takeLog(request: Request): Promise<Response> {
    const customer = new URL(request.url).pathname.slice(1);
    const lines = gunzipSync(await request.arrayBuffer())
      .toString()
      .trimEnd()
      .split("\n");
    const lost = Number(request.headers.get("turnpike-log-lost") ?? 0);
    this.did.logLinesLost = Math.max(this.did.logLinesLost!, lost);
    for (const line of lines) {
      this.did.logLines!++;
      if (!line.includes(`www.${customer}.example`)) this.did.logLinesOfOthers!++;
    }
    return new Response(null, { status: 204 });
  }

  #revive(site: SoakSite, address: string): void {
    const fetch = (request: Request) => answerOf(site, request);
    this.#origins.set(address, Bun.serve({ hostname: address, port: PORTS.origin, fetch }));
  }

  /** One of a customer's servers is away for a while. */
  async #die(n: number, forMs: number): Promise<void> {
    const site = this.sites[n % this.sites.length]!;
    const address = site.origins[Math.floor(n / this.sites.length) % 2]!;
    const death = { customer: site.customer, fromMs: performance.now(), untilMs: Infinity };
    this.deaths.push(death);
    await this.#origins.get(address)!.stop(true);
    await Bun.sleep(forMs);
    this.#revive(site, address);
    death.untilMs = performance.now();
    this.did.deaths!++;
  }

  /** All methods and addresses of a customer's certificate, anew. */
  async #addCertificate(site: SoakSite): Promise<void> {
    const names = [site.hostname];
    const { cert, key } = issue({ subject: site.hostname, names, from: FROM, days: 10_000 });
    await this.#api.must("POST", `/customers/${site.customer}/certificates`, { cert, key });
  }

  async #purge(n: number): Promise<void> {
    const { customer, hostname } = this.sites[n % this.sites.length]!;
    const kinds = [
      { path: `/all/1000/${5 * (n % 120)}` },
      { prefix: `/all/10000/${n % 100}` },
      { tag: "short" },
      { tag: "all-100000", soft: true },
      { path: `/all/100000/${4 + 5 * (n % 120)}`, soft: true },
      n % 60 === 5 ? { all: true } : { tag: "large" },
    ];
    const path = `/customers/${customer}/sites/${hostname}/purge`;
    await this.#api.must("POST", path, kinds[n % kinds.length]);
    this.did.purges!++;
  }

  /** What operators and customers do in the n-th of short times; what takes long goes on beside it. */
  async act(n: number, tickMs: number): Promise<void> {
    const { sites } = this;
    if (n % 3 === 0) await this.#purge(n / 3);
    if (n % 12 === 5) await this.#die((n - 5) / 12, 4 * tickMs);
    if (n % 15 === 7) {
      const { customer, hostname } = sites[n % sites.length]!;
      const path = `/customers/${customer}/sites/${hostname}/origins/o1`;
      await this.#api.must("PATCH", path, { weight: 1 + (n % 7) / 10 });
      this.did.snapshots!++;
    }
    if (n % 30 === 20) {
      await this.#addCertificate(sites[(2 * Math.floor(n / 30)) % sites.length]!);
      this.did.certificates!++;
    }
  }

  /** What the node says that it holds, and how much of its memory its programs' objects are. */
  async held(): Promise<Record<"memoryMiB" | "diskMiB" | "heapMiB", number>> {
    const reply = await fetch(`http://${this.#at(1)}:${PORTS.metrics}/metrics`);
    const text = await reply.text();
    const mib = (name: string) => {
      const value = Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1]);
      return Math.round((10 * value) / 2 ** 20) / 10;
    };
    return {
      memoryMiB: mib("turnpike_edge_memory_bytes"),
      diskMiB: mib("turnpike_edge_disk_bytes"),
      heapMiB: mib("process_heap_bytes"),
    };
  }

  /** The process of name server, cache and probe, and that of control. */
  pid(of: "node" | "control"): number {
    return childOf(this.#running.pid, this.#folder.join("data"), of);
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
    await Promise.all([...this.#origins.values()].map((server) => server.stop(true)));
    await this.#receiver?.stop(true);
    this.#folder.remove();
  }
}
