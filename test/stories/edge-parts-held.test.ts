// What is held in parts answers all that it can, and says truly whether anybody was asked for any of it.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import type { WhyTold } from "../../src/model/why.ts";
import { Stage, type StageOrigin, snapshotOf, startOrigin, until } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

const NET = "127.91.1";
const SITE = "www.parts.example";
const SLICE = 512 * 1024;
const MODIFIED = "Sun, 22 Nov 2020 11:00:00 GMT";

let version = 1;
let control: string | null = "max-age=60";
/** What has another status than all else. */
let failing: ((request: Request) => number | null) | null = null;
/** Answers wait for it. */
let gate: Promise<void> = Promise.resolve();
let origin: StageOrigin;
let stage: Stage;
const ways = new TwoWays(() => stage);

const sha256 = (bytes: Uint8Array) =>
  `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`;

const wholes = new Map<string, Uint8Array<ArrayBuffer>>();
/** All bytes of what is so large, in this version. */
function whole(size: number, v = version): Uint8Array<ArrayBuffer> {
  const name = `${size} ${v}`;
  const known =
    wholes.get(name) ?? new Uint8Array(size).map((_, i) => 97 + ((i + (i >> 9) + v) % 26));
  wholes.set(name, known);
  return known;
}

/** `/<size>/...`: parts of it to who asks for them, with digests of what is sent and of all of it. */
async function answer(request: Request): Promise<Response> {
  await gate;
  const status = failing?.(request) ?? null;
  if (status !== null) return new Response(null, { status });
  const all = whole(Number(new URL(request.url).pathname.split("/")[1]));
  const etag = `"v${version}"`;
  const headers = new Headers({ etag, "last-modified": MODIFIED, "content-type": "text/css" });
  if (control !== null) headers.set("cache-control", control);
  headers.set("repr-digest", sha256(all));
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
  const only = request.headers.get("if-range");
  if (range === null || (only !== null && only !== etag)) {
    headers.set("content-digest", sha256(all));
    return new Response(all, { headers });
  }
  const [first, last] = [Number(range[1]), Math.min(all.length - 1, Number(range[2]))];
  const bytes = all.slice(first, last + 1);
  headers.set("content-digest", sha256(bytes));
  headers.set("content-range", `bytes ${first}-${last}/${all.length}`);
  return new Response(bytes, { status: 206, headers });
}

beforeAll(async () => {
  origin = startOrigin(`${NET}.1`, 0, answer);
  const { port, address } = origin;
  const site = { hostname: SITE, customer: "parts", port, front: "caches" as const };
  const origins = [{ name: "o1", v4: address, port }];
  const rules = [{ name: "packed", match: { path: ["/*/packed/*"] }, compress: true }];
  stage = new Stage(snapshotOf([{ ...site, origins, rules }]), `${NET}.9`);
  await stage.start({ tls: selfSigned([SITE], new Date()) });
});
afterAll(async () => {
  ways.close();
  await stage.stop();
  await origin.stop();
});
beforeEach(() => {
  version = 1;
  control = "max-age=60";
  failing = null;
  gate = Promise.resolve();
  origin.log.length = 0;
});

for (const [via, ask] of ways.both) {
  const n = via.replace(/\D/g, "");
  const get = async (path: string, fields: Record<string, string> = {}, method = "GET") => {
    const reply = await ask(`http://${SITE}${path}`, { fields, method });
    const said = reply.headers.get("cache-status")?.replace(/^edge-1; /, "");
    return { ...reply, said };
  };
  const at = (size: number, name: string) => `/${size}/${n}/${name}`;
  const part = (path: string, range: string, more: Record<string, string> = {}) =>
    get(path, { range: `bytes=${range}`, ...more });
  /** All slices of it are held from here on. */
  const holdAll = async (path: string, size: number) => {
    for (let first = 0; first < size; first += SLICE) {
      expect((await part(path, `${first}-${first}`)).status).toBe(206);
    }
    origin.log.length = 0;
  };
  const CACHED = { "cache-control": "only-if-cached" };

  describe(`over ${via}`, () => {
    test("Cache-Status says of a part whether all of it was held (RFC 9211 2.1, 2.2), and so do all counts", async () => {
      const path = at(3_000_000, "said");
      const usage = stage.usageOf("parts", SITE);
      const hitsBefore = usage.hits;
      stage.edge.drainStats();
      const edge = SLICE - 4;
      const [partial, hit] = ["fwd=partial; fwd-status=206; stored", "hit; ttl=60"];
      const asked: readonly (readonly [string, number, string, Record<string, string>?])[] = [
        ["0-9", 206, "fwd=uri-miss; fwd-status=206; stored"],
        ["20-29", 206, hit],
        [`${edge}-${edge + 7}`, 206, partial],
        [`${edge}-${edge + 7}`, 206, hit],
        // Nothing of these, and no more than the beginning of those.
        ["1100000-1100009", 206, partial],
        ["5-9,1600000-1600009", 206, partial],
        ["5-9,1600000-1600009", 206, hit],
        ["1500000-", 206, partial],
        ["1500000-", 206, hit],
        ["3000000-", 416, hit],
        ["0-9", 304, hit, { "if-none-match": '"v1"' }],
        // That is so whatever part it is, held or not (RFC 9110 13.2.2).
        ["0-9", 304, hit, { "if-none-match": '"v1"', "if-range": '"v0"' }],
      ];
      for (const [range, status, said, more] of asked) {
        const reply = await part(path, range, more);
        expect([range, reply.status, reply.said]).toEqual([range, status, said]);
      }
      stage.clock.advance(61_000);
      const again = await part(path, "1100000-1100009");
      expect([again.status, again.said]).toEqual([206, "fwd=stale; fwd-status=206; stored"]);
      // The others are as fresh, the one by which the whole was known until then as well.
      expect((await part(path, "0-9")).said).toBe(hit);
      const hits = 1 + asked.filter(([, , said]) => said === hit).length;
      const { edge: seen, whyNot } = stage.edge.drainStats();
      expect(usage.hits - hitsBefore).toBe(hits);
      expect(seen[SITE]).toMatchObject({ requests: asked.length + 2, hits });
      expect(whyNot).toEqual({ [SITE]: { "not-held": asked.length + 1 - hits, stale: 1 } });
    });

    test("who waits for a slice that somebody else has asked for is told so, and is no hit", async () => {
      const path = at(3_000_000, "waits");
      await part(path, "0-9");
      origin.log.length = 0;
      stage.edge.drainStats();
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      const replies = Array.from({ length: 4 }, () => part(path, "2000000-2000009"));
      await until(() => origin.log.length > 0);
      resolve();
      const said = (await Promise.all(replies)).map((reply) => reply.said ?? "").sort();
      expect(origin.log.length).toBe(1);
      const partial = "fwd=partial; fwd-status=206";
      expect(said.filter((one) => one === `${partial}; stored`).length).toBe(1);
      // Who was heard only once it had come found it.
      const others = said.filter((one) => one !== `${partial}; stored`);
      const waited = others.filter((one) => one === `${partial}; collapsed`).length;
      const hits = others.filter((one) => one === "hit; ttl=60").length;
      expect(waited + hits).toBe(3);
      const { edge, whyNot } = stage.edge.drainStats();
      expect(edge[SITE]).toMatchObject({ requests: 4, hits });
      const { collapsed = 0, ...rest } = whyNot?.[SITE] ?? {};
      expect([collapsed, rest]).toEqual([waited, { "not-held": 1 }]);
    });

    test("only-if-cached gets what the held slices cover, and nobody is asked for the rest", async () => {
      const path = at(1_300_000, "only");
      expect((await part(path, "0-9", CACHED)).status).toBe(504);
      await part(path, "0-9");
      origin.log.length = 0;
      const held = await part(path, "100-109", CACHED);
      expect([held.status, held.said, held.text]).toEqual([
        ...[206, "hit; ttl=60", Buffer.from(whole(1_300_000).subarray(100, 110)).toString()],
      ]);
      expect((await part(path, "1300000-", CACHED)).status).toBe(416);
      for (const range of ["600000-600009", `${SLICE - 1}-${SLICE}`, "5-9,700000-700009"]) {
        expect((await part(path, range, CACHED)).status).toBe(504);
      }
      expect((await get(path, CACHED)).status).toBe(504);
      expect((await get(path, CACHED, "HEAD")).status).toBe(504);
      expect(origin.log.length).toBe(0);
      await holdAll(path, 1_300_000);
      const all = await get(path, CACHED);
      expect([all.status, all.said, all.body.equals(whole(1_300_000))]).toEqual([
        ...[200, "hit; ttl=60", true],
      ]);
      expect((await get(path, CACHED, "HEAD")).status).toBe(200);
      // Stale, and nothing was said of that.
      stage.clock.advance(61_000);
      expect((await part(path, "100-109", CACHED)).status).toBe(504);
      expect(origin.log.length).toBe(0);
    });

    for (const size of [300_000, 900_000, 1_300_000]) {
      test(`all ${size} bytes are served from slices once all are held, and nobody is asked`, async () => {
        const path = at(size, "all");
        const all = whole(size);
        await holdAll(path, size);
        for (let i = 0; i < 2; i++) {
          const { status, said, headers, body } = await get(path);
          expect([status, said, body.equals(all)]).toEqual([200, "hit; ttl=60", true]);
          const length = headers.get("content-length");
          if (size <= 1024 * 1024 || length !== null) expect(length).toBe(String(size));
          expect(headers.get("content-range")).toBeNull();
          expect(["etag", "repr-digest"].map((name) => headers.get(name))).toEqual([
            ...['"v1"', sha256(all)],
          ]);
          // The slice's own: it is no digest of all of it.
          expect(headers.get("content-digest")).toBeNull();
        }
        const head = await get(path, {}, "HEAD");
        const length = head.headers.get("content-length");
        expect([head.status, head.said, length]).toEqual([200, "hit; ttl=60", String(size)]);
        const same = await get(path, { "if-none-match": '"v1"' });
        expect([same.status, same.said]).toEqual([304, "hit; ttl=60"]);
        for (const range of ["0-", `1-${size - 1}`]) {
          const { status, said, headers, body } = await part(path, range);
          const first = Number(range[0]);
          expect([status, said, headers.get("content-range")]).toEqual([
            ...[206, "hit; ttl=60", `bytes ${first}-${size - 1}/${size}`],
          ]);
          expect(body.equals(all.subarray(first))).toBe(true);
        }
        // What cannot be cut for this client is sent whole.
        for (const fields of [{ range: "bytes=0-9", "if-range": '"v0"' }, { range: "lines=0-9" }]) {
          const { status, said, body } = await get(path, fields);
          expect([status, said, body.equals(all)]).toEqual([200, "hit; ttl=60", true]);
        }
        expect(origin.log.length).toBe(0);
        await stage.purge("parts", SITE, path);
        version = 2;
        const after = await get(path);
        expect([after.status, after.body.equals(whole(size, 2))]).toEqual([200, true]);
        expect(origin.log.length).toBe(1);
      });
    }

    test("all of it is asked for where a slice is missing, or what is held is stale", async () => {
      const path = at(1_300_000, "missing");
      await part(path, "0-9");
      await part(path, "600000-600009");
      const all = await get(path);
      expect([all.status, all.said]).toEqual([200, "fwd=partial; fwd-status=200; stored"]);
      expect(all.body.equals(whole(1_300_000))).toBe(true);
      const old = at(300_000, "stale");
      await holdAll(old, 300_000);
      version = 2;
      stage.clock.advance(61_000);
      expect((await get(old)).body.equals(whole(300_000, 2))).toBe(true);
    });

    test("all of it stands in from slices while it is validated, by one of them, and for an error", async () => {
      control = "max-age=60, stale-while-revalidate=100, stale-if-error=6000";
      const path = at(1_300_000, "stands-in");
      await holdAll(path, 1_300_000);
      stage.clock.advance(61_000);
      const stale = await get(path);
      expect([stale.status, stale.said]).toEqual([
        ...[200, "hit; ttl=-1; detail=stale-while-revalidate"],
      ]);
      expect(stale.body.equals(whole(1_300_000))).toBe(true);
      const endMs = performance.now() + 10_000;
      let again = await get(path);
      while (again.said !== "hit; ttl=60" && performance.now() < endMs) again = await get(path);
      expect([again.said, again.body.equals(whole(1_300_000))]).toEqual(["hit; ttl=60", true]);
      expect(origin.log.map(({ headers }) => headers.get("range"))).toEqual(["bytes=0-524287"]);
      stage.clock.advance(201_000);
      failing = () => 503;
      const error = await get(path);
      expect([error.status, error.said]).toEqual([
        200,
        "fwd=stale; ttl=-141; detail=stale-if-error",
      ]);
      expect(error.body.equals(whole(1_300_000))).toBe(true);
    });

    test("what was held in parts ends with another whole, by HEAD as well, and with one that is private", async () => {
      const path = at(1_300_000, "ends");
      await part(path, "0-9");
      version = 2;
      expect((await get(path)).body.equals(whole(1_300_000, 2))).toBe(true);
      const start = await part(path, "0-9");
      expect(start.text).toBe(Buffer.from(whole(1_300_000, 2).subarray(0, 10)).toString());
      const told = at(1_300_000, "ends-head");
      await part(told, "0-9");
      // Of the same, and for who may have another one: nothing ends.
      await get(told, {}, "HEAD");
      version = 3;
      await get(told, { authorization: "Basic eA==" }, "HEAD");
      expect((await part(told, "0-9")).said).toBe("hit; ttl=60");
      await get(told, {}, "HEAD");
      expect((await part(told, "0-9")).headers.get("etag")).toBe('"v3"');
      version = 2;
      const own = at(1_300_000, "ends-private");
      await part(own, "0-9");
      control = "private";
      await get(own);
      version = 3;
      // Nobody remembers for long that it was private.
      stage.clock.advance(11_000);
      const after = await part(own, "0-9");
      expect(after.text).toBe(Buffer.from(whole(1_300_000, 3).subarray(0, 10)).toString());
    });

    test("a slice that one client alone may have is kept for nobody, and takes nothing from others", async () => {
      const path = at(3_000_000, "alone");
      const far = "2000000-2000009";
      await part(path, "0-9");
      expect((await part(path, far, { "cache-control": "no-store" })).said).toBe(
        "fwd=partial; fwd-status=206",
      );
      const next = await part(path, far);
      expect([next.said, origin.log.length]).toEqual(["fwd=partial; fwd-status=206; stored", 3]);
      failing = ({ headers }) => (headers.has("authorization") ? 401 : null);
      expect((await part(path, "1100000-1100009", { authorization: "Basic eA==" })).status).toBe(
        401,
      );
      for (const range of ["0-9", far]) expect((await part(path, range)).said).toBe("hit; ttl=60");
      // What has become everybody's own is not kept, and what was held of it ends.
      failing = null;
      control = "private";
      const own = await part(path, "1100000-1100009");
      expect([own.status, own.said]).toEqual([206, "fwd=partial; fwd-status=206"]);
      version = 2;
      const after = await part(path, "0-9");
      expect(after.text).toBe(Buffer.from(whole(3_000_000, 2).subarray(0, 10)).toString());
    });

    test("a long part is not begun whose next slice cannot be had, or is another's", async () => {
      const path = at(3_000_000, "begun");
      for (const range of ["1100000-", "5-9,1100000-2900000"]) {
        await part(path, "0-9");
        await part(path, "1100000-1100009");
        failing = () => 503;
        expect((await part(path, range)).status).toBe(503);
        failing = null;
        version++;
        const other = await part(path, range);
        expect(other.headers.get("etag")).toBe(`"v${version}"`);
      }
      const one = at(3_000_000, "begun-alone");
      await part(one, "1100000-1100009");
      origin.log.length = 0;
      const own = await part(one, "1100000-", { "cache-control": "no-store" });
      expect(own.body.equals(whole(3_000_000).subarray(1_100_000))).toBe(true);
      // Each slice once, though none of them is kept.
      expect(origin.log.length).toBe(3);
    });

    test("a part is fresh for as long as its whole would be, also by when it was modified", async () => {
      const path = at(1_300_000, "heuristic");
      control = null;
      await part(path, "0-9");
      stage.clock.advance(600_000);
      expect((await part(path, "20-29")).said).toStartWith("hit; ttl=");
    });

    test("what was first asked for in parts is compressed as all else", async () => {
      const path = at(20_000, "packed/a.css");
      const br = { "accept-encoding": "br" };
      await holdAll(path, 20_000);
      const endMs = performance.now() + 10_000;
      let packed = await get(path, br);
      while (!packed.headers.has("content-encoding") && performance.now() < endMs) {
        packed = await get(path, br);
      }
      expect([packed.headers.get("content-encoding"), origin.log.length]).toEqual(["br", 0]);
    });
  });
}

test("why a request is answered as it is says what the slices that are held make of it", async () => {
  const path = "/1300000/why";
  const told: WhyTold[] = [];
  const end = stage.bus.subscribe("why.told", (one) => told.push(one));
  const why = async (fields: Record<string, string>) => {
    told.length = 0;
    const url = `http://${SITE}${path}`;
    stage.bus.publish("why.ask", { id: "a", url, method: "GET", fields, client: "127.0.0.1" });
    await until(() => told.length > 0);
    const { verdict, reason, held } = told[0]!.told!;
    return [verdict, reason, held?.status];
  };
  const get = (range: string) => stage.get(`http://${SITE}${path}`, { range });
  await get("bytes=0-9");
  expect(await why({ range: "bytes=5-9" })).toEqual(["hit", "fresh", 206]);
  expect(await why({ range: "bytes=600000-600009" })).toEqual(["miss", "not-held", undefined]);
  expect(await why({})).toEqual(["miss", "not-held", undefined]);
  await get("bytes=600000-600009");
  await get("bytes=1200000-1200009");
  expect(await why({})).toEqual(["hit", "fresh", 206]);
  end();
});
