import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { assert } from "../../src/base/assert.ts";
import type { Rng } from "../../src/base/rng.ts";
import type { SoakSite, SoakWorld } from "./soak-world.ts";

const OBJECTS = 600;
const SIZES = [1_000, 1_000, 10_000, 10_000, 100_000];
const LARGE = 3_000_000;
const LARGES = 40;
const PATIENCE_MS = 30_000;

interface Asked {
  readonly site: SoakSite;
  readonly method: string;
  readonly path: string;
  readonly size: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The client leaves once it has the head. */
  readonly leaves: boolean;
}

interface Got {
  readonly status: number;
  readonly cacheStatus: string;
  /** Null: it left before. */
  readonly body: Uint8Array | null;
}

/** The connection ended without an answer: it may be asked again (RFC 9113 8.7, RFC 9112 9.3.1). */
class NotAnswered extends Error {}

/** Clients of a cache that is watched for long: each asks one thing after the other, with pauses. */
export class SoakClients {
  readonly counts: Record<string, number> = {};
  /** Answers that nothing explains. */
  readonly wrong: string[] = [];
  /**
   * Each client asks so often, whatever it waits for an answer: who was late catches up, so that a busy
   * machine does not change how much is asked.
   */
  readonly #paceMs: number;
  readonly #world: SoakWorld;
  readonly #rng: Rng;
  readonly #sessions = new Map<string, ClientHttp2Session>();
  readonly #loops: Promise<void>[] = [];
  #stopped = false;
  #unique = 0;

  constructor(world: SoakWorld, rng: Rng, paceMs: number) {
    this.#paceMs = paceMs;
    this.#world = world;
    this.#rng = rng;
  }

  start(o: { readonly clients: number; readonly slow: number }): void {
    for (let i = 0; i < o.clients; i++) this.#loops.push(this.#askOften());
    for (let i = 0; i < o.slow; i++) this.#loops.push(this.#askSlowly(i));
  }

  async #askSlowly(n: number): Promise<void> {
    while (!this.#stopped) {
      await this.#slow(n);
      await Bun.sleep(100);
    }
  }

  async #askOften(): Promise<void> {
    let nextMs = performance.now() + this.#rng.float() * this.#paceMs;
    while (!this.#stopped) {
      await Bun.sleep(Math.max(0, nextMs - performance.now()));
      await this.#one();
      nextMs += this.#paceMs;
    }
  }

  /** Asks for every object once: more than the cache's memory holds, so that it is full from the start. */
  async fill(): Promise<void> {
    const { sites } = this.#world;
    const get = this.#over1("http");
    const rest = { method: "GET", headers: {}, leaves: false };
    for (let rank = 0; rank < OBJECTS; rank++) {
      const size = SIZES[rank % SIZES.length]!;
      const path = `/all/${size}/${rank}`;
      await Promise.all(sites.map((site) => get({ site, path, size, ...rest })));
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
    for (const session of this.#sessions.values()) session.destroy();
  }

  get asked(): number {
    const { http1 = 0, http1Tls = 0, http2 = 0 } = this.counts;
    return http1 + http1Tls + http2;
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  #draw(): Asked {
    const { float } = this.#rng;
    const { sites } = this.#world;
    const site = sites[Math.floor(float() * sites.length)]!;
    const rank = Math.floor(OBJECTS * float() ** 2);
    const [kind, name] = this.#kind(float(), rank);
    const size = kind === "large" ? LARGE : SIZES[rank % SIZES.length]!;
    const path = `/${kind}/${size}/${name}`;
    const manner = float();
    const headers: Record<string, string> = {};
    if (manner < 0.06) headers.range = "bytes=100-599";
    if (manner > 0.94) headers["if-none-match"] = `"${path.length}"`;
    const isPost = manner > 0.5 && manner < 0.52 && site.front === "caches";
    const method = isPost ? "POST" : manner > 0.52 && manner < 0.55 ? "HEAD" : "GET";
    return { site, method, path, size, headers, leaves: manner > 0.6 && manner < 0.63 };
  }

  #kind(draw: number, rank: number): readonly [string, string | number] {
    if (draw < 0.7) return ["all", rank];
    if (draw < 0.78) return ["short", rank];
    if (draw < 0.87) return ["all", `once-${this.#unique++}`];
    if (draw < 0.93) return ["private", rank];
    if (draw < 0.96) return ["none", rank];
    return ["large", rank % LARGES];
  }

  async #one(): Promise<void> {
    const asked = this.#draw();
    const fromMs = performance.now();
    const way = this.#rng.float();
    const get = way < 0.5 ? this.#over1("http") : way < 0.7 ? this.#over1("https") : this.#over2;
    this.#count(way < 0.5 ? "http1" : way < 0.7 ? "http1Tls" : "http2");
    try {
      const got = await get(asked).catch((error: unknown) => {
        if (!(error instanceof NotAnswered)) throw error;
        this.#count("askedAgain");
        return get(asked);
      });
      const fault = faultOf(asked, got);
      if (got.cacheStatus.includes("; hit")) this.#count("hits");
      if (asked.leaves) this.#count("left");
      if (asked.headers.range !== undefined) this.#count("ranges");
      if (asked.method !== "GET") this.#count(asked.method);
      this.#count(/^\/(\w+)/.exec(asked.path)![1]!);
      if (fault !== null) this.#judge(asked, fault, fromMs);
    } catch (error) {
      this.#judge(asked, String(error), fromMs);
    }
  }

  /** What was under way while the customer's server died may have broken off. */
  #judge(asked: Asked, fault: string, fromMs: number): void {
    const { customer } = asked.site;
    const isExcused = this.#world.deaths.some(
      (death) => death.customer === customer && death.untilMs >= fromMs,
    );
    if (isExcused) this.#count("brokenByDeath");
    else this.wrong.push(`${asked.method} ${asked.site.host}${asked.path}: ${fault}`);
  }

  #over1(scheme: "http" | "https") {
    return async ({ site, method, path, headers, leaves }: Asked): Promise<Got> => {
      const { address, http, https } = this.#world.at;
      const leaving = new AbortController();
      const timer = setTimeout(() => leaving.abort(), PATIENCE_MS);
      try {
        const reply = await fetch(`${scheme}://${address}:${{ http, https }[scheme]}${path}`, {
          ...{ method, headers: { ...headers, host: site.host }, signal: leaving.signal },
          ...(method === "POST" ? { body: "a=1" } : {}),
          ...{ redirect: "manual", decompress: false },
          ...(scheme === "http"
            ? {}
            : { tls: { rejectUnauthorized: false, serverName: site.host } }),
        });
        const cacheStatus = reply.headers.get("cache-status") ?? "";
        if (leaves) return { status: reply.status, cacheStatus, body: null };
        return { status: reply.status, cacheStatus, body: await reply.bytes() };
      } catch (error) {
        const isClosed = /ECONNRESET|ConnectionClosed/.test(
          (error as { code?: string }).code ?? "",
        );
        throw isClosed && method !== "POST" ? new NotAnswered() : error;
      } finally {
        clearTimeout(timer);
        if (leaves) leaving.abort();
      }
    };
  }

  #session(site: SoakSite): ClientHttp2Session {
    const known = this.#sessions.get(site.host);
    if (known !== undefined && !known.closed && !known.destroyed) return known;
    const { address, https } = this.#world.at;
    const session = connectHttp2(`https://${address}:${https}`, {
      ...{ rejectUnauthorized: false, servername: site.host },
    });
    const forget = () => {
      if (this.#sessions.get(site.host) === session) this.#sessions.delete(site.host);
    };
    session.on("error", forget);
    session.on("close", forget);
    session.on("goaway", () => {
      forget();
      session.close();
    });
    this.#sessions.set(site.host, session);
    return session;
  }

  readonly #over2 = ({ site, method, path, headers, leaves }: Asked): Promise<Got> => {
    const { promise, resolve, reject } = Promise.withResolvers<Got>();
    const stream = this.#session(site).request({
      ...{ ":method": method, ":path": path, ":authority": site.host },
      ...headers,
    });
    const timer = setTimeout(() => stream.close(8), PATIENCE_MS);
    const parts: Buffer[] = [];
    let [status, cacheStatus, words] = [0, "", ""];
    stream.on("response", (fields) => {
      status = Number(fields[":status"]);
      cacheStatus = String(fields["cache-status"] ?? "");
      if (leaves) stream.close(8);
    });
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("error", (error) => {
      words = error.message;
    });
    stream.on("close", () => {
      clearTimeout(timer);
      const isWhole = stream.rstCode === 0 && status > 0;
      if (leaves && status > 0) resolve({ status, cacheStatus, body: null });
      else if (isWhole) resolve({ status, cacheStatus, body: Buffer.concat(parts) });
      else if (status === 0) reject(new NotAnswered(`${words} ${stream.rstCode}`));
      else reject(new Error(`${status} ${words} ${stream.rstCode}`));
    });
    stream.end(method === "POST" ? "a=1" : undefined);
    return promise;
  };

  /** One that stops within its head, or one that takes a large body drop by drop and leaves. */
  async #slow(n: number): Promise<void> {
    const { address, http } = this.#world.at;
    const site = this.#world.sites[n % this.#world.sites.length];
    assert(site !== undefined, "There are sites");
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = connect(http, address);
    const get = `GET /large/${LARGE}/${n % LARGES} HTTP/1.1\r\nHost: ${site.host}\r\n`;
    let drops = 0;
    socket.on("error", () => {});
    socket.on("close", () => resolve());
    socket.write(n % 2 === 0 ? get : `${get}\r\n`);
    socket.on("data", () => {
      socket.pause();
      setTimeout(() => (this.#stopped ? socket.destroy() : socket.resume()), 100);
      if (++drops > 50) socket.resetAndDestroy();
    });
    const end = setInterval(() => this.#stopped && socket.destroy(), 200);
    await promise;
    clearInterval(end);
    this.#count("slow");
  }
}

/** What is wrong with an answer; null for nothing. */
function faultOf({ site, method, path, size, headers }: Asked, got: Got): string | null {
  const isNone = path.startsWith("/none/");
  const statuses = isNone
    ? [404]
    : [
        200,
        ...(headers.range === undefined ? [] : [206]),
        ...("if-none-match" in headers ? [304] : []),
      ];
  if (!statuses.includes(got.status)) return `answered ${got.status}, ${got.cacheStatus}`;
  if (got.body === null || isNone) return null;
  const isEmpty = method === "HEAD" || got.status === 304;
  const length = isEmpty ? 0 : got.status === 206 ? 500 : size;
  if (got.body.length !== length) return `${got.status} with ${got.body.length} bytes`;
  if (got.status !== 200 || isEmpty) return null;
  const start = `${site.customer} ${path} `;
  const came = new TextDecoder().decode(got.body.subarray(0, start.length));
  return came === start ? null : `it begins ${came}`;
}
