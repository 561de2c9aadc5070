import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import type { Changed, ProblemDetails, SiteView } from "../model/api/mod.ts";
import { NETWORK_PAIR, OLD_AUTHORITY, SHOP_PAIR } from "./certificate.fixture.ts";
import { type ControlWorld, NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";

// Every world hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(30_000);

const SITE = "/customers/shop/sites/www.shop.example";
const SHOP = { email: "shop@shop.example", password: "shop-secret" };

let world: ControlWorld;
let operator: Record<string, string>;
let owner: Record<string, string>;
beforeEach(async () => {
  world = await startControlWorld();
  operator = await world.token(OPERATOR);
  await world.call("POST", "/apply", { headers: operator, body: { yaml: NETWORK_YAML } });
  owner = await world.token(SHOP);
});
afterEach(() => world.stop());

async function read(): Promise<SiteView & { readonly tag: string | null }> {
  const { headers, body } = await world.call<SiteView>("GET", SITE, { headers: owner });
  return { ...body, tag: headers.get("etag") };
}

function put(body: object, more: Record<string, string> = {}, who = owner) {
  const headers = { ...who, ...more };
  return world.call<Changed & ProblemDetails>("PUT", SITE, { headers, body });
}

const RULES = [
  { name: "assets", match: { path: ["/assets/*"] }, https: true },
  { name: "text", match: {}, compress: true },
];

test("a site is read with its entity tag, which is another whenever it was changed, and only then", async () => {
  const first = await read();
  expect(first.tag).toMatch(/^"[0-9a-f]{32}"$/);
  expect(first.etag).toBe(first.tag!);
  const list = await world.call<SiteView[]>("GET", "/customers/shop/sites", { headers: owner });
  expect(list.body[0]?.etag).toBe(first.etag);
  await world.call("PATCH", `${SITE}/origins/a`, { headers: owner, body: { weight: 3 } });
  const second = await read();
  expect(second.etag).not.toBe(first.etag);
  await world.restart();
  expect((await read()).etag).toBe(second.etag);
  await world.call("PATCH", `${SITE}/origins/a`, { headers: owner, body: { weight: 1 } });
  expect((await read()).etag).toBe(first.etag);
  const other = "/customers/shop/sites/www.none.example";
  expect((await world.call("GET", other, { headers: owner })).status).toBe(404);
});

test("a change by somebody who read what was changed since is 412 with what was, and who did it", async () => {
  const { etag } = await read();
  const rules = { rules: RULES };
  expect((await put(rules, { "if-match": etag }, operator)).status).toBe(200);
  const late = await put({ rules: [], ttlSec: 5 }, { "if-match": etag });
  expect(late.status).toBe(412);
  expect([late.body.code, late.headers.get("content-type")]).toEqual([
    "changed-since",
    "application/problem+json",
  ]);
  const told = late.body.problems.map(({ path, message }) => `${path}: ${message}`);
  expect(told.sort()).toEqual([
    expect.stringMatching(
      /^rules.assets: changed since you read it by token\/\S+, 2027-01-15T08:00:00.000Z: added: \{/,
    ),
    expect.stringMatching(/^rules.text: /),
    expect.stringMatching(/^steering.margin: .*: 0 -> 0.05$/),
  ]);
  expect((await read()).site.rules?.map(({ name }) => name)).toEqual(["assets", "text"]);
  const again = await put({ rules: [] }, { "if-match": `"x", ${(await read()).etag}` });
  expect(again.status).toBe(200);
});

test("of two at once with the same tag one is done", async () => {
  const { etag } = await read();
  const bodies = [{ ttlSec: 41 }, { ttlSec: 42 }, { ttlSec: 43 }];
  const all = await Promise.all(bodies.map((body) => put(body, { "if-match": etag })));
  expect(all.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
});

test("without conditions the last one counts, as ever; * stands for any, and a weak tag for none", async () => {
  const { etag } = await read();
  expect((await put({ ttlSec: 41 })).status).toBe(200);
  expect((await put({ ttlSec: 42 }, { "if-match": "*" })).status).toBe(200);
  const now = (await read()).etag;
  for (const tag of [etag, `W/${now}`, "nonsense", '""']) {
    expect([tag, (await put({ ttlSec: 43 }, { "if-match": tag })).status]).toEqual([tag, 412]);
  }
  expect((await put({ ttlSec: 43 }, { "if-none-match": now })).status).toBe(412);
  const both = { "if-match": now, "if-none-match": "*" };
  expect((await put({ ttlSec: 43 }, both)).status).toBe(412);
  expect((await put({ ttlSec: 44 }, { "if-none-match": etag })).status).toBe(200);
});

test("If-None-Match: * adds what is not there and changes nothing that is", async () => {
  const headers = { ...owner, "if-none-match": "*" };
  const path = "/customers/shop/sites/new.shop.example";
  expect((await world.call("PUT", path, { headers, body: {} })).status).toBe(200);
  const again = await world.call<ProblemDetails>("PUT", path, { headers, body: { ttlSec: 9 } });
  expect([again.status, again.body.detail]).toEqual([
    412,
    expect.stringContaining("new.shop.example is there already"),
  ]);
});

test("a site that was changed since is not removed, and one that is gone is not brought back", async () => {
  const { etag } = await read();
  await put({ ttlSec: 41 });
  const removal = (tag: string) =>
    world.call("DELETE", SITE, { headers: { ...owner, "if-match": tag } });
  expect((await removal(etag)).status).toBe(412);
  const now = (await read()).etag;
  expect((await removal(now)).status).toBe(200);
  expect((await removal(now)).status).toBe(404);
  const back = await put({ ttlSec: 41 }, { "if-match": now });
  expect([back.status, back.body.detail]).toEqual([
    412,
    expect.stringContaining("is not there any more"),
  ]);
});

test("what somebody read so long ago that it is not kept is 412 all the same", async () => {
  const { etag } = await read();
  for (let n = 0; n < 25; n++) await put({ ttlSec: 100 + n });
  const late = await put({ ttlSec: 5 }, { "if-match": etag });
  expect([late.status, late.body.problems]).toEqual([412, []]);
  expect(late.body.detail).toContain("www.shop.example is another by now");
});

test("authorities of web servers are refused at their field, and shown once they are taken", async () => {
  const refused = await put({ scheme: "https", fetch: { ca: SHOP_PAIR.cert.slice(0, 300) } });
  expect([refused.status, refused.body.problems]).toEqual([
    422,
    [
      {
        path: "fetch.ca",
        message: "expected certificates in PEM, each whole, and nothing else in PEM",
        received: "-----BEGIN CERTIFICATE-----",
      },
    ],
  ]);
  const ended = await put({ fetch: { ca: OLD_AUTHORITY } });
  expect([ended.status, ended.body.problems[0]?.path]).toEqual([422, "fetch.ca"]);
  expect((await put({ fetch: { ca: SHOP_PAIR.cert + OLD_AUTHORITY } })).status).toBe(200);
  const { authorities } = await read();
  expect(authorities?.map(({ subject, state }) => [subject, state])).toEqual([
    ["www.shop.example", "valid"],
    ["Old authority", "ended"],
  ]);
  expect((await put({ fetch: { ca: NETWORK_PAIR.cert } })).status).toBe(200);
  expect((await put({})).status).toBe(200);
  expect((await read()).authorities).toBeUndefined();
});

test("going back to what was in force takes its authorities as they were, also once they have ended", async () => {
  const taken = await put({ fetch: { ca: SHOP_PAIR.cert } });
  await put({});
  world.clock.step(21 * 365 * 86_400_000);
  const headers = await world.token(OPERATOR);
  const body = { number: taken.body.snapshot };
  expect((await world.call("POST", "/rollback", { headers, body })).status).toBe(200);
  const list = await world.call<SiteView[]>("GET", "/customers/shop/sites", { headers });
  expect(list.body[0]?.authorities?.map(({ state }) => state)).toEqual(["ended"]);
});

test("a network file's authorities are refused at their line", async () => {
  const site = "      - hostname: www.shop.example\n";
  const pem = OLD_AUTHORITY.trim().replaceAll("\n", "\n            ");
  const yaml = NETWORK_YAML.replace(
    site,
    `${site}        fetch:\n          ca: |\n            ${pem}\n`,
  );
  const body = { yaml };
  const first = await world.call<ProblemDetails>("POST", "/apply", { headers: operator, body });
  expect([first.status, first.body.problems]).toEqual([
    422,
    [
      expect.objectContaining({
        path: "customers.0.sites.0.fetch.ca",
        line: yaml.split("\n").findIndex((line) => line.includes("ca: |")) + 1,
      }),
    ],
  ]);
});
