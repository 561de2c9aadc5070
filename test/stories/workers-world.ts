import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type Agent, type IncomingHttpHeaders, request } from "node:http";
import { request as requestTls } from "node:https";
import type { TLSSocket } from "node:tls";
import { assert } from "../../src/base/assert.ts";
import { silentLog } from "../../src/base/log.ts";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { type Fleet, startFleet } from "../../src/cli/fleet.ts";
import { nodeFile } from "../../src/model/node-file.ts";
import { until } from "../lab/process.ts";
import { HOSTNAME, PORTS, SITE, smallNetwork, smallNode } from "../lab/small-network.ts";
import { Api, Folder, loopback } from "../lab/turnpike.ts";

export const WORKERS = 3;
export const BURST = 40;
export const HTTPS_PORT = 8443;
export const DOH_HOST = "dns.cdn.example";

export interface Got {
  readonly status: number;
  readonly body: Buffer;
  readonly cacheStatus: string;
  /** Of the client. */
  readonly port: number;
  readonly fields: IncomingHttpHeaders;
  /** Of the certificate, over HTTPS. */
  readonly serial: string;
}

/** A node whose cache has three workers, an origin that names what it sends by its SHA-256, and control. */
export class WorkersWorld {
  readonly at = loopback();
  readonly folder = new Folder();
  readonly api = new Api(`http://${this.at(1)}:${PORTS.control}`);
  fleet!: Fleet;
  version = 1;
  /** The origin answers once this is resolved. */
  gate: Promise<void> = Promise.resolve();
  /** What clients got, all together. */
  readonly received = { requests: 0, bytes: 0 };
  /** Path -> how many times the origin was asked for it. */
  readonly asked = new Map<string, number>();
  #tls = { cert: "", key: "" };
  #origin!: Bun.Server<undefined>;

  /** @param more what the node file has besides */
  async start(more: { readonly doh?: object; readonly http3?: true } = {}): Promise<void> {
    this.#origin = Bun.serve({
      hostname: this.at(20),
      port: PORTS.origin,
      fetch: (asked) => this.#answer(asked),
    });
    const { cert, key } = selfSigned([HOSTNAME, DOH_HOST], new Date());
    this.#tls = { cert: this.folder.file("cert.pem", cert), key: this.folder.file("key.pem", key) };
    await this.startFleet(WORKERS, more);
    const network = smallNetwork({ address: this.at(1), origins: [this.at(20)] });
    Object.assign(network.ports as object, { https: HTTPS_PORT });
    const [customer] = network.customers as { sites: Record<string, unknown>[] }[];
    Object.assign(customer!.sites[0]!, {
      front: "caches",
      rules: [
        { name: "slow", match: { path: ["/limited/*"] }, rate: { perSec: 0.01, burst: BURST } },
      ],
    });
    await this.api.must("POST", "/apply", { network });
    // Until its keeper has heard of the purge log all is validated.
    await until(async () => (await this.get("/x")).cacheStatus.includes("; hit"), {
      ...{ what: "the caches to serve what they hold", withinMs: 40_000, everyMs: 50 },
    });
    await until(async () => this.#allHaveIt(), {
      what: "every worker to serve the site",
      withinMs: 40_000,
    });
  }

  /** Once control answers; on the same disks as before. */
  async startFleet(
    workers: number,
    { http3, ...besides }: Parameters<WorkersWorld["start"]>[0] = {},
  ): Promise<void> {
    const small = smallNode({ address: this.at(1), data: this.folder.join("data") });
    const https = `${this.at(1)}:${HTTPS_PORT}`;
    const node = nodeFile.parse({
      ...small,
      listen: { ...(small.listen as object), https, http3: http3 === true },
      tls: this.#tls,
      cache: { memoryMiB: 64, diskMiB: 256, workers },
      ...besides,
    });
    this.fleet = await startFleet({ nodes: [node], log: silentLog, logLevel: "error" });
    await this.api.signIn();
  }

  async stop(): Promise<void> {
    await this.fleet?.stop();
    await this.#origin.stop(true);
    this.folder.remove();
  }

  async #answer(asked: Request): Promise<Response> {
    const { pathname, search } = new URL(asked.url);
    const path = pathname + search;
    this.asked.set(path, (this.asked.get(path) ?? 0) + 1);
    await this.gate;
    const body = bodyOf(path, this.version);
    const etag = `"${shaOf(body)}"`;
    const cc = new URLSearchParams(search).get("cc") ?? "max-age=600";
    const headers = { etag, "content-type": "text/plain", "cache-control": cc };
    return new Response(new Uint8Array(body), { headers });
  }

  async #allHaveIt(): Promise<boolean> {
    const said = await Promise.all(Array.from({ length: 24 }, () => this.get("/x")));
    return said.every((one) => one.status === 200);
  }

  /** Over a connection of its own, unless an agent has one. */
  get(
    path: string,
    o: {
      readonly agent?: Agent;
      readonly method?: string;
      readonly fields?: Record<string, string>;
      /** Hears the client's port. */
      readonly sent?: (port: number) => void;
      readonly secure?: true;
    } = {},
  ): Promise<Got> {
    const { promise, resolve, reject } = Promise.withResolvers<Got>();
    const asking = (o.secure === true ? requestTls : request)(
      {
        ...{ host: this.at(1), path, method: o.method ?? "GET", rejectUnauthorized: false },
        port: o.secure === true ? HTTPS_PORT : PORTS.http,
        servername: HOSTNAME,
        headers: { host: `${HOSTNAME}:${PORTS.http}`, ...o.fields },
        agent: o.agent ?? false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        const port = response.socket.localPort ?? 0;
        const { headers: fields } = response;
        const socket = response.socket as Partial<TLSSocket>;
        const serial = socket.getPeerCertificate?.().serialNumber ?? "";
        response.on("end", () => {
          const cacheStatus = String(fields["cache-status"] ?? "");
          const body = Buffer.concat(chunks);
          // Of what is nobody's, as before a worker knows the site, no cache says anything.
          if (cacheStatus !== "") {
            this.received.requests++;
            this.received.bytes += body.length;
          }
          const status = response.statusCode ?? 0;
          resolve({ status, body, cacheStatus, port, fields, serial });
        });
      },
    );
    asking.on("error", reject);
    asking.on("finish", () => o.sent?.(asking.socket?.localPort ?? 0));
    asking.end();
    return promise;
  }

  /** Each over a new connection: the kernel spreads them over the workers. */
  many(count: number, path: string, o: { readonly secure?: true } = {}): Promise<Got[]> {
    return Promise.all(Array.from({ length: count }, () => this.get(path, o)));
  }

  async purge(order: Record<string, unknown>): Promise<void> {
    const { number } = await this.api.must("POST", `${SITE}/purge`, order);
    const done = async () => (await this.api.must("GET", `/purges/${number}`)).missing.length === 0;
    await until(done, { what: "the purge to be acknowledged", withinMs: 40_000 });
  }

  /** What the ledger has of the site. */
  async billed(): Promise<{ requests: number; bytes: number }> {
    const rows: { requests: number; bytesOut: number }[] = await this.api.must(
      "GET",
      "/customers/shop/usage",
    );
    const sum = (of: (row: (typeof rows)[number]) => number) =>
      rows.map(of).reduce((a, b) => a + b, 0);
    return { requests: sum((row) => row.requests), bytes: sum((row) => row.bytesOut) };
  }

  /**
   * Resolves when the ledger has just what clients got. A request is told at once, a large body when it
   * is known what became of it: seconds later if its connection is gone.
   */
  async untilBilled(): Promise<void> {
    const told = async () => {
      const { requests, bytes } = await this.billed();
      return requests >= this.received.requests && bytes >= this.received.bytes;
    };
    await until(told, { what: "the ledger to have all", everyMs: 100, withinMs: 40_000 });
    expect(await this.billed()).toEqual(this.received);
  }

  pid(name: string): number {
    return this.fleet.pids()[`one/${name}`] ?? 0;
  }

  /** Ends a process, and resolves when nothing of it is left. */
  async kill(name: string): Promise<number> {
    const pid = this.pid(name);
    // 0 would be this process with all that it started.
    assert(pid > 0, `${name} runs`);
    process.kill(pid, "SIGKILL");
    // Its threads end one after the other, and its sockets with the last one.
    await until(() => !existsSync(`/proc/${pid}`), { what: `${name} to be gone` });
    return pid;
  }

  /** Resolves when another process of that name listens, or for the keeper: is asked. */
  async back(name: string, before: number): Promise<void> {
    const came = () => this.pid(name) !== before && this.fleet.isReady(`one/${name}`);
    await until(came, { what: `${name} to be back`, withinMs: 40_000 });
  }

  /** Which process has the connection that comes from each of these ports; null: it is over. */
  ownersOf(ports: readonly number[], to: number = PORTS.http): (string | null)[] {
    const inodes = inodesAt(`${this.at(1)}:${to}`);
    const owners = new Map<string, string>();
    for (let i = 1; i <= WORKERS; i++) {
      const folder = `/proc/${this.pid(`cache-${i}`)}/fd`;
      for (const fd of readdirSync(folder)) owners.set(linkOf(`${folder}/${fd}`), `cache-${i}`);
    }
    return ports.map((port) => owners.get(`socket:[${inodes.get(port)}]`) ?? null);
  }
}

/** Some bytes, the same for the same path and version, of 100 to 40,000. */
export function bodyOf(path: string, version = 1): Buffer {
  const size = Number(/[?&]size=(\d+)/.exec(path)?.[1] ?? 4_000);
  const line = `${path} v${version} `;
  return Buffer.from(line.repeat(Math.ceil(size / line.length)).slice(0, size));
}

export function shaOf(body: Buffer): string {
  return createHash("sha256").update(body).digest("hex");
}

/** Remote port -> the server's end of a connection; ended ones that the kernel still lists have none. */
function inodesAt(local: string): Map<number, string> {
  const [host = "", port = ""] = local.split(":");
  const hex = (number: number, digits: number) =>
    number.toString(16).toUpperCase().padStart(digits, "0");
  const address = host.split(".").map((byte) => hex(Number(byte), 2));
  const here = `${address.reverse().join("")}:${hex(Number(port), 4)}`;
  const inodes = new Map<number, string>();
  for (const line of readFileSync("/proc/net/tcp", "utf8").split("\n")) {
    if (!line.includes(here)) continue;
    const columns = line.trim().split(/\s+/);
    const [, own, other = "", , , , , , , inode = "0"] = columns;
    if (own === here && inode !== "0") inodes.set(Number.parseInt(other.slice(-4), 16), inode);
  }
  return inodes;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return "";
  }
}
