import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { type Rng, seededRng } from "../../src/base/rng.ts";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { Stage, type StageOrigin, snapshotOf, startOrigin, until, ZONE } from "./edge-stage.ts";
import { type Said, TwoWays } from "./edge-two-ways.ts";

/** The threat model names a million (T9). */
const REQUESTS = Number(process.env.TURNPIKE_CANARIES ?? 6_000);
const CUSTOMERS = 100;
const PATHS = 60;
const CLIENTS = 48;
const RESTARTS = 6;
const MEMORY_BYTES = 12 * 1024 * 1024;
const DISK_BYTES = 16 * 1024 * 1024;
const LANGUAGES = ["de", "en", "fr"];

const origins: StageOrigin[] = [];
let stage: Stage;
let counter = 0;
/** What origins have at present, and what has been acknowledged as purged: by host, and by host and path. */
const current = new Map<string, number>();
const floors = new Map<string, number>();
const ways = new TwoWays(() => stage);
const TLS = selfSigned([ZONE], new Date());
const seen = {
  http1: 0,
  http2: 0,
  hits: 0,
  joined: 0,
  privately: 0,
  purges: 0,
  bans: 0,
  restarts: 0,
  notModified: 0,
};

function hostOf(customer: number): string {
  return `www.c${customer}.example`;
}

function versionOf(of: ReadonlyMap<string, number>, host: string, path: string): number {
  return Math.max(of.get(host) ?? 0, of.get(`${host}${path}`) ?? 0);
}

/** The same bytes each time; its first line says whose they are. */
function bodyOf(canary: string): Uint8Array<ArrayBuffer> {
  const line = new TextEncoder().encode(`${canary}\n`);
  const hash = Bun.hash.crc32(canary);
  const size = hash % 97 === 0 ? 1_200_000 : 200 + (hash % 13 === 0 ? 40_000 : hash % 3_000);
  const bytes = new Uint8Array(line.byteLength + size).fill(65 + (hash % 26));
  bytes.set(line);
  return bytes;
}

function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

/** All customers of an origin are told apart by Host alone. */
function answer(request: Request): Response {
  const host = request.headers.get("host")!.split(":")[0]!;
  const { pathname } = new URL(request.url);
  const user = request.headers.get("cookie") ?? "nobody";
  const language = request.headers.get("accept-language") ?? "none";
  const kind = pathname.split("/")[1];
  const version = versionOf(current, host, pathname);
  const about = kind === "me" ? user : kind === "language" ? language : "all";
  const body = bodyOf(`${host} ${pathname} ${version} ${about}`);
  const tag = `"${sha256(body).slice(0, 32)}"`;
  const headers: Record<string, string> = {
    "content-type": "text/plain",
    "cache-control": kind === "me" ? "private" : kind === "short" ? "max-age=1" : "max-age=600",
    etag: tag,
    "x-sha256": sha256(body),
    "cache-tag": `of-${host}`,
    ...(kind === "language" ? { vary: "accept-language" } : {}),
  };
  if (request.headers.get("if-none-match") === tag) {
    return new Response(null, { status: 304, headers });
  }
  return new Response(body, { headers });
}

beforeAll(async () => {
  origins.push(startOrigin("127.88.2.1", 0, answer));
  const { port } = origins[0]!;
  for (let i = 2; i <= 4; i++) origins.push(startOrigin(`127.88.2.${i}`, port, answer));
  const sites = Array.from({ length: CUSTOMERS }, (_, i) => {
    const o1 = { name: "o1", v4: `127.88.2.${1 + (i % 4)}`, port };
    const o2 = { name: "o2", v4: `127.88.2.${1 + ((i + 1) % 4)}`, port };
    const front = i % 2 === 0 ? ("caches" as const) : ("servers" as const);
    return { hostname: hostOf(i), customer: `c${i}`, port, origins: [o1, o2], front };
  });
  stage = new Stage(snapshotOf(sites), "127.88.2.9");
  await start();
});
afterAll(async () => {
  ways.close();
  await stage.stop();
  await Promise.all(origins.map((origin) => origin.stop()));
});

async function start(): Promise<void> {
  await stage.start({ tls: TLS, memoryBytesMax: MEMORY_BYTES, diskBytesMax: DISK_BYTES });
}

/** Small numbers far more often than large ones. */
function skewed(rng: Rng, below: number): number {
  return Math.floor(below * rng.float() ** 3);
}

interface Asked {
  readonly host: string;
  readonly path: string;
  readonly user: string;
  readonly language: string;
  readonly second: boolean;
  readonly method: "GET" | "HEAD";
  readonly via: "http1" | "http2";
}

function draw(rng: Rng): Asked {
  const customer = skewed(rng, CUSTOMERS);
  const kinds = ["all", "all", "all", "short", "language", "me"];
  // Only a first address that caches answer for has private answers; and no other methods here.
  const kind = kinds[Math.floor(rng.float() * (customer % 2 === 0 ? 6 : 5))]!;
  return {
    host: hostOf(customer),
    path: `/${kind}/${skewed(rng, PATHS)}`,
    user: `user-${Math.floor(rng.float() * 1e9)}`,
    language: LANGUAGES[Math.floor(rng.float() * LANGUAGES.length)]!,
    second: customer % 2 === 1 || (kind !== "me" && kind !== "language" && rng.float() < 0.5),
    method: rng.float() < 0.03 ? "HEAD" : "GET",
    via: rng.float() < 0.5 ? "http1" : "http2",
  };
}

/** HTTP/1.1 keeps its connections, and HTTP/2 has all requests on one. */
async function sent(
  url: string,
  o: { readonly method: string; readonly fields: Record<string, string>; readonly via: string },
): Promise<Pick<Said, "status" | "headers"> & { readonly body: Uint8Array }> {
  const { method, fields } = o;
  if (o.via === "http2") return ways.http2(url, { method, fields });
  const to = new URL(url);
  const at = `http://${stage.address}:${stage.edge.httpPort}${to.pathname}`;
  const headers = { ...fields, host: to.host };
  const reply = await fetch(at, { headers, method, decompress: false });
  return { status: reply.status, headers: reply.headers, body: await reply.bytes() };
}

/** One request; says what is wrong with its answer, or null. */
async function askOne(asked: Asked): Promise<string | null> {
  const { host, path, user, language, method } = asked;
  const floor = versionOf(floors, host, path);
  const name = asked.second ? `${host}.${ZONE}` : host;
  const fields = { cookie: `id=${user}`, "accept-language": language };
  const reply = await sent(`http://${name}${path}`, { method, fields, via: asked.via });
  const bytes = reply.body;
  seen[asked.via]++;
  const status = reply.headers.get("cache-status") ?? "";
  if (status.includes("; hit")) seen.hits++;
  if (status.includes("collapsed")) seen.joined++;
  if (status.includes("fwd-status=304")) seen.notModified++;
  const said = `${method} ${name}${path} by ${asked.via}: ${reply.status} ${status}`;
  if (reply.status !== 200) return said;
  if (method === "HEAD") return null;
  if (sha256(bytes) !== reply.headers.get("x-sha256")) return `not the origin's bytes: ${said}`;
  const line = new TextDecoder().decode(bytes.subarray(0, 200)).split("\n")[0]!;
  const [ofHost, ofPath, version, about] = line.split(" ");
  if (ofHost !== host || ofPath !== path) return `another's bytes, ${line}: ${said}`;
  if (Number(version) < floor) return `older than the purge ${floor}, ${line}: ${said}`;
  const kind = path.split("/")[1];
  const mine = kind === "me" ? `id=${user}` : kind === "language" ? spoken(asked) : "all";
  if (kind === "me") seen.privately++;
  return about === mine ? null : `meant for ${about} and not ${mine}: ${said}`;
}

/** Second addresses send no language on. */
function spoken({ second, language }: Asked): string {
  return second ? "none" : language;
}

/** Something changes at the origins; once its purge is acknowledged, nothing older is served. */
async function change(rng: Rng): Promise<void> {
  const { host, path } = draw(rng);
  const customer = host.split(".")[1]!;
  const whole = rng.float() < 0.1;
  const version = ++counter;
  const name = whole ? host : `${host}${path}`;
  current.set(name, version);
  if (whole && rng.float() < 0.5) await stage.purge(customer, host, `of-${host}`, { scope: "tag" });
  else if (whole) await stage.purge(customer, host, "/", { scope: "site" });
  else await stage.purge(customer, host, path);
  if (whole) seen.bans++;
  else seen.purges++;
  floors.set(name, Math.max(version, floors.get(name) ?? 0));
}

/** So many requests by all clients, with changes and time passing between them. */
async function round(requests: number, rng: Rng): Promise<string[]> {
  const wrong: string[] = [];
  let left = requests;
  const client = async () => {
    while (left-- > 0 && wrong.length < 5) {
      if (rng.float() < 0.002) stage.clock.advance(700);
      if (rng.float() < 0.01) await change(rng);
      const fault = await askOne(draw(rng)).catch((error: unknown) => String(error));
      if (fault !== null) wrong.push(fault);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return wrong;
}

/** The edge goes and comes back; what was purged meanwhile is not served either. */
async function restart(rng: Rng): Promise<void> {
  ways.close();
  await stage.edge.stop();
  const { host, path } = draw(rng);
  const number = stage.purgeLog.length + 1;
  const purge = { number, atMs: stage.clock.wallMs(), customer: host.split(".")[1]!, site: host };
  stage.purgeLog.push({ ...purge, path });
  current.set(`${host}${path}`, ++counter);
  await start();
  await until(() => stage.acks.some((ack) => ack.number === number));
  floors.set(`${host}${path}`, counter);
  seen.restarts++;
}

test(
  "a hundred customers of one cache get each their own bytes, those of the origin, and none older than an acknowledged purge (T9)",
  async () => {
    const rng = seededRng(5);
    const started = performance.now();
    for (let part = 0; part <= RESTARTS; part++) {
      if (part > 0) await restart(rng);
      expect(await round(Math.ceil(REQUESTS / (RESTARTS + 1)), rng)).toEqual([]);
    }
    const seconds = Math.round((performance.now() - started) / 1000);
    const evidence = process.env.TURNPIKE_EVIDENCE;
    const figures = { requests: REQUESTS, customers: CUSTOMERS, crossings: 0, ...seen, seconds };
    if (evidence !== undefined) writeFileSync(evidence, JSON.stringify(figures));
    const { http1, http2, hits, joined, privately, purges, bans, notModified } = seen;
    for (const count of [http1, http2, hits, joined, privately, purges, bans, notModified]) {
      expect(count).toBeGreaterThan(0);
    }
  },
  30_000 + REQUESTS * 6,
);
