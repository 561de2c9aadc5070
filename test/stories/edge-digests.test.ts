// No digest of an origin's leaves on bytes that it was not made of (RFC 9530, RFC 3230).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import { Stage, type StageOrigin, snapshotOf, startOrigin } from "./edge-stage.ts";
import { type Said, TwoWays } from "./edge-two-ways.ts";

const NET = "127.66";
const SHOP = "www.shop.example";
const BODY = Buffer.from("Some words of style; ".repeat(1_000));
const LARGE = Buffer.alloc(3 * 1024 * 1024, "letters and more of them ");

const sha256 = (bytes: Uint8Array) =>
  `sha-256=:${createHash("sha256").update(bytes).digest("base64")}:`;
const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("base64");

let origin: StageOrigin;
let stage: Stage;
const ways = new TwoWays(() => stage);

/** As a server does that knows of all of them: of the part that it sends, and of the whole. */
function answer(request: Request): Response {
  const whole = new URL(request.url).pathname.endsWith(".bin") ? LARGE : BODY;
  const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
  const last = range === null ? whole.length - 1 : Math.min(whole.length - 1, Number(range[2]));
  const bytes = range === null ? whole : whole.subarray(Number(range[1]), last + 1);
  const headers = new Headers({
    "cache-control": "max-age=10",
    etag: '"v1"',
    "content-type": "text/css",
    "content-digest": sha256(bytes),
    "content-md5": md5(bytes),
    "repr-digest": sha256(whole),
    digest: `sha-256=${createHash("sha256").update(whole).digest("base64")}`,
  });
  if (request.headers.get("if-none-match") === '"v1"') {
    headers.set("content-digest", sha256(new Uint8Array()));
    return new Response(null, { status: 304, headers });
  }
  if (range === null) return new Response(new Uint8Array(bytes), { headers });
  headers.set("content-range", `bytes ${range[1]}-${last}/${whole.length}`);
  return new Response(new Uint8Array(bytes), { status: 206, headers });
}

beforeAll(async () => {
  origin = startOrigin(`${NET}.4.1`, 0, answer);
  const { port, address: v4 } = origin;
  const site = { hostname: SHOP, customer: "shop", port, front: "caches" as const };
  const rules = [{ name: "all", compress: true }];
  const origins = [{ name: "o1", v4, port }];
  stage = new Stage(snapshotOf([{ ...site, origins, rules }]), `${NET}.9.5`);
  await stage.start({ tls: selfSigned([SHOP], new Date()) });
});
afterAll(async () => {
  ways.close();
  await stage.stop();
  await origin.stop();
});

/** Each digest that is there is one of these bytes. */
function holds(said: Said, whole: Uint8Array): string[] {
  const names = ["content-digest", "content-md5", "repr-digest", "digest"];
  const there = names.filter((name) => said.headers.has(name));
  const right: Readonly<Record<string, string>> = {
    "content-digest": sha256(said.body),
    "content-md5": md5(said.body),
    "repr-digest": sha256(whole),
    digest: `sha-256=${createHash("sha256").update(whole).digest("base64")}`,
  };
  for (const name of there) expect([name, said.headers.get(name)]).toEqual([name, right[name]!]);
  return there;
}

for (const [via, ask] of ways.both) {
  const n = via.replace(/\D/g, "");
  const get = (path: string, fields: Record<string, string> = {}) =>
    ask(`http://${SHOP}/${n}${path}`, { fields });

  describe(`over ${via}`, () => {
    test("the whole has them all, a part those of the whole, another coding and 304 none", async () => {
      const whole = await get("/a.css");
      expect(holds(whole, BODY).length).toBe(4);
      expect(holds(await get("/a.css"), BODY).length).toBe(4);
      const part = await get("/a.css", { range: "bytes=5-14" });
      expect([part.status, holds(part, BODY)]).toEqual([206, ["repr-digest", "digest"]]);
      const parts = await get("/a.css", { range: "bytes=0-9,100-109" });
      expect([parts.status, holds(parts, BODY)]).toEqual([206, ["repr-digest", "digest"]]);
      const none = await get("/a.css", { range: "bytes=900000-" });
      expect([none.status, holds(none, BODY)]).toEqual([416, ["repr-digest", "digest"]]);
      const endMs = performance.now() + 10_000;
      let packed = await get("/a.css", { "accept-encoding": "gzip" });
      while (!packed.headers.has("content-encoding") && performance.now() < endMs) {
        packed = await get("/a.css", { "accept-encoding": "gzip" });
      }
      expect(gunzipSync(packed.body).equals(BODY)).toBe(true);
      expect(holds(packed, packed.body)).toEqual([]);
      const same = await get("/a.css", { "if-none-match": '"v1"' });
      expect([same.status, holds(same, BODY)]).toEqual([304, []]);
    });

    test("a 304 of the origin leaves the digest of the bytes that are held", async () => {
      await get("/b.css");
      stage.clock.advance(11_000);
      const renewed = await get("/b.css");
      expect(renewed.headers.get("cache-status")).toContain("fwd-status=304");
      expect(holds(renewed, BODY)).toContain("content-digest");
    });

    test("a part cut from slices has none of the slice's", async () => {
      for (const range of ["bytes=2000000-2000009", "bytes=2000005-2000014"]) {
        const part = await get("/c.bin", { range });
        expect([part.status, part.body.length]).toEqual([206, 10]);
        expect(holds(part, LARGE)).toEqual(["repr-digest", "digest"]);
      }
    });
  });
}
