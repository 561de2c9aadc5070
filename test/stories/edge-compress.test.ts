import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { brotliDecompressSync, gunzipSync, gzipSync, zstdDecompressSync } from "node:zlib";
import { type Get, isHit, RulesWorld, type Said, SHOP } from "./edge-rules-stage.ts";
import { Stage, type StageOrigin, snapshotOf, startOrigin } from "./edge-stage.ts";

const w = new RulesWorld("127.114");
const RULES = [
  { name: "off", match: { path: ["/*/off/*"] }, compress: false },
  { name: "on", match: { path: ["/*"] }, compress: true },
];
const ENCODED = "Accept-Encoding";
beforeAll(() => w.start(RULES));
afterAll(() => w.stop());

/** Asks until the answer comes in that coding: it is made behind the first answers. */
async function untilIn(get: Get, path: string, fields: Record<string, string>): Promise<Said> {
  const endMs = performance.now() + 10_000;
  for (;;) {
    const said = await get(path, fields);
    if (said.headers.has("content-encoding") || performance.now() > endMs) return said;
  }
}

const OPENED: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  br: brotliDecompressSync,
  gzip: gunzipSync,
  zstd: zstdDecompressSync,
};

describe.each([
  ["HTTP/1.1", () => w.http1],
  ["HTTP/2", () => w.http2],
] as const)("over %s", (via, way) => {
  const at = (path: string) => `/${via.replace(/[^12]/g, "")}${path}`;

  test("text comes in the coding that the client likes best, from one object", async () => {
    const path = at("/x.css?size=20000&tag=%22v1%22");
    const first = await way()(path, { "accept-encoding": "br, gzip" });
    expect([first.headers.get("content-encoding"), first.headers.get("vary")]).toEqual([
      ...[null, "Accept-Encoding"],
    ]);
    const asked = w.origin.log.length;
    for (const [field, coding] of [
      ["gzip, deflate, br, zstd", "br"],
      ["gzip, br;q=0.5", "gzip"],
      ["zstd", "zstd"],
    ] as const) {
      const said = await untilIn(way(), path, { "accept-encoding": field });
      expect([said.headers.get("content-encoding"), said.headers.get("vary")]).toEqual([
        ...[coding, "Accept-Encoding"],
      ]);
      expect([isHit(said), said.headers.get("etag")]).toEqual([true, 'W/"v1"']);
      expect(said.body.byteLength).toBeLessThan(5_000);
      expect(OPENED[coding]!(said.body).toString()).toBe(first.text);
    }
    const plain = await way()(path, { "accept-encoding": "identity" });
    expect([plain.text, plain.headers.get("etag"), plain.headers.get("vary")]).toEqual([
      ...[first.text, '"v1"', "Accept-Encoding"],
    ]);
    expect(w.origin.log.length).toBe(asked);
    expect(w.origin.log.at(-1)?.headers.get("accept-encoding")).toBe("identity");
  });

  test("who takes nothing but a coding gets it at once, also as the first of all (RFC 9110 12.5.3)", async () => {
    const path = at("/coded.css?size=20000&tag=%22v1%22");
    const texts = new Set<string>();
    const asked = w.origin.log.length;
    for (const [field, coding] of [
      ["br, identity;q=0", "br"],
      ["gzip, *;q=0", "gzip"],
      ["zstd;q=0.1, identity;q=0.000", "zstd"],
    ] as const) {
      const said = await way()(path, { "accept-encoding": field });
      expect([said.status, said.headers.get("content-encoding")]).toEqual([200, coding]);
      texts.add(OPENED[coding]!(said.body).toString());
    }
    const plain = await way()(path);
    expect([plain.headers.get("content-encoding"), [...texts]]).toEqual([null, [plain.text]]);
    expect(w.origin.log.length).toBe(asked + 1);
    // Renewed it is what it was.
    w.stage.clock.advance(61_000);
    const renewed = await way()(path, { "accept-encoding": "br, identity;q=0" });
    expect(renewed.headers.get("cache-status")).toContain("fwd-status=304");
    expect(renewed.headers.get("content-encoding")).toBe("br");
  });

  test("who wants nothing transformed gets the bytes as they are, also while others get them compressed", async () => {
    const path = at("/untouched.css?size=20000&tag=%22v1%22");
    const br = { "accept-encoding": "br" };
    const plain = await way()(path);
    for (const control of ["no-transform", "max-age=300, No-Transform"]) {
      expect((await untilIn(way(), path, br)).headers.get("content-encoding")).toBe("br");
      const { headers, text } = await way()(path, { ...br, "cache-control": control });
      expect([headers.get("content-encoding"), headers.get("vary"), headers.get("etag")]).toEqual([
        ...[null, "Accept-Encoding", '"v1"'],
      ]);
      expect(text).toBe(plain.text);
    }
  });

  test("parts are of the bytes as they are, and a compressed whole is validated by its weak tag", async () => {
    const path = at("/parts.css?size=20000&tag=%22v1%22");
    const br = { "accept-encoding": "br" };
    const whole = await way()(path);
    const packed = await untilIn(way(), path, br);
    const part = await way()(path, { ...br, range: "bytes=0-9" });
    expect([part.status, part.text, part.headers.get("content-encoding")]).toEqual([
      ...[206, whole.text.slice(0, 10), null],
    ]);
    const tag = packed.headers.get("etag")!;
    const mixed = await way()(path, { ...br, range: "bytes=0-9", "if-range": tag });
    expect([mixed.status, mixed.text]).toEqual([200, whole.text]);
    const same = await way()(path, { ...br, "if-none-match": tag });
    expect([same.status, same.headers.get("etag"), same.headers.get("vary")]).toEqual([
      ...[304, tag, "Accept-Encoding"],
    ]);
    // HEAD knows no ranges (RFC 9110 14.2).
    for (const fields of [br, { ...br, range: "bytes=0-9" }]) {
      const head = await way()(path, fields, "HEAD");
      expect(head.headers.get("content-length")).toBe(String(packed.body.byteLength));
    }
  });

  test("a date tells nobody whose bytes are compressed that a part fits them", async () => {
    const date = "Sun, 22 Nov 2026 11:00:00 GMT";
    const path = at(`/dated.css?size=20000&lm=${encodeURIComponent(date)}`);
    const br = { "accept-encoding": "br" };
    const whole = await way()(path);
    const packed = await untilIn(way(), path, br);
    expect(packed.headers.get("last-modified")).toBe(date);
    const range = { range: "bytes=100-", "if-range": date };
    const rest = await way()(path, { ...br, ...range });
    expect([rest.status, rest.text]).toEqual([200, whole.text]);
    const plain = await way()(path, { "accept-encoding": "identity", ...range });
    expect([plain.status, plain.text]).toEqual([206, whole.text.slice(100)]);
  });

  test("what a 304 renews keeps its compressed bytes", async () => {
    const path = at("/renewed.css?size=20000&tag=%22v1%22");
    const br = { "accept-encoding": "br" };
    await way()(path);
    await untilIn(way(), path, br);
    w.stage.clock.advance(61_000);
    const renewed = await way()(path, br);
    expect(renewed.headers.get("cache-status")).toContain("fwd-status=304");
    expect((await way()(path, br)).headers.get("content-encoding")).toBe("br");
  });

  test("pictures, small bodies, no-transform and other rules' paths are left as they are", async () => {
    const br = { "accept-encoding": "br" };
    const paths = [
      "/a.png?size=20000&type=image/png",
      "/small.css",
      "/as-is.css?size=20000&cc=max-age=60,no-transform",
      "/off/x.css?size=20000",
    ];
    for (const path of paths) {
      for (let i = 0; i < 3; i++) {
        const said = await way()(at(path), br);
        const { headers } = said;
        expect([path, headers.get("content-encoding"), headers.get("vary")]).toEqual([
          path,
          null,
          null,
        ]);
      }
    }
  });
});

describe("a body that its origin compressed", () => {
  // Ten megabytes of zeros in ten kilobytes.
  const bomb = gzipSync(Buffer.alloc(10 * 1024 * 1024));
  let origin: StageOrigin;
  let stage: Stage;
  beforeAll(async () => {
    origin = startOrigin("127.114.0.2", 0, () => {
      const headers = { "content-type": "text/css", "cache-control": "max-age=60" };
      return new Response(bomb, { headers: { ...headers, "content-encoding": "gzip" } });
    });
    const { address, port } = origin;
    const origins = [{ name: "o1", v4: address, port }];
    const site = { hostname: SHOP, customer: "shop", port, front: "caches" as const, origins };
    stage = new Stage(snapshotOf([{ ...site, rules: RULES }]), "127.114.9.2");
    await stage.start();
  });
  afterAll(async () => {
    await stage.stop();
    await origin.stop();
  });

  test("is stored and sent as it came: nothing here ever opens it (H14)", async () => {
    for (const field of ["gzip", "br, gzip", "br"]) {
      for (let i = 0; i < 3; i++) {
        const said = await stage.get(`http://${SHOP}/x.css`, { "accept-encoding": field });
        expect(said.headers.get("content-encoding")).toBe("gzip");
        expect(said.body.equals(bomb)).toBe(true);
      }
    }
    expect(stage.usageOf("shop", SHOP).bytesIn).toBe(bomb.byteLength);
  });
});

describe("an object of which only parts are held", () => {
  const text = "a {}\n".repeat(4_000);
  const DATE = "Sun, 22 Nov 2020 11:00:00 GMT";
  const TAGGED = { etag: '"v1"', "last-modified": DATE };
  let origin: StageOrigin;
  let stage: Stage;
  beforeAll(async () => {
    origin = startOrigin("127.114.0.3", 0, inParts);
    const { address, port } = origin;
    const origins = [{ name: "o1", v4: address, port }];
    const site = { hostname: SHOP, customer: "shop", port, front: "caches" as const, origins };
    stage = new Stage(snapshotOf([{ ...site, rules: RULES }]), "127.114.9.3");
    await stage.start();
  });
  afterAll(async () => {
    await stage.stop();
    await origin.stop();
  });

  function inParts(request: Request): Response {
    const type = new URL(request.url).searchParams.get("type") ?? "text/css";
    const fields = { "content-type": type, "cache-control": "max-age=60", ...TAGGED };
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "");
    if (range === null) return new Response(text, { headers: fields });
    const first = Number(range[1]);
    const last = Math.min(Number(range[2]), text.length - 1);
    const where = { "content-range": `bytes ${first}-${last}/${text.length}` };
    return new Response(text.slice(first, last + 1), {
      ...{ status: 206, headers: { ...fields, ...where } },
    });
  }

  test("says of each part, of 304 and of 416 that the whole may come in a coding", async () => {
    const said = async (path: string, fields: Record<string, string>) => {
      const { status, headers } = await stage.get(`http://${SHOP}${path}`, fields);
      return [status, headers.get("vary")];
    };
    const path = "/1/x.css";
    const range = "bytes=10-19";
    for (let i = 0; i < 2; i++) expect(await said(path, { range })).toEqual([206, ENCODED]);
    expect(await said(path, { range: "bytes=0-1,9000-9001" })).toEqual([206, ENCODED]);
    expect(await said(path, { range, "if-none-match": '"v1"' })).toEqual([304, ENCODED]);
    expect(await said(path, { range: "bytes=90000-90009" })).toEqual([416, ENCODED]);
    expect(await said("/1/off/x.css", { range })).toEqual([206, null]);
    const asked = origin.log.map((one) => one.headers.get("range"));
    expect([asked.length, asked.includes(null)]).toEqual([2, false]);
    expect(await said(path, {})).toEqual([200, ENCODED]);
  });

  test("a date tells nobody whose bytes are compressed that a part of it fits them", async () => {
    const dated = async (path: string, coding: string, range: string) => {
      const fields = { "accept-encoding": coding, range, "if-range": DATE };
      const said = await stage.get(`http://${SHOP}${path}`, fields);
      return [said.status, said.text.length];
    };
    const part = { range: "bytes=10-19" };
    for (const [path, coding, range, is] of [
      ["/2/fetched.css", "br", "bytes=10-19", [200, text.length]],
      ["/2/fetched.css?plain", "identity", "bytes=10-19", [206, 10]],
      ["/2/fetched.png?type=image/png", "br", "bytes=10-19", [206, 10]],
    ] as const) {
      expect([path, ...(await dated(path, coding, range))]).toEqual([path, ...is]);
    }
    for (const [path, coding, range, is] of [
      ["/2/held.css", "br", "bytes=100-", [200, text.length]],
      ["/2/held.css?plain", "identity", "bytes=100-", [206, text.length - 100]],
      ["/2/held.png?type=image/png", "br", "bytes=100-", [206, text.length - 100]],
    ] as const) {
      expect((await stage.get(`http://${SHOP}${path}`, part)).status).toBe(206);
      expect([path, ...(await dated(path, coding, range))]).toEqual([path, ...is]);
    }
  });
});
