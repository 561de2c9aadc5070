import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { type Grant, signToken, TOKEN_NAME } from "../../src/policy/rules/mod.ts";
import { isHit, OLD_SECRET, RulesWorld, SECRET, SHOP } from "./edge-rules-stage.ts";
import { healthOf, ZONE } from "./edge-stage.ts";

const w = new RulesWorld("127.112");
const PAGE = "<h1>{status} {words}</h1><p>{host}</p>";
const RULES = [
  { name: "open", match: { path: ["/*/paid/open/*"] }, signed: false },
  {
    name: "paid",
    match: { path: ["/*/paid/*"] },
    signed: { keys: ["new", "old"], cookie: true },
  },
  { name: "print", match: { query: ["pdf"] }, signed: { keys: ["new"] } },
  { name: "in", match: { path: ["/*/staff/*"] }, access: { allow: ["203.0.113.0/24"] } },
  { name: "out", match: { path: ["/*/not-nl/*"] }, access: { denyCountries: ["NL"] } },
  { name: "nl", match: { path: ["/*/nl/*"] }, access: { allowCountries: ["NL"] } },
  { name: "slow", match: { path: ["/*/slow/*"] }, rate: { perSec: 1, burst: 3 } },
  {
    name: "api",
    match: { path: ["/*/api/*"] },
    cors: {
      origins: ["https://app.example"],
      methods: ["GET", "PUT"],
      headers: ["X-Own"],
      credentials: true,
    },
  },
  {
    name: "kept",
    match: { path: ["/*/kept/*"] },
    errorPages: [{ status: [502], path: "/errors/502.html" }],
  },
  {
    name: "packed",
    match: { path: ["/*/packed/*"] },
    errorPages: [{ status: ["4xx"], path: "/errors/packed.html?gzip" }],
  },
  {
    name: "pages",
    match: { path: ["/*/pages/*", "/*/staff/*"] },
    errorPages: [
      { status: [503], path: "/errors/503.html" },
      { status: ["5xx", 403], html: PAGE },
    ],
  },
];

beforeAll(() => {
  return w.start(RULES, [{ name: "lab", prefixes: ["127.0.0.0/8"], country: "NL" }]);
});
afterAll(() => w.stop());
beforeEach(() => {
  w.origin.log.length = 0;
  w.stage.health = healthOf({ [`${SHOP}/o1`]: 0.1 });
});

const hmac = (secret: Uint8Array, message: Uint8Array) =>
  createHmac("sha256", secret).update(message).digest();

function token(path: string, grant: Partial<Grant> = {}, secret = SECRET): string {
  const nowSec = Math.floor(w.stage.clock.wallMs() / 1000);
  const usual: Grant = {
    ...{ key: "new", fromSec: nowSec, untilSec: nowSec + 60, prefix: null },
    ...{ scope: "path", under: "", data: "" },
  };
  return signToken({ ...usual, ...grant }, { hostname: SHOP, path }, { secret, hmac });
}

describe.each([
  ["HTTP/1.1", () => w.http1],
  ["HTTP/2", () => w.http2],
] as const)("over %s", (via, way) => {
  const get = (...asked: Parameters<typeof w.http1>) => way()(...asked);
  const at = (path: string) => `/${via.replace(/[^12]/g, "")}${path}`;
  const signed = (path: string, grant: Partial<Grant> = {}, secret = SECRET) =>
    get(`${path}${path.includes("?") ? "&" : "?"}${TOKEN_NAME}=${token(path, grant, secret)}`);
  const why = (said: Awaited<ReturnType<typeof get>>) => [
    said.status,
    /details="([^"]*)"/.exec(said.headers.get("proxy-status") ?? "")?.[1],
  ];

  test("a signed address is let in, is one object with others signed, and is sent on without it", async () => {
    const path = at("/paid/film.mp4?x=1");
    const said = await signed(path);
    expect([said.status, isHit(said)]).toEqual([200, false]);
    const again = await signed(path, { key: "old", data: "user 7" }, OLD_SECRET);
    expect([again.status, isHit(again), again.text]).toEqual([200, true, said.text]);
    expect(w.origin.log.map((one) => one.path)).toEqual([path]);
    expect(said.headers.get("link") ?? "").not.toContain(TOKEN_NAME);
  });

  test("what is not signed so is refused with its reason, and the refusal is stored nowhere", async () => {
    const path = at("/paid/secret");
    await signed(path);
    expect(why(await get(path))).toEqual([403, "signature-missing"]);
    expect(why(await get(`${path}?${TOKEN_NAME}=x`))).toEqual([403, "signature-malformed"]);
    const other = await get(`${path}2?${TOKEN_NAME}=${token(path)}`);
    expect(why(other)).toEqual([403, "signature-wrong"]);
    expect(why(await signed(path, { untilSec: 1 }))).toEqual([403, "signature-expired"]);
    expect(why(await signed(path, { fromSec: 9e9, untilSec: 9.1e9 }))).toEqual([
      403,
      "signature-not-yet",
    ]);
    expect(why(await signed(path, { prefix: "203.0.113.0/24" }))).toEqual([
      403,
      "signature-other-client",
    ]);
    expect(why(await signed(path, { key: "third" }))).toEqual([403, "signature-unknown-key"]);
    expect(other.headers.get("cache-control")).toBe("no-store");
    expect(other.headers.get("cache-status")).toBe("edge-1; detail=rule:paid");
    expect((await signed(path)).status).toBe(200);
    expect(w.origin.log.length).toBe(1);
  });

  test("other spellings of a path do not get past the rule (H10)", async () => {
    for (const path of ["/%70aid/x", "/open/..%2fpaid/x", "/paid%2fx", "//paid/x", "/paid;a/x"]) {
      expect([path, ...why(await get(at(path)))]).toEqual([path, 403, "signature-missing"]);
    }
    expect((await get(at("/paid/open/x"))).status).toBe(200);
  });

  test("nor do other spellings of a parameter (H10)", async () => {
    for (const query of ["pdf", "a=1&pdf=2", "%70df=1", "a=1&%50df&p%64f=1", "+pdf=1", "%20pdf"]) {
      const said = await get(at(`/open/print?${query}`));
      expect([query, ...why(said)]).toEqual([query, 403, "signature-missing"]);
    }
    for (const query of ["", "a=pdf", "a=%26pdf", "%50df=1", "a%3dpdf", "pdf%3d=1", "%2570df=1"]) {
      expect([query, (await get(at(`/open/print?${query}`))).status]).toEqual([query, 200]);
    }
  });

  test("nor do paths that one kind of server takes for a signed one, and the next does not (H10)", async () => {
    const asked = w.origin.log.length;
    for (const path of [
      ...["/paid/film.mp4;%2f..%2f..%2fopen", "/paid/film.mp4;%2f..%2f..%2f"],
      ...["/paid/film.php/%5c..%5c..%5c..%5copen", "/paid/film.mp4%2f..%2f..%2fopen"],
      ...["/paid/film.mp4%3f%2f..%2f..%2fopen", "/paid/x%2f%2f..%2f..%2ffilm.mp4"],
      "/paid/open/..;%2f../film.mp4",
    ]) {
      expect([path, ...why(await get(at(path)))]).toEqual([path, 403, "ambiguous-path"]);
    }
    const under = { scope: "prefix", under: at("/paid/films/") } as const;
    const out = "/paid/films/a;%2fb/..;/..;/secret";
    expect(why(await signed(at(out), under))).toEqual([403, "signature-other-path"]);
    expect(w.origin.log.length).toBe(asked);
    expect((await get(at("/open/a%2fb;v=1"))).status).toBe(200);
  });

  test("a cookie lets in to what lies under its path, and what it let in is for this browser", async () => {
    const cookie = `a=b; ${TOKEN_NAME}=${token("", { scope: "prefix", under: at("/paid/films/") })}`;
    const said = await get(at("/paid/films/a.mp4"), { cookie });
    expect([said.status, said.headers.get("cache-control")]).toEqual([200, "private, max-age=60"]);
    expect(why(await get(at("/paid/other"), { cookie }))).toEqual([403, "signature-other-path"]);
    const shared = await w.stage.get(`http://c.${ZONE}/${SHOP}${at("/paid/films/a.mp4")}`, {
      cookie,
    });
    expect(shared.status).toBe(403);
    const own = await w.stage.get(`http://static.shop.example${at("/paid/films/a.mp4")}`, {
      cookie,
    });
    expect(own.status).toBe(200);
  });

  test("what a cookie let in is for this browser also where it is not kept here", async () => {
    const under = at("/paid/");
    const grant = token("", { scope: "prefix", under });
    const fields = { cookie: `${TOKEN_NAME}=${grant}` };
    const asked = "cc=public,max-age=60,s-maxage=60&cdn=max-age=60";
    // Of somebody's own, of the next one after it, and of nothing that is held.
    const said = [
      await get(`${under}own?${asked}&cookie=1`, fields),
      await get(`${under}own?${asked}&cookie=1`, fields),
      await get(`${under}head?${asked}`, fields, "HEAD"),
    ];
    for (const { status, headers } of said) {
      expect([status, headers.get("cache-control")]).toEqual([200, "private, max-age=60"]);
      expect(headers.get("cdn-cache-control")).toBeNull();
      expect(headers.get("cache-status")).not.toContain("stored");
    }
  });

  test("of several cookies of a signature any that is valid lets in, within the first eight", async () => {
    const path = at("/paid/films/several.mp4");
    const under = { scope: "prefix", under: at("/paid/films/") } as const;
    const right = token("", under);
    const stale = token("", { ...under, untilSec: 1 });
    const cookies = (...tokens: string[]) => ({
      cookie: tokens.map((one) => `${TOKEN_NAME}=${one}`).join("; "),
    });
    for (const list of [
      [stale, right],
      ["x", stale, right],
      [right, stale],
    ]) {
      const said = await get(path, cookies(...list));
      expect([said.status, said.headers.get("cache-control")]).toEqual([
        200,
        "private, max-age=60",
      ]);
    }
    expect(w.origin.log.map((one) => one.headers.get("cookie"))).toEqual([null]);
    expect(why(await get(path, cookies(stale, "x")))).toEqual([403, "signature-expired"]);
    const seven = Array<string>(7).fill(stale);
    expect((await get(path, cookies(...seven, right))).status).toBe(200);
    expect(why(await get(path, cookies(...seven, stale, right)))).toEqual([
      403,
      "signature-expired",
    ]);
    const query = await get(`${path}?${TOKEN_NAME}=x`, cookies(right));
    expect(why(query)).toEqual([403, "signature-malformed"]);
  });

  test("the cookie of a signature is not sent on, and others' cookies as they are", async () => {
    const own = `${TOKEN_NAME}=${token("", { scope: "prefix", under: at("/paid/films/") })}`;
    for (const [path, cookie, sent] of [
      ["/paid/films/b.mp4", own, null],
      ["/paid/films/c.mp4", `a=b; ${own};c=d`, "a=b; c=d"],
      ["/open.css", own, null],
      ["/open2.css", "a=b;  c=d", "a=b;  c=d"],
    ] as const) {
      await get(at(path), { cookie });
      expect([path, w.origin.log.at(-1)?.headers.get("cookie") ?? null]).toEqual([path, sent]);
    }
  });

  test("a purge of an address as it was signed ends what is held of it", async () => {
    const path = at("/paid/purged.mp4?x=1");
    await signed(path);
    expect(isHit(await signed(path))).toBe(true);
    await w.stage.purge("shop", SHOP, `${path}&${TOKEN_NAME}=${token(path)}`);
    expect(isHit(await signed(path))).toBe(false);
  });

  test("prefixes and countries are let in or kept out", async () => {
    const staff = await get(at("/staff/x"));
    expect(why(staff)).toEqual([403, "not-allowed"]);
    expect(staff.text).toBe(`<h1>403 Forbidden</h1><p>${SHOP}</p>`);
    expect(why(await get(at("/not-nl/x")))).toEqual([403, "denied-country"]);
    expect((await get(at("/nl/x"))).status).toBe(200);
    expect(w.origin.log.length).toBe(1);
  });

  test("a burst goes through, then one a second, and who waits is told how long", async () => {
    w.stage.clock.advance(10_000);
    const statuses = [];
    for (let i = 0; i < 5; i++) statuses.push((await get(at("/slow/x"))).status);
    expect(statuses).toEqual([200, 200, 200, 429, 429]);
    const said = await get(at("/slow/x"));
    expect([said.headers.get("retry-after"), said.headers.get("cache-status")]).toEqual([
      ...["1", "edge-1; detail=rule:slow"],
    ]);
    w.stage.clock.advance(1_000);
    expect((await get(at("/slow/x"))).status).toBe(200);
    expect((await get(at("/slow/x"))).status).toBe(429);
  });

  test("a preflight is answered here, and answers name the web origin that asks", async () => {
    const origin = "https://app.example";
    const preflight = await get(
      at("/api/x"),
      { origin, "access-control-request-method": "PUT", "access-control-request-headers": "x-own" },
      "OPTIONS",
    );
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-methods": "GET, PUT",
      "access-control-allow-headers": "x-own",
      "access-control-allow-credentials": "true",
      vary: "Origin",
    });
    expect(w.origin.log).toEqual([]);
    await get(at("/api/x"), { origin });
    const hit = await get(at("/api/x"), { origin });
    expect([isHit(hit), hit.headers.get("access-control-allow-origin")]).toEqual([true, origin]);
    for (const other of [{ origin: "https://evil.example" }, {}]) {
      const said = await get(at("/api/x"), other);
      expect([isHit(said), said.headers.get("access-control-allow-origin")]).toEqual([true, null]);
      expect(said.headers.get("vary")).toBe("Origin");
    }
  });

  test("an error gets the rule's page, with its status and only its bytes billed", async () => {
    const usage = w.stage.usageOf("shop", SHOP);
    const before = usage.bytesOut;
    const bad = await get(at("/pages/x?status=502&size=5000&cc=no-store"));
    expect([bad.status, bad.text]).toEqual([502, `<h1>502 Bad Gateway</h1><p>${SHOP}</p>`]);
    expect([bad.headers.get("content-type"), bad.headers.get("cache-control")]).toEqual([
      ...["text/html; charset=utf-8", "no-store"],
    ]);
    expect(usage.bytesOut - before).toBe(bad.body.byteLength);
    const fine = await get(at("/pages/x"));
    expect(usage.bytesOut - before).toBe(bad.body.byteLength + fine.body.byteLength);
    const page = await get(at("/pages/y?status=503&cc=no-store"));
    expect([page.status, page.text.startsWith("GET /errors/503.html")]).toEqual([503, true]);
  });
});

test("an error's page that lies compressed at its server comes as such", async () => {
  const said = await w.http1("/1/packed/a?status=404");
  expect([said.status, said.headers.get("content-encoding")]).toEqual([404, "gzip"]);
  expect(gunzipSync(said.body).toString()).toStartWith("GET /errors/packed.html");
  // What it says of the answer stays.
  await w.http1("/1/packed/b");
  const part = await w.http1("/1/packed/b", { range: "bytes=100000-" });
  expect(part.status).toBe(416);
  expect(part.headers.get("content-range")).toMatch(/^bytes \*\/\d+$/);
});

test("fonts and modules at second addresses are open to the site's own pages, and to no others", async () => {
  const own = `http://${SHOP}`;
  for (const type of ["font/woff2", "text/javascript", "application/javascript"]) {
    const said = await w.stage.get(`http://c.${ZONE}/${SHOP}/1/f?type=${type}`);
    expect([type, said.headers.get("access-control-allow-origin")]).toEqual([type, own]);
    const first = await w.http1(`/1/f?type=${type}`);
    expect([type, first.headers.get("access-control-allow-origin")]).toEqual([type, null]);
  }
  const css = await w.stage.get(`http://c.${ZONE}/${SHOP}/1/f?type=text/css`);
  expect(css.headers.get("access-control-allow-origin")).toBeNull();
});

test("a page that is held is there when no server answers", async () => {
  await w.http1("/1/kept/z?status=502&cc=no-store");
  await w.origin.stop();
  const said = await w.http1("/1/kept/new");
  expect([said.status, said.text.startsWith("GET /errors/502.html")]).toEqual([502, true]);
  const head = await w.http1("/1/kept/new", {}, "HEAD");
  expect([head.status, head.text, head.headers.get("content-length")]).toEqual([
    ...[502, "", String(said.body.byteLength)],
  ]);
});
