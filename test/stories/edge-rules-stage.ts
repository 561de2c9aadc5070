import { type ClientHttp2Session, connect } from "node:http2";
import { gzipSync } from "node:zlib";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { Stage, type StageOrigin, snapshotOf, startOrigin } from "./edge-stage.ts";

export const SHOP = "www.shop.example";
export const SECRET = new Uint8Array(32).fill(5);
export const OLD_SECRET = new Uint8Array(32).fill(6);

export interface Said {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly text: string;
}
export type Get = (
  path: string,
  fields?: Readonly<Record<string, string>>,
  method?: string,
) => Promise<Said>;

/**
 * One site behind caches, with rules, whose origin tells all that it was sent. What it says is told by
 * the query: `cc` Cache-Control, `cdn` CDN-Cache-Control, `lm` Last-Modified, `cookie`, `status`, `type`, `size`,
 * `tag`, `age`; `gzip` has it come compressed.
 */
export class RulesWorld {
  stage!: Stage;
  origin!: StageOrigin;
  #session!: ClientHttp2Session;
  readonly #net: string;
  #number = 1;

  constructor(net: string) {
    this.#net = net;
  }

  async start(rules: readonly unknown[], groups: readonly unknown[] = []): Promise<void> {
    this.origin = startOrigin(`${this.#net}.0.1`, 0, answer);
    this.stage = new Stage(this.#snapshot(rules, groups), `${this.#net}.9.1`);
    await this.#open();
  }

  async #open(): Promise<void> {
    const secrets = new Map([
      ["shop new", SECRET],
      ["shop old", OLD_SECRET],
    ]);
    await this.stage.start({
      tls: selfSigned([SHOP], new Date()),
      secrets: (customer, key) => secrets.get(`${customer} ${key}`) ?? null,
    });
    const url = `https://${this.stage.address}:${this.stage.edge.httpsPort}`;
    this.#session = connect(url, { rejectUnauthorized: false });
  }

  /** The cache ends and starts again on what it kept. */
  async restart(): Promise<void> {
    this.#session.destroy();
    await this.stage.edge.stop();
    await this.#open();
  }

  async stop(): Promise<void> {
    this.#session.destroy();
    await this.stage.stop();
    await this.origin.stop();
  }

  /** Other rules from now on. */
  publish(rules: readonly unknown[]): void {
    this.stage.publish(this.#snapshot(rules, []));
  }

  #snapshot(rules: readonly unknown[], groups: readonly unknown[]) {
    const { address, port } = this.origin;
    const origins = [{ name: "o1", v4: address, port }];
    const site = { hostname: SHOP, customer: "shop", port, front: "caches" as const, origins };
    const aliases = ["static.shop.example"];
    return snapshotOf([{ ...site, aliases, rules }], this.#number++, groups);
  }

  readonly http1: Get = (path, fields = {}, method = "GET") =>
    this.stage.get(`http://${SHOP}${path}`, fields, method);

  readonly http2: Get = (path, fields = {}, method = "GET") => {
    const { promise, resolve, reject } = Promise.withResolvers<Said>();
    const named = { ":path": path, ":method": method, ":authority": SHOP, ":scheme": "https" };
    const stream = this.#session.request({ ...named, ...fields });
    const headers = new Headers();
    let status = 0;
    const chunks: Buffer[] = [];
    stream.on("response", (got) => {
      status = Number(got[":status"]);
      for (const [name, value] of Object.entries(got)) {
        if (!name.startsWith(":")) headers.set(name, String(value));
      }
    });
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const body = Buffer.concat(chunks);
      resolve({ status, headers, body, text: body.toString() });
    });
    stream.on("error", reject);
    stream.end();
    return promise;
  };

  /** Both protocols, each with a prefix of its own for paths. */
  get ways(): readonly (readonly [string, Get])[] {
    return [
      ["HTTP/1.1", this.http1],
      ["HTTP/2", this.http2],
    ];
  }
}

function answer(request: Request): Response {
  const { pathname, searchParams } = new URL(request.url);
  const say = (name: string) => searchParams.get(name);
  const control = say("cc") ?? "max-age=60";
  const fields: Record<string, string> = {
    "content-type": say("type") ?? (pathname.endsWith(".html") ? "text/html" : "text/css"),
    ...(control === "none" ? {} : { "cache-control": control }),
    ...(say("cookie") === null ? {} : { "set-cookie": `id=${request.headers.get("cookie")}` }),
    ...(say("tag") === null ? {} : { etag: say("tag")! }),
    ...(say("age") === null ? {} : { age: say("age")! }),
    ...(say("cdn") === null ? {} : { "cdn-cache-control": say("cdn")! }),
    ...(say("lm") === null ? {} : { "last-modified": say("lm")! }),
    ...(say("to") === null ? {} : { location: say("to")! }),
    "x-powered-by": "something old",
  };
  if (say("tag") !== null && request.headers.get("if-none-match") === say("tag")) {
    return new Response(null, { status: 304, headers: fields });
  }
  const all = [...request.headers].map((field) => field.join("=")).join(" ");
  const text = `${request.method} ${pathname}${new URL(request.url).search} ${all}`;
  const whole = text.padEnd(Number(say("size") ?? 0), ".");
  const status = Number(say("status") ?? 200);
  if (say("gzip") === null) return new Response(whole, { status, headers: fields });
  const headers = { ...fields, "content-encoding": "gzip" };
  return new Response(gzipSync(whole), { status, headers });
}

export const isHit = (said: Said) => said.headers.get("cache-status")?.includes("; hit") ?? false;
