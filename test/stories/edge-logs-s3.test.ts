// A site's log goes to a bucket of an S3-compatible store: what is there is what the clients got, each answer
// once, whatever became of the cache and the store meanwhile.
import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { OriginCredential } from "../../src/model/origin-credential.ts";
import { ask, type Reply, Stage, snapshotOf, startOrigin, until, ZONE } from "./edge-stage.ts";
import { type Bucket, isSignedV4, startBucket } from "./s3-store.ts";

const SHOP = "www.shop.example";
const KEY = { id: "AKIATURNPIKE", secret: "a/secret+access/key=of=forty=characters=" };
const REGION = "eu-central-1";
const NO_NAMES = () => Promise.reject(new Error("Nothing is resolved here"));
const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const linesOf = ({ objects }: Bucket): string[] =>
  [...objects.values()].flatMap((body) => gunzipSync(body).toString().trimEnd().split("\n"));

interface Line {
  readonly path: string;
  readonly status: number;
  readonly bytes: number;
}

function pathsIn(lines: readonly string[]): ReadonlySet<string> {
  return new Set(lines.map((line) => (JSON.parse(line) as Line).path));
}

function siteOf(host: string, port: number, origin: { address: string; port: number }) {
  const s3 = { key: "bucket", region: REGION };
  return {
    ...{ hostname: SHOP, customer: "shop", port: origin.port },
    origins: [{ name: "o1", v4: origin.address, port: origin.port }],
    logs: { to: `http://${host}:${port}/logs/cdn`, s3, everySec: 1 },
  };
}

test("the store of these tests takes the request that AWS publishes, and none that is changed", () => {
  // API Reference of S3, "Signature Calculations: Transferring Payload in a Single Chunk", PUT Object.
  const headers = {
    host: "examplebucket.s3.amazonaws.com",
    date: "Fri, 24 May 2013 00:00:00 GMT",
    "x-amz-date": "20130524T000000Z",
    "x-amz-storage-class": "REDUCED_REDUNDANCY",
    "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
    authorization:
      "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
  };
  const request = { method: "PUT", url: "/test%24file.text", headers };
  const of = {
    id: "AKIAIOSFODNN7EXAMPLE",
    secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    region: "us-east-1",
    nowMs: Date.UTC(2013, 4, 24),
  };
  expect(isSignedV4(request, of)).toBe(true);
  expect(isSignedV4({ ...request, method: "POST" }, of)).toBe(false);
  expect(isSignedV4({ ...request, url: "/test%24file.txt" }, of)).toBe(false);
  expect(isSignedV4({ ...request, headers: { ...headers, date: "now" } }, of)).toBe(false);
  expect(isSignedV4(request, { ...of, secret: "another" })).toBe(false);
  expect(isSignedV4(request, { ...of, nowMs: of.nowMs + 3_600_000 })).toBe(false);
});

describe("with a bucket", () => {
  async function world(host: string, more: Readonly<Record<string, unknown>> = {}) {
    const nowMs = () => stage.clock.wallMs();
    const bucket = await startBucket(`${host}.2`, { ...KEY, region: REGION, nowMs });
    ends.push(() => bucket.stop());
    const origin = startOrigin(`${host}.1`, 0, () => new Response("ok"));
    ends.push(() => origin.stop());
    const site = siteOf(`${host}.2`, bucket.port, origin);
    const stage = new Stage(
      snapshotOf([{ ...site, logs: { ...site.logs, ...more } }]),
      `${host}.9`,
    );
    const held: { credential: OriginCredential | null } = {
      credential: { kind: "access-key", ...KEY },
    };
    await stage.start({
      resolver: { lookup: NO_NAMES, lookupAt: NO_NAMES },
      credentials: (customer, name) =>
        customer === "shop" && name === "bucket" ? held.credential : null,
    });
    ends.push(() => stage.stop());
    const get = (path: string) => stage.get(`http://c.${ZONE}/${SHOP}${path}`);
    const passing = (holds: () => boolean) =>
      until(() => {
        stage.clock.advance(1_000);
        return holds();
      }, 20_000);
    const told = () => stage.edge.drainStats().logs?.[SHOP];
    return { bucket, stage, get, passing, told, held };
  }

  test("an object is named by site, day, hour, cache and number of its batch, whenever it is taken", async () => {
    const { bucket, stage, get, passing, told } = await world("127.65.1");
    bucket.state = "away";
    await get("/first");
    await until(() => (told()?.waitingBytes ?? 0) > 0);
    stage.clock.advance(26 * 3_600_000);
    await until(() => bucket.refused.length > 0);
    await get("/later");
    bucket.state = "open";
    await passing(() => linesOf(bucket).length === 2);
    const shape = (at: string, n: number) =>
      new RegExp(`^/logs/cdn/${SHOP}/${at}/edge-1-\\d{13}-00000000${n}\\.log\\.gz$`);
    expect(bucket.puts[0]).toMatch(shape("2026-11-22/12", 1));
    expect(bucket.puts[1]).toMatch(shape("2026-11-23/\\d\\d", 2));
    expect(linesOf(bucket).map((line) => (JSON.parse(line) as Line).path)).toEqual(
      ["/first", "/later"].map((path) => `/${SHOP}${path}`),
    );
  });

  test("lines are in the form that was asked for", async () => {
    const { bucket, get, passing } = await world("127.65.2", { format: "combined" });
    await get("/a");
    await passing(() => bucket.puts.length > 0);
    expect(linesOf(bucket)).toEqual([
      expect.stringMatching(
        /^127\.0\.0\.1 - - \[22\/Nov\/2026:12:[\d:]+ \+0000\] "GET \/www\.shop\.example\/a HTTP\/1\.1" 200 2 "-" "-"$/,
      ),
    ]);
  });

  test("what a store refuses is told by its own word, waits, and comes once it is taken", async () => {
    const { bucket, get, passing, told, held } = await world("127.65.3");
    held.credential = { kind: "access-key", ...KEY, secret: "another-secret" };
    await get("/a");
    await passing(() => told()?.fault === "the receiver answered 403 SignatureDoesNotMatch");
    held.credential = null;
    await passing(() => told()?.fault?.includes("the access key bucket is missing") === true);
    bucket.state = "away";
    held.credential = { kind: "access-key", ...KEY };
    await passing(() => told()?.fault === "the receiver answered 503 SlowDown");
    expect([bucket.puts.length, told()?.lostLines]).toEqual([0, 0]);
    bucket.state = "open";
    await passing(() => told()?.deliveredLines === 1);
    expect(linesOf(bucket).length).toBe(1);
  });
});

test("a cache that is killed again and again, and a store that is away or says nothing: each answer is there once", async () => {
  const host = "127.65.4";
  const bucket = await startBucket(`${host}.2`, { ...KEY, region: REGION, nowMs: Date.now });
  ends.push(() => bucket.stop());
  const origin = startOrigin(`${host}.1`, 0, (request) => {
    const size = Number(new URL(request.url).searchParams.get("size"));
    return new Response("x".repeat(size), { headers: { "cache-control": "max-age=60" } });
  });
  ends.push(() => origin.stop());
  const dir = mkdtempSync(join(tmpdir(), "turnpike-logs-"));
  ends.push(() => rmSync(dir, { recursive: true, force: true }));
  const snapshot = JSON.stringify(snapshotOf([siteOf(`${host}.2`, bucket.port, origin)]));
  const fixture = join(import.meta.dir, "../fixtures/edge-logs-child.ts");
  const start = async () => {
    const cmd = [process.execPath, fixture, dir, `${host}.9`, snapshot, KEY.id, KEY.secret];
    const child = Bun.spawn({ cmd, stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    ends.push(() => child.kill(9));
    const said = await child.stdout.getReader().read();
    return { child, port: Number(new TextDecoder().decode(said.value)) };
  };
  const got = new Map<string, number>();
  const onDisk = () => {
    const folder = join(dir, "logs", `shop@${SHOP}`);
    const files = existsSync(folder) ? readdirSync(folder) : [];
    return files.flatMap((name) => {
      try {
        return readFileSync(join(folder, name), "utf8").split("\n").slice(0, -1);
      } catch {
        // It was taken in this moment.
        return [];
      }
    });
  };
  const STATES = ["away", "silent", "open", "silent", "open"] as const;
  for (const [round, state] of STATES.entries()) {
    bucket.state = state;
    const { child, port } = await start();
    const asks = Array.from({ length: 40 }, async (_, i): Promise<Reply> => {
      const path = `/${SHOP}/o${i % 10}?round=${round}&i=${i}&size=${i * 100}`;
      const said = await ask({ address: `${host}.9`, port }, `http://c.${ZONE}${path}`, {
        ...{ fields: {}, method: "GET" },
      });
      got.set(path, said.body.byteLength);
      return said;
    });
    const all = await Promise.all(asks);
    expect(all.every(({ status }) => status === 200)).toBe(true);
    // Up to half a second is in memory only; the rest has to be somewhere.
    await until(() => {
      const there = pathsIn([...onDisk(), ...linesOf(bucket)]);
      return [...got.keys()].every((path) => there.has(path));
    }, 20_000);
    // While an object is on its way, or has arrived and nobody knows.
    const before = bucket.puts.length;
    if (state === "silent") await until(() => bucket.puts.length > before, 20_000);
    child.kill(9);
    await child.exited;
  }
  bucket.state = "open";
  await start();
  await until(() => linesOf(bucket).length >= got.size && onDisk().length === 0, 30_000);
  const lines = linesOf(bucket).map((line) => JSON.parse(line) as Line);
  expect(lines.length).toBe(got.size);
  expect(Object.fromEntries(lines.map(({ path, bytes }) => [path, bytes]))).toEqual(
    Object.fromEntries(got),
  );
  // It was put again, under its name.
  expect(bucket.puts.length).toBeGreaterThan(bucket.objects.size);
}, 120_000);
