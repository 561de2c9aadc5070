// Whatever is asked for, changed, purged and let grow old in whatever order: each answer has the very bytes of the
// version that its validator names, of the part that its head names.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { seededRng } from "../../src/base/rng.ts";
import { parseRanges } from "../../src/wire/http/mod.ts";
import { type Reply, Stage, type StageOrigin, snapshotOf, startOrigin } from "./edge-stage.ts";

const NET = "127.91.2";
const SITE = "www.parts.example";
const PATHS = [1, 524_288, 900_000, 1_300_000, 3_000_000].map((size) => `/${size}/a`);
const CONTROLS = [
  ...["max-age=60", "max-age=60", "max-age=60", "private", "no-store"],
  "max-age=60, stale-while-revalidate=30, stale-if-error=100",
];
const ROUNDS = 60;
const AT_ONCE_MAX = 12;

const rng = seededRng(92);
const nat = (below: number) => Math.floor(rng.float() * below);
const pick = <T>(list: readonly T[]): T => list[nat(list.length)]!;

const now = new Map<string, { readonly version: number; readonly control: string }>();
let failing: number | null = null;
let origin: StageOrigin;
let stage: Stage;

const wholes = new Map<string, Uint8Array<ArrayBuffer>>();
function whole(size: number, version: number): Uint8Array<ArrayBuffer> {
  const name = `${size} ${version}`;
  const byteAt = (_: number, i: number) => 97 + ((i + (i >> 9) + version) % 26);
  const known = wholes.get(name) ?? new Uint8Array(size).map(byteAt);
  wholes.set(name, known);
  return known;
}

const sizeOf = (path: string) => Number(path.split("/")[1]);

/** As web servers do that know of parts and conditions. */
function answer(request: Request): Response {
  const path = new URL(request.url).pathname;
  if (failing !== null) return new Response(null, { status: failing });
  const { version, control } = now.get(path) ?? { version: 1, control: "max-age=60" };
  const all = whole(sizeOf(path), version);
  const etag = `"v${version}"`;
  const headers = new Headers({ etag, "accept-ranges": "bytes", "cache-control": control });
  headers.set("content-type", "text/css");
  if (request.headers.get("if-none-match") === etag) {
    return new Response(null, { status: 304, headers });
  }
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
  const only = request.headers.get("if-range");
  if (request.method === "HEAD" || range === null || (only !== null && only !== etag)) {
    return new Response(all, { headers });
  }
  const [first, last] = [Number(range[1]), Math.min(all.length - 1, Number(range[2]))];
  const where = first < all.length ? `${first}-${last}` : "*";
  headers.set("content-range", `bytes ${where}/${all.length}`);
  if (where === "*") return new Response(null, { status: 416, headers });
  return new Response(all.slice(first, last + 1), { status: 206, headers });
}

beforeAll(async () => {
  origin = startOrigin(`${NET}.1`, 0, answer);
  const { port, address } = origin;
  const site = { hostname: SITE, customer: "parts", port, front: "caches" as const };
  const origins = [{ name: "o1", v4: address, port }];
  stage = new Stage(snapshotOf([{ ...site, origins }]), `${NET}.9`);
  // Not all of it has room in memory.
  await stage.start({ memoryBytesMax: 24 * 1024 * 1024 });
});
afterAll(async () => {
  await stage.stop();
  await origin.stop();
});

function someRange(size: number): string {
  const first = nat(size + 5);
  const short = `${first}-${first + nat(20)}`;
  const long = pick([`${first}-${first + nat(size)}`, `${first}-`, `-${nat(size + 3)}`, "0-"]);
  return nat(4) === 0 ? long : short;
}

function someFields(size: number): Record<string, string> {
  const fields: Record<string, string> = {};
  const kind = rng.float();
  const ranges = Array.from({ length: kind < 0.6 ? 1 : 3 }, () => someRange(size));
  if (kind < 0.9) fields.range = `bytes=${ranges.join(",")}`;
  if (rng.float() < 0.1) fields["if-range"] = pick(['"v1"', '"v2"', 'W/"v1"']);
  if (rng.float() < 0.05) fields["if-none-match"] = pick(['"v1"', '"v2"']);
  if (rng.float() < 0.15) fields["cache-control"] = pick(["only-if-cached", "no-store"]);
  return fields;
}

/** All that a 206 must hold, and where it says that this is. */
function partsOf(reply: Reply, all: Uint8Array, range: string): readonly [Buffer, string | null] {
  const ranges = parseRanges(range, all.length);
  if (ranges === null || ranges === "unsatisfiable") return [Buffer.from("no part"), null];
  const where = ranges.map(({ first, last }) => `bytes ${first}-${last}/${all.length}`);
  const bytes = ranges.map(({ first, last }) => all.subarray(first, last + 1));
  const type = reply.headers.get("content-type") ?? "";
  const mark = /^multipart\/byteranges; boundary=(\S+)$/.exec(type)?.[1];
  if (mark === undefined) return [Buffer.concat(bytes), where.join()];
  const head = (i: number) =>
    `${i === 0 ? "" : "\r\n"}--${mark}\r\nContent-Type: text/css\r\nContent-Range: ${where[i]}\r\n\r\n`;
  const parts = bytes.flatMap((part, i) => [Buffer.from(head(i)), part]);
  return [Buffer.concat([...parts, Buffer.from(`\r\n--${mark}--\r\n`)]), null];
}

function check(reply: Reply, o: { path: string; method: string; fields: Record<string, string> }) {
  const { status, headers, body } = reply;
  if (status >= 400) return;
  const version = Number(/^(?:W\/)?"v(\d)"$/.exec(headers.get("etag") ?? "")?.[1]);
  const all = whole(sizeOf(o.path), version);
  const about = JSON.stringify({ ...o, status, said: headers.get("cache-status"), version });
  const length = headers.get("content-length");
  if (o.method === "HEAD" && status === 200) {
    expect([about, length]).toEqual([about, String(all.length)]);
  }
  if (o.method === "HEAD" || status === 304) return;
  if (length !== null) expect([about, length]).toEqual([about, String(body.length)]);
  const only = o.fields["if-range"];
  if (status === 206 && only !== undefined) expect([about, only]).toEqual([about, `"v${version}"`]);
  const [bytes, where] =
    status === 206 ? partsOf(reply, all, o.fields.range ?? "") : [Buffer.from(all), null];
  expect([about, headers.get("content-range")]).toEqual([about, where]);
  expect([about, body.equals(bytes)]).toEqual([about, true]);
}

test("every answer has the bytes of the version and the part that it names", async () => {
  let checked = 0;
  const one = async () => {
    const path = pick(PATHS);
    const o = { path, method: nat(10) === 0 ? "HEAD" : "GET", fields: someFields(sizeOf(path)) };
    // What is sent as it comes breaks off where a slice that it needs has changed, or cannot be had.
    const reply = await stage.get(`http://${SITE}${path}`, o.fields, o.method).catch(() => null);
    if (reply === null) return;
    check(reply, o);
    checked++;
  };
  let asked = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const atOnce = 1 + nat(AT_ONCE_MAX);
    asked += atOnce;
    await Promise.all(Array.from({ length: atOnce }, one));
    const next = rng.float();
    if (next < 0.3) stage.clock.advance(nat(90_000));
    if (next > 0.2 && next < 0.5) {
      now.set(pick(PATHS), { version: 1 + nat(3), control: pick(CONTROLS) });
    }
    if (next > 0.9) await stage.purge("parts", SITE, pick(PATHS));
    failing = next > 0.85 && next < 0.9 ? pick([503, 401]) : null;
  }
  expect(checked).toBeGreaterThan(asked / 2);
});
