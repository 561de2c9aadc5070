import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { isHit, RulesWorld, SHOP } from "./edge-rules-stage.ts";
import { until, ZONE } from "./edge-stage.ts";

const w = new RulesWorld("127.111");
const RULES = [
  { name: "bare", match: { path: ["/*/bare/*"] }, key: { query: "none", cookies: [] } },
  { name: "only", match: { path: ["/*/only/*"] }, key: { query: { only: ["v"] } } },
  { name: "except", match: { path: ["/*/except/*"] }, key: { query: { except: ["utm"] } } },
  {
    name: "by",
    match: { path: ["/*/by/*"] },
    key: { headers: ["X-Theme"], cookies: ["ab"], device: true, country: true },
  },
  { name: "beta", match: { headers: ["x-beta"] }, request: { set: { "x-stage": "beta" } } },
  {
    name: "long",
    match: { path: ["/*/long/*", "*.css"] },
    ttl: [
      { status: [404, "5xx"], edgeSec: 5 },
      { edgeSec: 600, browserSec: 30, staleIfErrorSec: 60, staleWhileRevalidateSec: 10 },
    ],
  },
  {
    name: "edit",
    match: { path: ["/*/edit/*"] },
    request: { set: { "x-own": "1", accept: "text/css" }, remove: ["x-secret", "cookie"] },
    response: {
      set: { "x-robots-tag": "none" },
      add: { link: "</a.css>" },
      remove: ["x-powered-by"],
    },
  },
  {
    name: "moved",
    match: { path: ["/*/old/*"] },
    redirect: { status: 301, to: "/new", keepPath: true },
  },
  { name: "away", match: { path: ["/*/away/*"] }, redirect: { to: "https://n.example/x?a=1" } },
  { name: "safe", match: { path: ["/*/safe/*"] }, https: true },
];

beforeAll(() => {
  return w.start(RULES, [{ name: "lab", prefixes: ["127.0.0.0/8"], country: "NL" }]);
});
afterAll(() => w.stop());
beforeEach(() => {
  w.origin.log.length = 0;
});

describe.each([
  ["HTTP/1.1", () => w.http1],
  ["HTTP/2", () => w.http2],
] as const)("over %s", (via, way) => {
  const get = (...asked: Parameters<typeof w.http1>) => way()(...asked);
  const at = (path: string) => `/${via.replace(/[^12]/g, "")}${path}`;

  test("what a rule leaves out of the key is sent to no origin (H8)", async () => {
    const canary = {
      cookie: "id=canary",
      "x-forwarded-host": "canary",
      "x-original-url": "/canary",
    };
    const said = await get(at("/bare/x?utm=canary"), canary);
    expect(said.text).not.toContain("canary");
    expect(said.headers.get("link")).toBeNull();
    const clean = await get(at("/bare/x?other=1"));
    expect([isHit(clean), clean.text]).toEqual([true, said.text]);
    expect(w.origin.log.map((one) => one.path)).toEqual([at("/bare/x")]);
  });

  test("named parameters are kept in one order, all others left out (H8)", async () => {
    await get(at("/only/x?utm=canary&v=2"));
    expect(isHit(await get(at("/only/x?v=2&x")))).toBe(true);
    expect(isHit(await get(at("/only/x?v=3")))).toBe(false);
    await get(at("/except/x?b=1&utm=canary&a=1"));
    expect(isHit(await get(at("/except/x?a=1&b=1&utm=2")))).toBe(true);
    expect(isHit(await get(at("/except/x?a=1&b=2")))).toBe(false);
    expect(w.origin.log.some((one) => one.path.includes("canary"))).toBe(false);
  });

  test("a key of fields, cookies, device and country keeps each apart, and tells the origin", async () => {
    const path = at("/by/x");
    const phone = { "user-agent": "Mozilla/5.0 (iPhone) Mobile/15E148" };
    const ways: Record<string, string>[] = [
      {},
      { "x-theme": "dark" },
      { "x-theme": "" },
      { cookie: "ab=1; session=canary" },
      { cookie: "ab=1%00" },
      phone,
    ];
    for (const fields of ways)
      expect([fields, isHit(await get(path, fields))]).toEqual([fields, false]);
    for (const fields of ways)
      expect([fields, isHit(await get(path, fields))]).toEqual([fields, true]);
    const other = await get(path, { cookie: "session=x; ab=1" });
    expect([isHit(other), other.text.includes("canary")]).toEqual([true, false]);
    expect(other.headers.get("vary")).toBe("x-theme, Cookie, User-Agent");
    const told = await get(path, phone);
    expect(told.text).toContain("x-device-class=mobile");
    expect(told.text).toContain("x-client-country=NL");
  });

  test("a rule that looks at a field keeps its objects apart from those without it (H8)", async () => {
    const withIt = await get(at("/beta"), { "x-beta": "1" });
    expect(withIt.text).toContain("x-stage=beta");
    const without = await get(at("/beta"));
    expect([isHit(without), without.text.includes("x-stage")]).toEqual([false, false]);
    expect(isHit(await get(at("/beta")))).toBe(true);
    expect((await get(at("/beta"), { "x-beta": "2" })).text).toContain("x-stage=beta");
  });

  test("an origin's 400, 413 and 431 are never stored, whatever lifetime a rule gives (H9)", async () => {
    for (const status of [400, 413, 431, 501]) {
      const path = at(`/long/h9-${status}`);
      for (let i = 0; i < 2; i++) {
        const bad = await get(`${path}?status=${status}&cc=max-age=60`);
        expect([bad.status, isHit(bad)]).toEqual([status, false]);
      }
    }
  });

  test("no rule makes a page storable that says it is somebody's (H10, H11)", async () => {
    const ends = ["/x.css", "%2fx.css", ";.css", "%3fx.css", "%0a.css"];
    for (const end of ends) {
      for (const control of ["private,max-age=60", "no-store", "max-age=60&cookie=1", "none"]) {
        const path = at(`/me${end}?cc=${control}`);
        const alice = await get(path, { cookie: "alice" });
        const bob = await get(path, { cookie: "bob" });
        expect([path, isHit(alice), isHit(bob), bob.text.includes("alice")]).toEqual([
          ...[path, false, false, false],
        ]);
      }
    }
    const path = at("/long/auth.css?cc=max-age=60");
    await get(path, { authorization: "Basic YWxpY2U=" });
    const other = await get(path, { authorization: "Basic Ym9i" });
    expect([isHit(other), other.text.includes("YWxpY2U=")]).toEqual([false, false]);
  });

  test("lifetimes by status take the place of the origin's, and are named", async () => {
    const path = at("/long/a?cc=max-age=1&age=100");
    await get(path);
    w.stage.clock.advance(500_000);
    const hit = await get(path);
    expect(hit.headers.get("cache-status")).toBe("edge-1; hit; ttl=100; detail=rule:long");
    expect([hit.headers.get("age"), hit.headers.get("cache-control")]).toEqual([
      "600",
      "max-age=630",
    ]);
    const again = await get(path);
    expect(again.headers.get("cache-control")).toBe("max-age=630");
    const gone = at("/long/gone?status=404&cc=none");
    await get(gone);
    expect(isHit(await get(gone))).toBe(true);
    w.stage.clock.advance(6_000);
    expect(isHit(await get(gone))).toBe(false);
  });

  test("fields are edited on the way in and on the way out, on a first answer and on hits", async () => {
    const path = at("/edit/x");
    for (const expected of [false, true, true]) {
      const said = await get(path, { "x-secret": "canary", cookie: "canary" });
      expect(isHit(said)).toBe(expected);
      expect(said.text).toContain("x-own=1");
      expect(said.text).toContain("accept=text/css");
      expect(said.text).not.toContain("canary");
      expect(said.headers.get("x-robots-tag")).toBe("none");
      expect(said.headers.get("link")).toContain("</a.css>");
      expect(said.headers.get("x-powered-by")).toBeNull();
    }
    expect((await get(path, {}, "HEAD")).headers.get("x-robots-tag")).toBe("none");
    const sent = w.origin.log[0]!.headers;
    expect([sent.get("cdn-loop"), sent.get("via")]).toEqual([ZONE, "1.1 edge-1"]);
  });

  test("a redirect leads where the rule says, and nothing of a request becomes a host", async () => {
    const to = async (path: string) => {
      const said = await get(at(path));
      return [said.status, said.headers.get("location"), said.headers.get("cache-status")];
    };
    expect(await to("/old/a?b=1")).toEqual([
      301,
      `/new${at("/old/a?b=1")}`,
      "edge-1; detail=rule:moved",
    ]);
    expect(await to("/away/%0d%0aSet-Cookie:x?b=1")).toEqual([
      ...[302, "https://n.example/x?a=1&b=1", "edge-1; detail=rule:away"],
    ]);
    expect(w.origin.log).toEqual([]);
  });
});

test("plain HTTP is sent to HTTPS where a rule wants it, with path and query", async () => {
  const said = await w.http1("/1/safe/x?y=1");
  expect([said.status, said.headers.get("location")]).toEqual([
    301,
    `https://${SHOP}/1/safe/x?y=1`,
  ]);
  expect((await w.http1("/1/safe/x", {}, "POST")).status).toBe(308);
  expect((await w.http2("/1/safe/x?y=1")).status).toBe(200);
});

test("where an origin leads to a path of the site, the shared name leads there under its prefix", async () => {
  const own = `http://${SHOP}:${w.origin.port}`;
  const cases: readonly (readonly [string, string])[] = [
    ["/a?b=1", `/${SHOP}/a?b=1`],
    [`${own}/a`, `/${SHOP}/a`],
    ["a", "a"],
    ["//other.example/a", "//other.example/a"],
    ["https://other.example/a", "https://other.example/a"],
    // A rule sends clients to HTTPS: the site's first address is there.
    [`https://${SHOP}/a`, `/${SHOP}/a`],
    [`http://${SHOP}/a`, `http://${SHOP}/a`],
  ];
  for (const [to, expected] of cases) {
    const query = `status=302&to=${encodeURIComponent(to)}`;
    const said = await w.stage.get(`http://c.${ZONE}/${SHOP}/1/moved?${query}`);
    expect([to, said.headers.get("location")]).toEqual([to, expected]);
    const host = await w.stage.get(`http://${SHOP}.${ZONE}/1/moved?${query}`);
    expect([to, host.headers.get("location")]).toEqual([to, to]);
  }
});

test("a redirect at the shared name stays under the site's prefix", async () => {
  const said = await w.stage.get(`http://c.${ZONE}/${SHOP}/1/old/a`);
  expect(said.headers.get("location")).toBe(`/${SHOP}/new/1/old/a`);
});

test("a purge of a URL finds it under every key that rules may give it", async () => {
  for (const path of ["/1/only/p?v=2&utm=1", "/1/bare/p?x=1", "/1/except/p?b=2&a=1"]) {
    await w.http1(path);
    expect(isHit(await w.http1(path))).toBe(true);
    await w.stage.purge("shop", SHOP, path);
    expect([path, isHit(await w.http1(path))]).toEqual([path, false]);
    await w.stage.purge("shop", SHOP, path, { soft: true });
    expect([path, isHit(await w.http1(path))]).toEqual([path, false]);
  }
  await w.http1("/1/by/p", { cookie: "ab=1" });
  await w.http1("/1/by/p", { cookie: "ab=2" });
  await w.stage.purge("shop", SHOP, "/1/by/p");
  expect(isHit(await w.http1("/1/by/p", { cookie: "ab=1" }))).toBe(false);
  expect(isHit(await w.http1("/1/by/p", { cookie: "ab=2" }))).toBe(false);
});

test("other rules hold from the moment that they are published, also for what is held", async () => {
  const path = "/1/edit/later";
  for (let i = 0; i < 3; i++) await w.http1(path);
  w.publish([{ name: "n", response: { set: { "x-robots-tag": "all" } } }, ...RULES]);
  const said = await w.http1(path);
  expect([isHit(said), said.headers.get("x-robots-tag")]).toEqual([true, "none"]);
  w.publish([{ name: "n", response: { set: { "x-now": "1" }, remove: ["x-robots-tag"] } }]);
  const now = await w.http1(path);
  expect([now.headers.get("x-now"), now.headers.get("x-robots-tag")]).toEqual(["1", null]);
  w.publish(RULES);
});

test("a thousand who miss at once make one fetch for each key, and none waits for another's (H19)", async () => {
  const path = "/1/by/many";
  const phones = ["desktop", "Mozilla (iPhone) Mobile", "Mozilla (iPad) Mobile"];
  const asked = Array.from({ length: 999 }, (_, i) =>
    w.http1(path, { "user-agent": phones[i % 3]! }),
  );
  const said = await Promise.all(asked);
  expect(new Set(said.map((one) => one.status))).toEqual(new Set([200]));
  expect(w.origin.log.length).toBe(3);
});

test("a purge finds what is under way, under every key", async () => {
  const path = "/1/by/purged";
  const asked = ["1", "2"].map((ab) => w.http1(path, { cookie: `ab=${ab}` }));
  await until(() => w.origin.log.length === 2);
  await w.stage.purge("shop", SHOP, path);
  await Promise.all(asked);
  const after = await Promise.all(["1", "2"].map((ab) => w.http1(path, { cookie: `ab=${ab}` })));
  expect([after.map(isHit), w.origin.log.length]).toEqual([[false, false], 4]);
});

test("what is on disk is found by the same parts of the key after a restart", async () => {
  const path = "/1/by/kept";
  const ways: Record<string, string>[] = [{}, { "x-theme": "dark" }, { cookie: "ab=1" }];
  const texts = [];
  for (const fields of ways) texts.push((await w.http1(path, fields)).text);
  // What is asked for again is worth its place on disk.
  for (const fields of ways) expect(isHit(await w.http1(path, fields))).toBe(true);
  await w.restart();
  for (const [i, fields] of ways.entries()) {
    const said = await w.http1(path, fields);
    expect([fields, isHit(said), said.text]).toEqual([fields, true, texts[i]!]);
  }
  expect(isHit(await w.http1(path, { cookie: "ab=2" }))).toBe(false);
});

test("hostile patterns and long paths cost no request more than its few milliseconds (H22)", async () => {
  const piece = `${"a".repeat(38)}b`;
  const hostile = Array.from({ length: 64 }, (_, i) => ({
    name: `h${i}`,
    match: {
      path: [`/*${piece}*${piece}*${piece}*${"a".repeat(i % 30)}b*x`],
      ignoreCase: i % 2 === 0,
    },
    response: { set: { "x-matched": "1" } },
  }));
  w.publish(hostile);
  for (const get of [w.http1, w.http2]) {
    const long = `/${"a".repeat(8_100)}x`;
    const cpuMs = [];
    for (let i = 0; i < 10; i++) {
      const before = process.cpuUsage();
      const said = await get(`${long}?${i}`);
      const { user, system } = process.cpuUsage(before);
      cpuMs.push((user + system) / 1000);
      expect([said.status, said.headers.get("x-matched")]).toEqual([200, null]);
    }
    // Client, cache and origin together, the best of ten: measured 0.3 to 3 ms; promised 5 for the rules.
    expect(Math.min(...cpuMs)).toBeLessThan(25);
  }
  expect((await w.http1(`/${"a".repeat(9_000)}`)).status).toBe(414);
  const huge = await w.http1(`/${"a".repeat(50_000)}`);
  expect([414, 431]).toContain(huge.status);
  w.publish(RULES);
});
