import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { ZONE } from "./edge-stage.ts";
import { EdgeWorld, LOGO, NEWS, SHOP } from "./edge-world.ts";

const w = new EdgeWorld("127.81");
beforeAll(() => w.start());
afterAll(() => w.stop());
beforeEach(() => w.calm());

describe("a static object at a second address", () => {
  test("is fetched once from the least-loaded origin and then served from memory", async () => {
    const first = await w.stage.get(LOGO);
    expect(first.status).toBe(200);
    expect(first.headers.get("cache-status")).toBe("edge-1; fwd=uri-miss; fwd-status=200; stored");
    expect(first.headers.get("age")).toBeNull();
    expect(w.asked()).toEqual([0, 1, 0]);
    const sent = w.origins[1]!.log[0]!;
    expect(sent.headers.get("host")).toBe(`${SHOP}:${w.origins[1]!.port}`);
    expect(sent.headers.get("via")).toBe("1.1 edge-1");
    expect(sent.headers.get("cdn-loop")).toBe(ZONE);
    expect(sent.headers.get("x-forwarded-for")).toStartWith("127.");
    w.stage.clock.advance(7_000);
    for (let i = 0; i < 3; i++) {
      const hit = await w.stage.get(LOGO);
      expect(hit.text).toBe(first.text);
      expect(hit.headers.get("age")).toBe("7");
      expect(hit.headers.get("cache-status")).toBe("edge-1; hit; ttl=53");
      expect(hit.headers.get("content-length")).toBe(String(first.body.length));
      expect(hit.headers.get("date")).toBe(first.headers.get("date"));
    }
    expect(w.asked()).toEqual([0, 1, 0]);
  });

  test("is the same object by host form, path form and alias", async () => {
    const path = `http://c.${ZONE}/${SHOP}/logo.png`;
    const reply = await w.stage.get(path);
    expect(reply.headers.get("cache-status")).toStartWith("edge-1; hit");
    expect(reply.headers.get("link")).toBe(
      `<http://${SHOP}:${w.origins[0]!.port}/logo.png>; rel="canonical"`,
    );
    expect(reply.headers.get("x-content-type-options")).toBe("nosniff");
    const alias = await w.stage.get("http://static.shop.example/logo.png");
    expect(alias.text).toBe(reply.text);
    expect(w.asked()).toEqual([0, 0, 0]);
  });
});

describe("freshness and validation", () => {
  test("a stale object is validated and served again when the origin says 304", async () => {
    const url = `http://${SHOP}.${ZONE}/validate.png`;
    const first = await w.stage.get(url);
    w.stage.clock.advance(61_000);
    const second = await w.stage.get(url);
    expect(second.text).toBe(first.text);
    expect(second.headers.get("cache-status")).toBe("edge-1; fwd=stale; fwd-status=304; stored");
    expect(w.origins[1]!.log.map((r) => r.headers.get("if-none-match"))).toEqual([null, '"v1"']);
    const third = await w.stage.get(url);
    expect(third.headers.get("cache-status")).toStartWith("edge-1; hit");
  });

  test("a changed object replaces the stale one", async () => {
    const url = `http://${SHOP}.${ZONE}/changing.png`;
    await w.stage.get(url);
    w.stage.clock.advance(61_000);
    w.version = 2;
    const second = await w.stage.get(url);
    w.version = 1;
    expect(second.text).toContain(" v2 ");
    expect(second.headers.get("cache-status")).toBe("edge-1; fwd=stale; fwd-status=200; stored");
    expect((await w.stage.get(url)).text).toBe(second.text);
  });

  test("a client that holds the object is told so, and HEAD is answered from it", async () => {
    const conditional = await w.stage.get(LOGO, { "if-none-match": 'W/"x", "v1"' });
    expect([conditional.status, conditional.text]).toEqual([304, ""]);
    expect(conditional.headers.get("etag")).toBe('"v1"');
    const head = await w.stage.get(LOGO, {}, "HEAD");
    const whole = await w.stage.get(LOGO);
    expect([head.status, head.body.length]).toEqual([200, 0]);
    expect(head.headers.get("content-length")).toBe(String(whole.body.length));
    expect(head.headers.get("date")).not.toBeNull();
  });

  test("one byte range is cut from the stored object; several are no more than the whole", async () => {
    const whole = await w.stage.get(LOGO);
    const part = await w.stage.get(LOGO, { range: "bytes=4-7" });
    expect([part.status, part.text]).toEqual([206, whole.text.slice(4, 8)]);
    expect(part.headers.get("content-range")).toBe(`bytes 4-7/${whole.body.length}`);
    expect((await w.stage.get(LOGO, { range: "bytes=0-1,3-4" })).status).toBe(200);
    expect((await w.stage.get(LOGO, { range: "bytes=5000-" })).status).toBe(416);
    const other = await w.stage.get(LOGO, { range: "bytes=4-7", "if-range": '"other"' });
    expect(other.status).toBe(200);
  });

  test("Vary keeps variants apart, and encodings are brought to one form first", async () => {
    const url = `http://${SHOP}.${ZONE}/v.png?vary=accept-encoding&echo=1`;
    const gzip = await w.stage.get(url, { "accept-encoding": "gzip, deflate" });
    expect(gzip.text).toContain("accept-encoding=gzip ");
    const same = await w.stage.get(url, { "accept-encoding": "deflate,gzip;q=0.5" });
    expect(same.headers.get("cache-status")).toStartWith("edge-1; hit");
    const brotli = await w.stage.get(url, { "accept-encoding": "gzip, br" });
    expect(brotli.text).toContain("accept-encoding=br, gzip ");
    const plain = await w.stage.get(url);
    expect(plain.text).toContain("accept-encoding=identity ");
    expect((await w.stage.get(url, { "accept-encoding": "gzip" })).text).toBe(gzip.text);
    expect(w.origins[1]!.log.length).toBe(3);
  });
});

describe("what is not stored", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["private", "?cc=private,max-age=60"],
    ["no-store", "?cc=no-store"],
    ["set-cookie", "?cookie=1"],
    ["vary-star", "?vary=*"],
    ["error-status", "?status=400"],
    ["error-status", "?status=431"],
    ["error-status", "?status=503&cc=none"],
  ];
  for (const [reason, query] of cases) {
    test(`${query} is fetched each time, for the reason ${reason}`, async () => {
      const url = `http://${SHOP}.${ZONE}/me/x.css${query}`;
      for (let i = 0; i < 2; i++) {
        const reply = await w.stage.get(url);
        expect(reply.headers.get("cache-status")).not.toContain("hit");
        expect(reply.headers.get("set-cookie")).toBeNull();
      }
      expect(w.asked().reduce((a, b) => a + b)).toBeGreaterThanOrEqual(2);
    });
  }

  test("an error is not served to the next client (H9)", async () => {
    const url = `http://${SHOP}.${ZONE}/h9.png`;
    const bad = await w.stage.get(url, {
      "x-http-method-override": "POST",
      "x-oversize": "x".repeat(9_000),
    });
    expect(bad.status).toBe(200);
    expect(w.origins[1]!.log[0]!.headers.get("x-http-method-override")).toBeNull();
    expect(w.origins[1]!.log[0]!.headers.get("x-oversize")).toBeNull();
  });

  test("paths that look static do not make a private answer storable (H10)", async () => {
    for (const path of ["/me;x.css", "/me%2fx.css", "/me%00.css", "/me%3fx.css", "/..%2fme.css"]) {
      const url = `http://${SHOP}.${ZONE}${path}?cc=private`;
      await w.stage.get(url);
      expect((await w.stage.get(url)).headers.get("cache-status")).toContain("detail=");
    }
  });

  test("many clients of a private answer are not served one after another, nor one's to another", async () => {
    const url = `http://${NEWS}/mine?cc=private&echo=1`;
    const users = Array.from({ length: 20 }, (_, i) => `id=${i}`);
    const replies = await Promise.all(users.map((cookie) => w.stage.get(url, { cookie })));
    replies.forEach((reply, i) => {
      expect(reply.text).toContain(`cookie=id=${i} `);
    });
    expect(w.news.log.length).toBe(20);
  });
});

describe("metering", () => {
  test("counts the bytes that clients received, whole and streamed, hit and miss", async () => {
    const usage = w.stage.usageOf("shop", SHOP);
    const before = { ...usage };
    let bytes = 0;
    let requests = 0;
    let hits = 0;
    const urls = ["/m1.png", "/m1.png", "/m2.bin?size=2500000", "/m3?cc=private", "/m1.png"];
    for (const path of urls) {
      const reply = await w.stage.get(`http://${SHOP}.${ZONE}${path}`);
      bytes += reply.body.length;
      requests++;
      if (reply.headers.get("cache-status")!.includes("; hit")) hits++;
    }
    expect(usage.bytesOut - before.bytesOut).toBe(bytes);
    expect(usage.requests - before.requests).toBe(requests);
    expect(usage.hits - before.hits).toBe(hits);
    expect(w.stage.edge.drainStats().edge[SHOP]!.bytesOut).toBeGreaterThanOrEqual(bytes);
  });
});
