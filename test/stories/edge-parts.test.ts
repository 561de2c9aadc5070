import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { Stage, type StageOrigin, snapshotOf, startOrigin, until } from "./edge-stage.ts";
import { TwoWays } from "./edge-two-ways.ts";

const NET = "127.95";
const SITE = "www.video.example";
const MIB = 1024 * 1024;
const SIZE = 1024 * MIB;
const SLICE = MIB / 2;

/** Byte `at` of version `v` of the gigabyte that the origin would serve. */
const byteAt = (at: number, v: number) => (at * 31 + (at >> 8) + v) & 255;

let version = 1;
let validator: "strong" | "weak" = "strong";
let control = "max-age=60";
/** Body bytes that the origin was asked to send. */
let sent = 0;
/** What is asked for from now on is answered once this is resolved, as it is when it is asked for. */
let gate: Promise<void> | null = null;
let origin: StageOrigin;
let stage: Stage;
const ways = new TwoWays(() => stage);

function bytesOf(first: number, last: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(last - first + 1);
  for (let i = 0; i < bytes.byteLength; i++) bytes[i] = byteAt(first + i, version);
  return bytes;
}

function answer(request: Request): Response | Promise<Response> {
  const response = answerNow(request);
  return gate === null ? response : gate.then(() => response);
}

function answerNow(request: Request): Response {
  const etag = `${validator === "weak" ? "W/" : ""}"v${version}"`;
  const headers: Record<string, string> = { etag, "cache-control": control };
  const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.get("range") ?? "");
  const only = request.headers.get("if-range");
  if (range === null || (only !== null && only !== etag)) {
    sent += 4 * MIB;
    return new Response(bytesOf(0, 4 * MIB - 1), { headers });
  }
  const [, from, to] = range;
  const first = from === "" ? SIZE - Number(to) : Number(from);
  const last = from === "" || to === "" ? SIZE - 1 : Math.min(SIZE - 1, Number(to));
  if (first >= SIZE) {
    return new Response(null, { status: 416, headers: { "content-range": `bytes */${SIZE}` } });
  }
  sent += last - first + 1;
  headers["content-range"] = `bytes ${first}-${last}/${SIZE}`;
  return new Response(bytesOf(first, last), { status: 206, headers });
}

beforeAll(async () => {
  origin = startOrigin(`${NET}.0.1`, 0, answer);
  const { port, address } = origin;
  const site = { hostname: SITE, customer: "video", port, front: "caches" as const };
  const snapshot = snapshotOf([{ ...site, origins: [{ name: "o1", v4: address, port }] }]);
  stage = new Stage(snapshot, `${NET}.9.1`);
  await stage.start({ tls: selfSigned([SITE], new Date()) });
});
afterAll(async () => {
  ways.close();
  await stage.stop();
  await origin.stop();
});
beforeEach(() => {
  sent = 0;
  version = 1;
  validator = "strong";
  control = "max-age=60";
  gate = null;
  origin.log.length = 0;
});

for (const [via, ask] of ways.both) {
  const n = via.replace(/\D/g, "");
  const part = async (path: string, range: string, more: Record<string, string> = {}) => {
    const reply = await ask(`http://${SITE}/${n}${path}`, { fields: { range, ...more } });
    return { ...reply, range: reply.headers.get("content-range") };
  };

  describe(`over ${via}`, () => {
    describe("a part of a gigabyte that is not held (H12)", () => {
      test("costs the origin one slice for one byte, and nothing for the next", async () => {
        const first = await part("/a", "bytes=0-0");
        expect([first.status, first.range]).toEqual([206, `bytes 0-0/${SIZE}`]);
        expect([...first.body]).toEqual([byteAt(0, 1)]);
        expect(sent).toBe(SLICE);
        const next = await part("/a", "bytes=100-199");
        expect([...next.body]).toEqual([...bytesOf(100, 199)]);
        expect(next.headers.get("cache-status")).toStartWith("edge-1; hit");
        expect(sent).toBe(SLICE);
      });

      test("costs two slices where it lies across two, wherever that is", async () => {
        const at = 700 * MIB - 10;
        const reply = await part("/b", `bytes=${at}-${at + 19}`);
        expect([...reply.body]).toEqual([...bytesOf(at, at + 19)]);
        expect(reply.headers.get("content-length")).toBe("20");
        expect(sent).toBe(2 * SLICE);
      });

      test("that is not there is no answer to who asked for more than that", async () => {
        const far = `bytes=${SIZE}-${SIZE + 9}`;
        expect((await part("/b2", far)).status).toBe(416);
        // Of another version than the client has, all is to be sent (RFC 9110 13.1.5).
        const other = await part("/b3", far, { "if-range": '"v0"' });
        expect([other.status, other.body.byteLength]).toEqual([200, 4 * MIB]);
        // As the origin has it, which takes one range at a time.
        expect((await part("/b4", `${far},0-9`)).status).toBe(200);
      });

      test("may be its last bytes", async () => {
        const reply = await part("/c", "bytes=-7");
        expect([reply.status, reply.range]).toEqual([206, `bytes ${SIZE - 7}-${SIZE - 1}/${SIZE}`]);
        expect([...reply.body]).toEqual([...bytesOf(SIZE - 7, SIZE - 1)]);
        expect(sent).toBe(7);
        expect((await part("/c", "bytes=-3")).body.byteLength).toBe(3);
        expect(sent).toBe(7);
      });

      test("streams to the end from far in, slice by slice", async () => {
        const at = SIZE - 3 * MIB - 5;
        const reply = await part("/d", `bytes=${at}-`);
        expect(reply.body.equals(Buffer.from(bytesOf(at, SIZE - 1)))).toBe(true);
        expect(sent).toBeLessThanOrEqual(4 * MIB);
        const again = await part("/d", `bytes=${SIZE - 2 * MIB}-`);
        expect(again.body.equals(Buffer.from(bytesOf(SIZE - 2 * MIB, SIZE - 1)))).toBe(true);
        expect(sent).toBeLessThanOrEqual(4 * MIB);
      });

      test("is fetched once for a hundred who want the same", async () => {
        const replies = await Promise.all(
          Array.from({ length: 100 }, () => part("/e", "bytes=600000-600009")),
        );
        for (const reply of replies) expect([...reply.body]).toEqual([...bytesOf(600000, 600009)]);
        expect(sent).toBe(SLICE);
      });

      test("beyond its end is answered with 416", async () => {
        await part("/f", "bytes=0-0");
        const reply = await part("/f", `bytes=${SIZE}-`);
        expect([reply.status, reply.range]).toEqual([416, `bytes */${SIZE}`]);
      });

      test("a thousand ranges in one field are answered with one body and no more", async () => {
        const many = Array.from({ length: 1000 }, (_, i) => `${i}-`).join(",");
        const reply = await part("/g", `bytes=${many}`);
        expect([reply.status, reply.body.byteLength]).toEqual([200, 4 * MIB]);
      });
    });

    describe("slices of one object", () => {
      test("are never joined with those of another version", async () => {
        await part("/v", "bytes=0-0");
        version = 2;
        const at = 5 * MIB;
        const reply = await part("/v", `bytes=${at}-${at + 9}`);
        expect([...reply.body]).toEqual([...bytesOf(at, at + 9)]);
        const start = await part("/v", "bytes=0-9");
        expect([...start.body]).toEqual([...bytesOf(0, 9)]);
      });

      test("are not joined where the validator is weak: each part is its client's own", async () => {
        validator = "weak";
        await part("/w", "bytes=0-0");
        const at = 5 * MIB;
        const reply = await part("/w", `bytes=${at}-${at + 9}`);
        expect([...reply.body]).toEqual([...bytesOf(at, at + 9)]);
        expect(sent).toBe(SLICE + 10);
      });

      test("go with a purge, all of them", async () => {
        const at = 5 * MIB;
        await part("/p", "bytes=0-0");
        await part("/p", `bytes=${at}-${at + 9}`);
        version = 2;
        await stage.purge("video", SITE, `/${n}/p`);
        expect([...(await part("/p", `bytes=${at}-${at + 9}`)).body]).toEqual([
          ...bytesOf(at, at + 9),
        ]);
        expect([...(await part("/p", "bytes=0-9")).body]).toEqual([...bytesOf(0, 9)]);
      });

      for (const asked of [true, false]) {
        const meanwhile = asked ? "somebody asks" : "nobody asks";
        test(`purged on its way, while ${meanwhile} for it anew, goes to who asked for it and is not kept`, async () => {
          const path = `/purged-${asked}`;
          const get = async (): Promise<readonly [string, number[]]> => {
            const { body, headers } = await part(path, "bytes=5242880-5242889");
            return [(headers.get("cache-status") ?? "").replace(/^edge-1; /, ""), [...body]];
          };
          const bytes = () => [...bytesOf(5 * MIB, 5 * MIB + 9)];
          await part(`${path}-beside`, "bytes=0-0");
          origin.log.length = 0;
          const hold = Promise.withResolvers<void>();
          gate = hold.promise;
          const first = get();
          await until(() => origin.log.length === 1);
          const old = bytes();
          gate = null;
          version = 2;
          const waits = get();
          // What was sent before this is answered has come: it waits for the first.
          await part(`${path}-beside`, "bytes=0-0");
          await stage.purge("video", SITE, `/${n}${path}`);
          const stored = "fwd=uri-miss; fwd-status=206; stored";
          if (asked) expect((await get())[1]).toEqual(bytes());
          hold.resolve();
          expect(await first).toEqual(["fwd=uri-miss; fwd-status=206", old]);
          // One that was sent before the purge and one that is sent now: one of them fetches, for all.
          const others = await Promise.all([waits, get()]);
          for (const [, body] of others) expect(body).toEqual(bytes());
          for (const [said] of others) {
            const collapsed = "fwd=uri-miss; fwd-status=206; collapsed";
            expect([stored, "hit; ttl=60", collapsed]).toContain(said);
          }
          for (let i = 0; i < 3; i++) expect(await get()).toEqual(["hit; ttl=60", bytes()]);
          expect(origin.log.length).toBe(2);
        });
      }

      test("outlive their freshness when the origin still has the same", async () => {
        const at = 5 * MIB;
        await part("/x", `bytes=${at}-${at + 9}`);
        await part("/x", `bytes=${2 * at}-${2 * at + 9}`);
        expect(sent).toBe(2 * SLICE);
        stage.clock.advance(61_000);
        await part("/x", `bytes=${at}-${at + 9}`);
        expect(sent).toBe(3 * SLICE);
        await part("/x", `bytes=${2 * at}-${2 * at + 9}`);
        expect(sent).toBe(3 * SLICE);
      });

      test("are not kept of what is private", async () => {
        control = "private, max-age=60";
        await part("/s", "bytes=0-9");
        const before = origin.log.length;
        const reply = await part("/s", "bytes=0-9");
        expect([...reply.body]).toEqual([...bytesOf(0, 9)]);
        expect(origin.log.length).toBe(before + 1);
        expect(reply.headers.get("cache-status")).toContain("not-shared");
      });

      test("If-Range with another validator gets the whole", async () => {
        await part("/i", "bytes=0-0");
        const reply = await part("/i", "bytes=0-0", { "if-range": '"other"' });
        expect([reply.status, reply.body.byteLength]).toEqual([200, 4 * MIB]);
      });
    });
  });
}
