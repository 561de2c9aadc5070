import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { Stage, type StageOrigin, snapshotOf, startOrigin, until, ZONE } from "./edge-stage.ts";

const SHOP = "www.shop.example";
const SIZE = 3_000_000;
const BLOCK = 262_144;

let origin: StageOrigin;
let stage: Stage;
let version = 1;

function bodyOf(path: string, of: number): Uint8Array<ArrayBuffer> {
  const seed = path.length * 31 + of;
  return Uint8Array.from({ length: SIZE }, (_, i) => (i * 7 + (i >> 9) + seed) & 255);
}

beforeAll(async () => {
  origin = startOrigin("127.88.1.1", 0, (asked) => {
    const fields = { "cache-control": "max-age=86400", etag: `"${version}"` };
    const headers = { ...fields, "content-type": "video/mp4" };
    const { pathname } = new URL(asked.url);
    const body = bodyOf(pathname, version);
    return new Response(pathname.startsWith("/small") ? body.slice(0, 50_000) : body, { headers });
  });
  const { port } = origin;
  const origins = [{ name: "o1", v4: origin.address, port }];
  stage = new Stage(
    snapshotOf([{ customer: "shop", hostname: SHOP, port, origins }]),
    "127.88.1.9",
  );
  await stage.start();
});
afterAll(async () => {
  await stage.stop();
  await origin.stop();
});
beforeEach(() => {
  origin.log.length = 0;
  version = 1;
});

function urlOf(path: string): string {
  return `http://${SHOP}.${ZONE}${path}`;
}

/** Asks until it is held and, with a length, leaves from its file: the disk has confirmed it. */
async function hold(path: string): Promise<void> {
  const end = performance.now() + 20_000;
  while (performance.now() < end) {
    const reply = await stage.get(urlOf(path));
    const isHit = reply.headers.get("cache-status")?.includes("; hit") === true;
    if (isHit && reply.headers.has("content-length")) return;
    await Bun.sleep(2);
  }
  throw new Error(`${path} does not become a hit`);
}

/** The only file of about this size: bodies have their own lengths here. */
function fileOf(): string {
  const found = readdirSync(join(stage.dir, "cache"), { recursive: true, encoding: "utf8" })
    .filter((name) => /^[0-9a-f]{2}\/[0-9a-f]{32}/.test(name))
    .map((name) => join(stage.dir, "cache", name))
    .filter((path) => statSync(path).size > SIZE);
  expect(found.length).toBe(1);
  return found[0]!;
}

function change(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}

/** The bytes, or null where the answer broke off before its end. */
async function read(path: string, fields: Record<string, string> = {}): Promise<Buffer | null> {
  const reply = await stage.get(urlOf(path), fields).catch(() => null);
  return reply === null ? null : reply.body;
}

test("a large stored body comes with its length and its origin's fields, whole and in any part", async () => {
  await hold("/film");
  const whole = bodyOf("/film", 1);
  const reply = await stage.get(urlOf("/film"));
  expect(reply.headers.get("content-length")).toBe(String(SIZE));
  expect(reply.headers.get("content-type")).toBe("video/mp4");
  expect(reply.headers.get("content-disposition")).toBeNull();
  expect(reply.body.equals(whole)).toBe(true);
  const parts = [
    [0, 0],
    [BLOCK - 1, BLOCK],
    [BLOCK, 3 * BLOCK - 1],
    [SIZE - 5, SIZE - 1],
  ] as const;
  for (const [first, last] of parts) {
    const part = await stage.get(urlOf("/film"), { range: `bytes=${first}-${last}` });
    expect(part.status).toBe(206);
    expect(part.headers.get("content-range")).toBe(`bytes ${first}-${last}/${SIZE}`);
    expect(part.headers.get("content-length")).toBe(String(last - first + 1));
    expect(part.body.equals(whole.subarray(first, last + 1))).toBe(true);
  }
  await stage.purge("shop", SHOP, "/film");
});

test("a body on its way when it is purged comes to its end, and the next one is the new one", async () => {
  await hold("/on-its-way");
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = { host: `${SHOP}.${ZONE}` };
  const at = { host: stage.address, port: stage.edge.httpPort, path: "/on-its-way", headers };
  request({ ...at, agent: false }, resolve)
    .on("error", reject)
    .end();
  const slow = await promise;
  slow.pause();
  version = 2;
  await stage.purge("shop", SHOP, "/on-its-way");
  const next = await stage.get(urlOf("/on-its-way"));
  expect(next.headers.get("etag")).toBe('"2"');
  expect(next.body.equals(bodyOf("/on-its-way", 2))).toBe(true);
  const chunks: Buffer[] = [];
  for await (const chunk of slow) chunks.push(chunk as Buffer);
  expect(slow.headers.etag).toBe('"1"');
  expect(Buffer.concat(chunks).equals(bodyOf("/on-its-way", 1))).toBe(true);
  await stage.purge("shop", SHOP, "/on-its-way");
});

test("after a restart each block is checked before it leaves, once", async () => {
  await hold("/again");
  await stage.edge.stop();
  await stage.start();
  const first = await stage.get(urlOf("/again"));
  const second = await stage.get(urlOf("/again"));
  expect(origin.log.length).toBeLessThan(3);
  expect(first.headers.get("content-length")).toBeNull();
  expect(second.headers.get("content-length")).toBe(String(SIZE));
  for (const reply of [first, second]) expect(reply.body.equals(bodyOf("/again", 1))).toBe(true);
  await stage.edge.stop();
  change(fileOf(), 2 * BLOCK + 17);
  await stage.start();
  const broken = await read("/again");
  expect(broken === null || broken.equals(bodyOf("/again", 1))).toBe(true);
  await hold("/again");
  expect((await read("/again"))?.equals(bodyOf("/again", 1))).toBe(true);
  await stage.purge("shop", SHOP, "/again");
});

test("what was checked is checked again after an hour, and a part needs its own blocks only", async () => {
  await hold("/hour");
  expect((await read("/hour"))?.equals(bodyOf("/hour", 1))).toBe(true);
  stage.clock.advance(3_600_000);
  change(fileOf(), 5 * BLOCK + 3);
  const good = await read("/hour", { range: `bytes=0-${BLOCK}` });
  expect(good?.equals(bodyOf("/hour", 1).subarray(0, BLOCK + 1))).toBe(true);
  const asked = origin.log.length;
  const bad = await read("/hour", { range: `bytes=${5 * BLOCK}-${6 * BLOCK}` });
  const right = bodyOf("/hour", 1).subarray(5 * BLOCK, 6 * BLOCK + 1);
  expect(bad === null || bad.equals(right)).toBe(true);
  await hold("/hour");
  expect(origin.log.length).toBeGreaterThan(asked);
  expect((await read("/hour"))?.equals(bodyOf("/hour", 1))).toBe(true);
});

/** The parts of a body of several, by their Content-Range. */
function partsOf(body: Buffer, contentType: string): Map<string, Buffer> {
  const boundary = /^multipart\/byteranges; boundary=([\w-]+)$/.exec(contentType)?.[1];
  const parts = new Map<string, Buffer>();
  const marks = `\r\n${body.toString("latin1")}`.split(`\r\n--${boundary}`);
  expect([marks[0], marks.at(-1)]).toEqual(["", "--\r\n"]);
  for (const mark of marks.slice(1, -1)) {
    const end = mark.indexOf("\r\n\r\n");
    expect(mark).toStartWith("\r\nContent-Type: video/mp4\r\n");
    const range = /Content-Range: (.*)$/.exec(mark.slice(0, end))![1]!;
    parts.set(range, Buffer.from(mark.slice(end + 4), "latin1"));
  }
  return parts;
}

for (const path of ["/many", "/small/many"]) {
  test(`several ranges of ${path} come as parts, no more than the whole and billed as sent (H12)`, async () => {
    await hold(path);
    const whole = bodyOf(path, 1).subarray(0, path.startsWith("/small") ? 50_000 : SIZE);
    const size = whole.byteLength;
    await until(() => stage.edge.metrics().includes("turnpike_edge_large_bodies_open 0\n"));
    const before = stage.usageOf("shop", SHOP).bytesOut;
    const reply = await stage.get(urlOf(path), { range: "bytes=40000-49990, 0-0,-1" });
    expect([reply.status, reply.headers.get("content-range")]).toEqual([206, null]);
    const parts = partsOf(reply.body, reply.headers.get("content-type")!);
    const asked = ["40000-49990", "0-0", `${size - 1}-${size - 1}`];
    expect([...parts.keys()]).toEqual(asked.map((range) => `bytes ${range}/${size}`));
    for (const [range, bytes] of parts) {
      const [first, last] = /(\d+)-(\d+)/.exec(range)!.slice(1).map(Number) as [number, number];
      expect(bytes.equals(whole.subarray(first, last + 1))).toBe(true);
    }
    expect(stage.usageOf("shop", SHOP).bytesOut - before).toBe(reply.body.length);
    // Those that overlap are one, which needs no parts; too many are none.
    const one = await stage.get(urlOf(path), { range: "bytes=5-9,0-6,3-4" });
    expect(one.headers.get("content-range")).toBe(`bytes 0-9/${size}`);
    const many = Array.from({ length: 9 }, (_, i) => `${2 * i}-${2 * i}`).join(",");
    expect((await stage.get(urlOf(path), { range: `bytes=${many}` })).status).toBe(200);
    const none = await stage.get(urlOf(path), { range: `bytes=${size}-,${size + 5}-` });
    expect([none.status, none.headers.get("content-range")]).toEqual([416, `bytes */${size}`]);
  });
}
