import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import type { ProblemDetails, ZoneChanged, ZoneRow, ZoneView } from "../model/api/mod.ts";
import { type ControlWorld, NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";

setDefaultTimeout(30_000);

let world: ControlWorld;
let shop: Record<string, string>;
let news: Record<string, string>;
beforeAll(async () => {
  world = await startControlWorld();
  const yaml = NETWORK_YAML.replace(
    "      - hostname: www.news.example\n",
    "      - hostname: www.news.example\n        onboarding: delegation\n",
  );
  await world.call("POST", "/apply", { headers: await world.token(OPERATOR), body: { yaml } });
  shop = await world.token({ email: "shop@shop.example", password: "shop-secret" });
  news = await world.token({ email: "news@news.example", password: "news-secret" });
});
afterAll(() => world.stop());

const ZONE = "/customers/shop/zones/shop.example";

const put = (body: object, path = ZONE, headers = shop) =>
  world.call<ZoneChanged & ProblemDetails>("PUT", path, { headers, body });
const zoneNow = () => world.published.at(-1)?.zones.find((z) => z.name === "shop.example");

test("a master file becomes a zone and is published at once; warnings have their line", async () => {
  const text = `$ORIGIN shop.example.
$TTL 1h
@ SOA old.host. admin.old.host. 7 1h 1h 1w 5m
@ NS ns1.old.host.
  NS ns2.old.host.
  MX 10 mail
www 60 A 127.0.2.1
txt TXT "a" "b"
@ RRSIG \\# 1 00
`;
  const dry = await put({ text, dryRun: true });
  expect([dry.status, dry.body.snapshot, dry.body.dryRun]).toEqual([200, null, true]);
  expect(zoneNow()).toBeUndefined();
  const { status, body } = await put({ text });
  expect(status).toBe(200);
  expect(body.changes).toEqual(["+ customers.shop.zones.shop.example"]);
  expect(body.ignored).toEqual([
    "1 SOA: made here",
    "2 NS of the zone itself: this network's name servers answer for it",
    "1 RRSIG: made here",
  ]);
  expect(body.warnings).toEqual([
    {
      path: "records.0",
      message: "names mail.shop.example, which has no records in this zone",
      received: "@ MX 10 mail.shop.example",
      line: 6,
      column: 3,
    },
  ]);
  expect(zoneNow()?.records).toEqual([
    { name: "shop.example", type: "MX", ttlSec: 3600, values: ["10 mail.shop.example"] },
    { name: "www.shop.example", type: "A", ttlSec: 60, values: ["127.0.2.1"] },
    { name: "txt.shop.example", type: "TXT", ttlSec: 3600, values: ['"a" "b"'] },
  ]);
});

test("what is exported can be imported again, and then nothing changes", async () => {
  const { body } = await world.call<{ text: string }>("GET", `${ZONE}/text`, { headers: shop });
  expect(body.text).toContain("$ORIGIN shop.example.\n$TTL 3600\n@\tIN SOA ns1-shop.cdn.example.");
  expect(body.text).toContain("\tIN NS ns1-shop.cdn.example.\n\tIN MX 10 mail.shop.example.\n");
  const again = await put({ text: body.text });
  expect([again.status, again.body.changes, again.body.snapshot]).toEqual([200, [], null]);
});

test("every problem of a file comes with its line and column, and nothing is changed", async () => {
  const before = world.published.length;
  const text = `$TTL 60
a A 127.0.2.1
a CNAME b
b MX mail
c DNAME d
e 2w A 127.0.2.1
`;
  const wrong = (body: ProblemDetails) =>
    body.problems.map((p) => `${p.line}:${p.column} ${p.message} = ${p.received}`);
  const first = await put({ text });
  expect([first.status, first.body.code]).toEqual([422, "bad-input"]);
  expect(wrong(first.body)).toEqual(["4:6 expected a number from 0 to 65535 = mail"]);
  const second = await put({ text: text.replace("b MX", "b MX 1") });
  expect(wrong(second.body)).toEqual([
    "5:1 expected no DNAME: use a CNAME, or a wildcard CNAME = DNAME",
    "6:1 expected seconds from 0 to 604800 = 1209600",
  ]);
  const third = await put({ text: "$TTL 60\na A 127.0.2.1\na CNAME b\n" });
  expect(wrong(third.body)).toEqual([
    "3:1 expected no other record beside a CNAME (RFC 1034 3.6.2) = a CNAME",
  ]);
  expect(world.published).toHaveLength(before);
});

test("records are set and removed by name and type", async () => {
  const mx = { ttlSec: 300, values: ["10 MAIL.shop.example.", "20 mx.other.example"] };
  const set = await put(mx, `${ZONE}/records/@/mx`);
  expect(set.body.changes).toEqual([
    "+ customers.shop.zones.shop.example.records: @ 300 MX 10 mail.shop.example",
    "+ customers.shop.zones.shop.example.records: @ 300 MX 20 mx.other.example",
    "- customers.shop.zones.shop.example.records: @ 3600 MX 10 mail.shop.example",
  ]);
  await put({ values: ["127.0.2.7"] }, `${ZONE}/records/${encodeURIComponent("*.w")}/A`);
  const names = zoneNow()?.records.map((r) => `${r.name} ${r.type}`);
  expect(names).toEqual([
    "shop.example MX",
    "www.shop.example A",
    "txt.shop.example TXT",
    "*.w.shop.example A",
  ]);
  const drop = (path: string) => world.call("DELETE", ZONE + path, { headers: shop });
  expect((await drop("/records/txt/TXT")).status).toBe(200);
  expect((await drop("/records/txt/TXT")).status).toBe(404);
  expect(zoneNow()?.records).toHaveLength(3);
});

test("a wrong value, or one too many, is refused with its path (D14)", async () => {
  const wrong = async (path: string, values: readonly string[]) => {
    const { status, body } = await put({ values }, `${ZONE}/records/${path}`);
    return [status, ...body.problems.map((p) => `${p.path}: ${p.message} = ${p.received}`)];
  };
  expect(await wrong("a/MX", ["10 ok.example", "mail.example"])).toEqual([
    422,
    'values.1: expected a number from 0 to 65535, as in 10 mail.shop.example = "mail.example"',
  ]);
  expect(await wrong("a/MXX", ["x"])).toEqual([
    422,
    'type: expected a record type, such as MX or TYPE123 = "MXX"',
  ]);
  const many = Array.from({ length: 101 }, (_, i) => `192.0.2.${i}`);
  expect(await wrong("a/A", many)).toEqual([
    422,
    "records.104: expected at most 100 records of a name and type = a A",
  ]);
  expect((await wrong("a/TXT", ["x".repeat(65_400)]))[0]).toBe(422);
  expect((await wrong("a/TXT", ["x".repeat(60_100)]))[0]).toBe(422);
});

test("records beside a delegated hostname are edited as those of a zone, and survive the form", async () => {
  const path = "/customers/news/zones/www.news.example";
  const caa = await put({ values: ['0 issue "ca.example"'] }, `${path}/records/@/CAA`, news);
  expect(caa.body.changes).toEqual([
    `+ customers.news.sites.www.news.example.records: @ 3600 CAA 0 issue "ca.example"`,
  ]);
  const form = { ttlSec: 30, onboarding: "delegation" };
  const site = await put(form, "/customers/news/sites/www.news.example", news);
  expect(site.body.changes).toEqual(["~ customers.news.sites.www.news.example.ttlSec: 20 -> 30"]);
  const { body } = await world.call<ZoneView>("GET", path, { headers: news });
  expect([body.kind, body.records.length, body.nameServers]).toEqual([
    "delegated",
    1,
    ["ns1-news.cdn.example"],
  ]);
});

test("nobody gets at another customer's zone, nor above or below it, nor learns of it", async () => {
  const rows = await world.call<ZoneRow[]>("GET", "/customers/shop/zones", { headers: shop });
  expect(rows.body.map((row) => row.name)).toEqual(["shop.example"]);
  for (const path of [ZONE, `${ZONE}/text`, "/customers/shop/zones"]) {
    expect((await world.call("GET", path, { headers: news })).status).toBe(404);
  }
  for (const name of ["shop.example", "sub.shop.example", "news.example"]) {
    const owner = name === "news.example" ? "shop" : "news";
    const headers = owner === "shop" ? shop : news;
    const taken = await put({ records: [] }, `/customers/${owner}/zones/${name}`, headers);
    expect(taken.status).toBe(200);
    // Nothing changes: it waits for a proof (claims.test.ts).
    expect([name, taken.body.pending?.state, taken.body.snapshot]).toEqual([name, "pending", null]);
    expect(JSON.stringify(taken.body)).not.toMatch(/customers\.|www\.shop/);
  }
});

test("a zone is removed, a delegated hostname is not; each change is in the audit", async () => {
  expect((await world.call("DELETE", ZONE, { headers: shop })).status).toBe(200);
  expect(zoneNow()).toBeUndefined();
  expect((await world.call("DELETE", ZONE, { headers: shop })).status).toBe(404);
  const site = "/customers/news/zones/www.news.example";
  expect((await world.call("DELETE", site, { headers: news })).status).toBe(422);
  type Row = { action: string; subject: string };
  const audit = await world.call<Row[]>("GET", "/audit", { headers: shop });
  expect(audit.body.map((row) => `${row.action} ${row.subject}`).slice(0, 5)).toEqual([
    "zone.delete shop.example",
    "claim.hold news.example",
    "records.delete shop.example/txt/TXT",
    "records.put shop.example/*.w/A",
    "records.put shop.example/@/MX",
  ]);
});
