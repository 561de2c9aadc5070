import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Stage, type StageOrigin, snapshotOf, startOrigin } from "./edge-stage.ts";

const NET = "127.97";
const SHOP = "www.shop.example";
const NEWS = "www.news.example";

let version = 1;
let gate: Promise<void> = Promise.resolve();
let origin: StageOrigin;
let stage: Stage;

async function answer(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const was = version;
  await gate;
  const etag = `"v${was}"`;
  const fields: Record<string, string> = { "cache-control": "max-age=600", etag };
  for (const [name, value] of searchParams) fields[name] = value;
  if (request.headers.get("if-none-match") === etag) {
    return new Response(null, { status: 304, headers: fields });
  }
  if (pathname === "/error") return new Response(null, { status: 500, headers: fields });
  const size = pathname.startsWith("/large") ? 1_500_000 : 0;
  return new Response(`${pathname} v${was}`.padEnd(size, "."), { headers: fields });
}

beforeEach(async () => {
  version = 1;
  gate = Promise.resolve();
  origin = startOrigin(`${NET}.0.1`, 0, answer);
  const { port, address } = origin;
  const site = (customer: string, hostname: string) => ({
    ...{ customer, hostname, port, front: "caches" as const },
    origins: [{ name: "o1", v4: address, port }],
  });
  stage = new Stage(snapshotOf([site("shop", SHOP), site("news", NEWS)]), `${NET}.9.1`);
  await stage.start();
});
afterEach(async () => {
  await stage.stop();
  await origin.stop();
});

/** What version of a path is served, and whether it was held. */
async function held(path: string, site = SHOP): Promise<string> {
  const reply = await stage.get(`http://${site}${path}`);
  const from = reply.headers.get("cache-status")!.includes("; hit") ? "held" : "fetched";
  return `${from} ${/v\d+/.exec(reply.text)}`;
}

describe("cache groups (RFC 9875)", () => {
  const groups = (list: string) => `?cache-groups=${encodeURIComponent(list)}`;
  const post = (path: string, ends: string, method = "POST") =>
    stage.get(
      `http://${SHOP}${path}?cache-group-invalidation=${encodeURIComponent(ends)}`,
      {},
      method,
    );

  test("end by an answer to an unsafe method, to the letter, for this site alone", async () => {
    const paths = [groups('"a, b"'), groups('"x", "a, b";y=1'), groups('"A, b"'), groups('"x"')];
    const all = [...paths.map((query, i) => `/${i}${query}`), "/none"];
    for (const path of all) await held(path);
    await held(`/0${paths[0]}`, NEWS);
    version = 2;
    expect((await post("/form", '"a, b", "other"')).status).toBe(200);
    const after = [];
    for (const path of all) after.push(await held(path));
    expect(after).toEqual(["fetched v2", "fetched v2", "held v1", "held v1", "held v1"]);
    expect(await held(`/0${paths[0]}`, NEWS)).toBe("held v1");
    expect(await held(all[0]!)).toBe("held v2");
  });

  test("do not end by a safe method, an error, or a field that is no list of strings", async () => {
    const path = `/1${groups('"a"')}`;
    await held(path);
    await post("/form", '"a"', "GET");
    await post("/error", '"a"');
    await post("/form", "a");
    await post("/form", Array.from({ length: 65 }, () => '"a"').join(","));
    expect(await held(path)).toBe("held v1");
  });

  test("that ended do not come back after a restart, and what was fetched after it does", async () => {
    const [old, fresh] = [`/large/old${groups('"a"')}`, `/large/new${groups('"a"')}`];
    await held(old);
    await post("/form", '"a"');
    await held(fresh);
    while ((await held(fresh)) !== "held v1") await Bun.sleep(2);
    version = 2;
    await stage.edge.stop();
    await stage.start();
    expect(await held(old)).toBe("fetched v2");
    expect(await held(fresh)).toBe("held v1");
  });

  test("what was on its way when its group ended is not served from then on", async () => {
    const path = `/slow${groups('"a"')}`;
    const let_go = Promise.withResolvers<void>();
    gate = let_go.promise;
    const early = stage.get(`http://${SHOP}${path}`);
    while (origin.log.length === 0) await new Promise((go) => setTimeout(go, 1));
    gate = Promise.resolve();
    version = 2;
    await post("/form", '"a"');
    let_go.resolve();
    expect((await early).text).toContain("v1");
    expect(await held(path)).toBe("fetched v2");
  });
});

const TAGGED = [
  "/1?surrogate-key=a%20logo",
  "/2?cache-tag=b,%20Logo",
  "/3?edge-cache-tag=logo",
  "/4?xkey=logo%20c",
  "/5?cache-groups=%22logo%22",
];

describe("a purge of more than one URL", () => {
  test("by tag takes what has it, however it was said, and nothing else", async () => {
    for (const path of [...TAGGED, "/6?cache-tag=other"]) await held(path);
    await held("/1?cache-tag=logo", NEWS);
    version = 2;
    await stage.purge("shop", SHOP, "logo", { scope: "tag" });
    for (const path of TAGGED) expect(await held(path)).toBe("fetched v2");
    for (const path of TAGGED) expect(await held(path)).toBe("held v2");
    expect(await held("/6?cache-tag=other")).toBe("held v1");
    expect(await held("/1?cache-tag=logo", NEWS)).toBe("held v1");
  });

  test("by prefix, and of everything, takes all variants and sizes in both tiers", async () => {
    const paths = ["/img/a", "/img/b?x=1", "/large/a", "/img/v?vary=accept-language"];
    for (const path of paths) await held(path);
    await stage.purge("shop", SHOP, "/img/", { scope: "prefix" });
    version = 2;
    expect(await held("/img/a")).toBe("fetched v2");
    expect(await held("/img/b?x=1")).toBe("fetched v2");
    expect(await held("/img/v?vary=accept-language")).toBe("fetched v2");
    expect(await held("/large/a")).toBe("held v1");
    version = 3;
    await stage.purge("shop", SHOP, "/", { scope: "site" });
    for (const path of paths) expect(await held(path)).toBe("fetched v3");
  });

  test("softly: all is validated before it is served again, and served on when it is the same", async () => {
    await held("/soft");
    await held("/one");
    await stage.purge("shop", SHOP, "/", { scope: "site", soft: true });
    const reply = await stage.get(`http://${SHOP}/soft`);
    expect(reply.headers.get("cache-status")).toContain("fwd=stale; fwd-status=304; stored");
    expect(await held("/soft")).toBe("held v1");
    version = 2;
    expect(await held("/one")).toBe("fetched v2");
    await stage.purge("shop", SHOP, "/one", { soft: true });
    version = 3;
    expect(await held("/one")).toBe("fetched v3");
    expect(await held("/soft")).toBe("held v1");
  });

  test("reaches what is being fetched: it is not kept", async () => {
    const let_go = Promise.withResolvers<void>();
    gate = let_go.promise;
    const early = stage.get(`http://${SHOP}/slow?cache-tag=x`);
    while (origin.log.length === 0) await new Promise((go) => setTimeout(go, 1));
    await stage.purge("shop", SHOP, "x", { scope: "tag" });
    version = 2;
    let_go.resolve();
    expect((await early).text).toContain("v1");
    expect(await held("/slow?cache-tag=x")).toBe("fetched v2");
  });

  test("holds after a restart, and what was fetched after it does too", async () => {
    await held("/old?cache-tag=x");
    await held("/large/old");
    await stage.purge("shop", SHOP, "x", { scope: "tag" });
    await stage.purge("shop", SHOP, "/large", { scope: "prefix" });
    await held("/new?cache-tag=x");
    expect(await held("/new?cache-tag=x")).toBe("held v1");
    version = 2;
    await stage.edge.stop();
    await stage.start();
    while (!(await held("/new?cache-tag=x")).startsWith("held")) {}
    expect(await held("/old?cache-tag=x")).toBe("fetched v2");
    expect(await held("/large/old")).toBe("fetched v2");
    await stage.edge.stop();
    writeFileSync(join(stage.dir, "bans.json"), "no list");
    stage.clock.advance(1);
    version = 3;
    await stage.start();
    expect(await held("/new?cache-tag=x")).toBe("fetched v3");
  });
});
