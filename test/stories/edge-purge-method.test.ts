// The method PURGE: who has a token of a site's customer purges by it, at every cache, through the
// purge log; nobody else does anything by it (H21, C9).
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { request } from "node:https";
import { selfSigned } from "../../src/cli/demo/certificate.ts";
import {
  type ControlWorld,
  NETWORK_YAML,
  OPERATOR,
  startControlWorld,
} from "../../src/control/control-world.ts";
import type { Purge } from "../../src/model/purge.ts";
import { Stage, type StageOrigin, snapshotOf, startOrigin, until, ZONE } from "./edge-stage.ts";
import { type AskUrl, type Said, TwoWays } from "./edge-two-ways.ts";

const NET = "127.64.32";
const SHOP = "www.shop.example";
const NEWS = "www.news.example";
const SHOP_OWNER = { email: "shop@shop.example", password: "shop-secret" };
const NEWS_OWNER = { email: "news@news.example", password: "news-secret" };
type Fields = Record<string, string>;

let control: ControlWorld;
let origin: StageOrigin;
/** Two caches of the network: the first is asked, the second only follows the log. */
let caches: readonly Stage[];
let ways: TwoWays;
const tokens: Record<string, Fields> = {};
const heard: string[] = [];
let isAway = false;

beforeAll(async () => {
  control = await startControlWorld();
  const operator = await control.token(OPERATOR);
  await control.call("POST", "/apply", { headers: operator, body: { yaml: NETWORK_YAML } });
  tokens.operator = operator;
  tokens.shop = await control.token(SHOP_OWNER, { scope: "write" });
  tokens.purge = await control.token(SHOP_OWNER, { scope: "purge" });
  tokens.read = await control.token(SHOP_OWNER, { scope: "read" });
  tokens.news = await control.token(NEWS_OWNER, { scope: "purge" });
  tokens.unknown = { authorization: `Bearer tp_${"x".repeat(43)}` };
  origin = startOrigin(`${NET}.1`, 0, (asked) => {
    const { pathname } = new URL(asked.url);
    const fields = { "cache-control": "max-age=600", "surrogate-key": `all page-${pathname[1]}` };
    return new Response(pathname, { headers: fields });
  });
  const { address, port } = origin;
  const origins = [{ name: "o1", v4: address, port }];
  const front = "caches" as const;
  const snapshot = snapshotOf([
    { customer: "shop", hostname: SHOP, port, origins, front },
    { customer: "news", hostname: NEWS, port, origins, front },
  ]);
  caches = [8, 9].map((last) => new Stage(snapshot, `${NET}.${last}`));
  for (const cache of caches) {
    await cache.start({ tls: selfSigned([`c.${ZONE}`], new Date()) });
    cache.bus.respond("purge.ask", (ask) => {
      if (isAway) throw new Error("Control is away");
      heard.push(JSON.stringify(ask));
      return control.bus.request("purge.ask", ask, 5_000);
    });
  }
  control.bus.subscribe("purge", (purge: Purge) => {
    for (const { purgeLog, bus } of caches) {
      purgeLog.push(purge);
      bus.publish("purge", purge);
    }
  });
  ways = new TwoWays(() => caches[0]!);
});
afterAll(async () => {
  ways.close();
  for (const cache of caches) await cache.stop();
  await origin.stop();
  await control.stop();
});

/** HTTP/1.1 over TLS. */
const http1: AskUrl = (url, { fields = {}, method = "GET" } = {}) => {
  const { host, pathname, search } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<Said>();
  const { address, edge } = caches[0]!;
  const at = { host: address, port: edge.httpsPort, rejectUnauthorized: false, agent: false };
  const sent = request({ ...at, method, path: pathname + search, headers: { host, ...fields } });
  sent.on("error", reject);
  sent.on("response", (response) => {
    const parts: Buffer[] = [];
    response.on("data", (part: Buffer) => parts.push(part));
    const headers = new Headers();
    for (const [name, value] of Object.entries(response.headers)) headers.set(name, String(value));
    response.on("end", () => {
      const body = Buffer.concat(parts);
      resolve({ status: response.statusCode ?? 0, headers, body, text: body.toString() });
    });
  });
  sent.end();
  return promise;
};

const isHit = (said: { readonly headers: Headers }) =>
  said.headers.get("cache-status")?.includes("; hit") === true;
/** Whether both caches have it, and fetch it so that they have it from now on. */
async function held(url: string): Promise<readonly boolean[]> {
  const said = await Promise.all(caches.map((cache) => cache.get(url)));
  return said.map(isHit);
}
async function hold(url: string): Promise<void> {
  await held(url);
  expect(await held(url)).toEqual([true, true]);
}
const numbersOf = (said: Said) => (JSON.parse(said.text) as { numbers: number[] }).numbers;
const purge = (get: AskUrl, url: string, fields: Fields = {}) =>
  get(url, { method: "PURGE", fields });
const newest = () => caches[0]!.purgeLog.at(-1)!;

const both = [
  ["HTTP/1.1", http1],
  ["HTTP/2", (url, o) => ways.http2(url, o)],
] as const satisfies (readonly [string, AskUrl])[];
for (const [via, get] of both) {
  const at = (path: string) => `http://${SHOP}/${via.at(-1)}${path}`;

  describe(`over ${via}`, () => {
    test("with a token that may only purge: that URL, at every cache, acknowledged", async () => {
      await hold(at("/a"));
      await hold(at("/b"));
      const said = await purge(get, at("/a"), tokens.purge);
      expect([said.status, said.headers.get("cache-control")]).toEqual([200, "no-store"]);
      const [number] = numbersOf(said);
      await until(() => caches.every(({ acks }) => acks.some((ack) => ack.number === number)));
      expect(await held(at("/a"))).toEqual([false, false]);
      expect(await held(at("/b"))).toEqual([true, true]);
      const view = await control.call<{ purge: object }>("GET", `/purges/${number}`, {
        headers: tokens.purge!,
      });
      expect(view.body.purge).toMatchObject({ customer: "shop", site: SHOP });
    });

    test("soft by Fastly-Soft-Purge: asked for again, not thrown away", async () => {
      await hold(at("/soft"));
      const fields = { ...tokens.shop, "fastly-soft-purge": "1" };
      expect((await purge(get, at("/soft"), fields)).status).toBe(200);
      expect(newest()).toMatchObject({ soft: true, path: `/${via.at(-1)}/soft` });
      const next = await get(at("/soft"), {});
      expect(next.headers.get("cache-status")).toContain("fwd=stale");
    });

    test("by tags, one entry of the log each", async () => {
      await hold(at("/tagged"));
      const from = newest().number;
      const fields = { ...tokens.purge, "surrogate-key": `page-${via.at(-1)} other` };
      expect(numbersOf(await purge(get, at("/whatever"), fields))).toEqual([from + 1, from + 2]);
      await until(() => caches.every(({ acks }) => acks.at(-1)?.number === from + 2));
      expect(await held(at("/tagged"))).toEqual([false, false]);
      const byComma = { ...tokens.purge, "cache-tag": "one,two, three" };
      expect(numbersOf(await purge(get, at("/"), byComma)).length).toBe(3);
    });

    test("by a second address it is the same site's, for its own customer only", async () => {
      const second = `https://c.${ZONE}/${SHOP}/${via.at(-1)}/second`;
      await hold(at("/second"));
      expect((await purge(get, second, tokens.news)).status).toBe(405);
      expect(await held(at("/second"))).toEqual([true, true]);
      expect((await purge(get, second, tokens.purge)).status).toBe(200);
      expect(newest()).toMatchObject({ site: SHOP, path: `/${via.at(-1)}/second` });
    });

    test("nobody else purges anything, and the log has no entry of it", async () => {
      await hold(at("/kept"));
      const from = newest().number;
      const cases: readonly (readonly [string, Fields | undefined, number])[] = [
        ["no token", {}, 405],
        ["another scheme", { authorization: "Basic eDp5" }, 405],
        ["another's kind of token", { authorization: "Bearer abc" }, 405],
        ["an unknown token", tokens.unknown, 401],
        ["one that may only read", tokens.read, 403],
        ["another customer's", tokens.news, 405],
      ];
      for (const [what, fields, status] of cases) {
        const said = await purge(get, at("/kept"), fields ?? {});
        expect([what, said.status]).toEqual([what, status]);
      }
      expect((await purge(get, "http://nobody.example/a", tokens.purge)).status).toBe(421);
      const many = Array.from({ length: 33 }, (_, i) => `t${i}`).join(" ");
      const tags = { ...tokens.purge, "surrogate-key": many };
      expect((await purge(get, at("/kept"), tags)).status).toBe(400);
      expect(newest().number).toBe(from);
      expect(await held(at("/kept"))).toEqual([true, true]);
    });
  });
}

test("a token is taken over HTTPS only, and never leaves the cache as it is", async () => {
  const from = newest().number;
  const plain = await caches[0]!.get(`http://${SHOP}/x`, tokens.purge, "PURGE");
  expect([plain.status, newest().number]).toEqual([403, from]);
  const said = heard.join();
  expect(heard.length).toBeGreaterThan(10);
  for (const one of Object.values(tokens)) {
    expect(said).not.toContain(one.authorization!.replace("Bearer ", ""));
  }
});

test("a token that may only purge opens nothing else of the API", async () => {
  const headers = tokens.purge!;
  for (const [method, path] of [
    ...[
      ["GET", "/session"],
      ["GET", "/tokens"],
      ["POST", "/tokens"],
      ["GET", "/customers/shop"],
    ],
    ...[
      ["GET", "/audit"],
      ["GET", "/customers/shop/usage"],
    ],
  ] as const) {
    const body = method === "POST" ? { body: { name: "x" } } : {};
    const { status } = await control.call(method, path, { headers, ...body });
    expect([path, status]).toEqual([path, 403]);
  }
  const body = { path: "/by-api" };
  const path = `/customers/shop/sites/${SHOP}/purge`;
  expect((await control.call("POST", path, { headers, body })).status).toBe(201);
});

test("a revoked token purges nothing any more", async () => {
  const owner = await control.signIn(SHOP_OWNER);
  const headers = await control.token(SHOP_OWNER, { scope: "purge", name: "gone" });
  type Row = { readonly id: string; readonly name: string };
  const { body } = await control.call<Row[]>("GET", "/tokens", { headers: owner });
  const { id } = body.find(({ name }) => name === "gone")!;
  expect((await purge(http1, `http://${SHOP}/x`, headers)).status).toBe(200);
  await control.call("DELETE", `/tokens/${id}`, { headers: owner });
  expect((await purge(http1, `http://${SHOP}/x`, headers)).status).toBe(401);
});

test("a flood is answered 429 by the cache itself; control hears of no more than it bears (C9)", async () => {
  const before = heard.length;
  const from = newest().number;
  const all = await Promise.all(
    Array.from({ length: 1_000 }, (_, i) =>
      purge((...asked) => ways.http2(...asked), `http://${SHOP}/flood-${i}`, tokens.shop),
    ),
  );
  const refused = all.filter(({ status }) => status === 429);
  expect(refused.length).toBeGreaterThan(700);
  expect(refused.every(({ headers }) => Number(headers.get("retry-after")) >= 1)).toBe(true);
  expect(heard.length - before).toBeLessThanOrEqual(200);
  const numbered = all.filter(({ status }) => status === 200 || status === 202);
  expect(newest().number - from).toBe(numbered.length);
});

test("without control nothing is purged, and that is said", async () => {
  caches[0]!.clock.advance(60_000);
  isAway = true;
  const from = newest().number;
  const said = await purge(http1, `http://${SHOP}/x`, tokens.purge);
  expect([said.status, newest().number]).toEqual([503, from]);
  isAway = false;
  expect((await purge(http1, `http://${SHOP}/x`, tokens.operator)).status).toBe(200);
});
