import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import type {
  Applied,
  NetworkView,
  ProblemDetails,
  Published,
  SnapshotRow,
} from "../model/api/mod.ts";
import { type ControlWorld, NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";

// Every world hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(30_000);

let world: ControlWorld;
let headers: Record<string, string> = {};
beforeEach(async () => {
  world = await startControlWorld();
  headers = await world.token(OPERATOR);
});
afterEach(() => world.stop());

async function apply(yaml: string, more: object = {}): Promise<Applied> {
  const answer = await world.call<Applied>("POST", "/apply", { headers, body: { yaml, ...more } });
  expect([answer.status, answer.body]).toEqual([200, expect.anything()]);
  return answer.body;
}

async function refused(yaml: string): Promise<string[]> {
  const answer = await world.call<ProblemDetails>("POST", "/apply", { headers, body: { yaml } });
  expect(answer.status).toBe(422);
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  // How many there are is no news beside the list itself.
  expect([answer.body.title, answer.body.detail]).toEqual(["The input has problems", undefined]);
  return answer.body.problems.map((p) => `${p.line}:${p.column} ${p.path} = ${p.received}`);
}

const targets = () => world.published.at(-1)?.sites.map((site) => site.target);

test("applying twice changes nothing the second time, passwords included", async () => {
  const first = await apply(NETWORK_YAML);
  expect([first.version, first.snapshot]).toEqual([1, 1]);
  expect(first.changes.length).toBeGreaterThan(5);
  const again = await apply(NETWORK_YAML);
  expect(again).toEqual({ changes: [], version: 1, snapshot: null, dryRun: false });
  expect(world.published).toHaveLength(1);
});

test("with the entity tag of the network that was read, an apply undoes nothing that others changed since", async () => {
  await apply(NETWORK_YAML);
  const read = await world.call<NetworkView>("GET", "/network", { headers });
  const { etag } = read.body;
  expect(read.headers.get("etag")).toBe(etag);
  const path = "/customers/shop/sites/new.shop.example";
  await world.call("PUT", path, { headers, body: {} });
  const late = (tag: string, more: object = {}) =>
    world.call<ProblemDetails>("POST", "/apply", {
      headers: { ...headers, "if-match": tag },
      body: { yaml: NETWORK_YAML.replace("weight: 2", "weight: 5"), ...more },
    });
  const refused = await late(etag);
  expect([refused.status, refused.body.code, refused.body.problems]).toEqual([
    412,
    "changed-since",
    [
      {
        path: "customers.shop.sites.new.shop.example",
        message: "changed since you read it: added",
      },
    ],
  ]);
  expect((await late(etag, { dryRun: true })).status).toBe(412);
  expect((await late('"v999"')).body.problems).toEqual([]);
  const now = await world.call<NetworkView>("GET", "/network", { headers });
  expect((await late(now.body.etag)).status).toBe(200);
});

test("a change is said by path, and only what changed changes", async () => {
  await apply(NETWORK_YAML);
  const before = targets();
  const done = await apply(NETWORK_YAML.replace("weight: 2", "weight: 5"));
  expect(done.changes).toEqual([
    {
      action: "change",
      path: "customers.shop.sites.www.shop.example.origins.b.weight",
      from: "2",
      to: "5",
    },
  ]);
  expect(done.snapshot).toBe(2);
  expect(targets()).toEqual(before as string[]);
});

test("all problems of the shape come at once with line and column, and nothing is applied", async () => {
  const yaml = NETWORK_YAML.replace("weight: 2", "weight: 200")
    .replace("v4: 127.0.3.1", "v4: 127.0.3.999")
    .replace("zone: cdn", "zne: cdn")
    .replace("password: news-secret", "password: short");
  const found = await refused(yaml);
  expect(found).toContain("23:38 customers.0.sites.0.origins.1.weight = 200");
  expect(found).toContain('29:29 customers.1.sites.0.origins.0.v4 = "127.0.3.999"');
  expect(found).toContain('2:1 zne = "cdn.example"');
  expect(found.find((line) => line.includes("password"))).toEndWith("= (hidden)");
  expect((await world.call("GET", "/network", { headers })).body).toMatchObject({ version: 0 });
  expect(world.published).toEqual([]);
});

test("problems across nouns and of addresses come together too", async () => {
  const yaml = NETWORK_YAML.replace("allowPrivateOrigins: true\n", "")
    .replace("    plan: flat\n    members:\n", "    plan: none\n    members:\n")
    .replace("email: reader@shop.example", "email: NEWS@news.example");
  const found = await refused(yaml);
  expect(found.map((line) => line.replace(/^\S+ /, ""))).toEqual([
    "customers.0.plan = none",
    "customers.1.members.0.email = news@news.example",
    "customers.0.sites.0.origins.0.v4 = 127.0.2.1",
    "customers.0.sites.0.origins.1.v4 = 127.0.2.2",
    "customers.1.sites.0.origins.0.v4 = 127.0.3.1",
  ]);
  expect(world.published).toEqual([]);
});

test("text that is no YAML, and a network without nodes, are refused", async () => {
  expect(await refused("zone: [")).not.toEqual([]);
  const found = await refused("zone: cdn.example\n");
  expect(found).toEqual(["1:1 nodes = none"]);
});

test("an origin at one of our own caches is refused, for it would loop", async () => {
  const found = await refused(NETWORK_YAML.replace("v4: 127.0.3.1", "v4: 127.0.1.1"));
  expect(found).toEqual(["29:29 customers.1.sites.0.origins.0.v4 = 127.0.1.1 port 80"]);
});

test("a dry run says what would change and changes nothing", async () => {
  const dry = await apply(NETWORK_YAML, { dryRun: true });
  expect([dry.version, dry.snapshot, dry.dryRun]).toEqual([0, null, true]);
  expect(dry.changes.length).toBeGreaterThan(5);
  expect(world.published).toEqual([]);
});

test("what is applied without publishing is published later, once", async () => {
  const held = await apply(NETWORK_YAML, { publish: false });
  expect([held.version, held.snapshot]).toEqual([1, null]);
  expect(world.published).toEqual([]);
  const publish = () => world.call<Published>("POST", "/publish", { headers });
  const first = await publish();
  expect([first.body.published, first.body.snapshot.number]).toEqual([true, 1]);
  const again = await publish();
  expect([again.body.published, again.body.snapshot.number]).toEqual([false, 1]);
});

test("a target is never reused, but a rollback gives a site back its own", async () => {
  await apply(NETWORK_YAML);
  const [shop, news] = targets() ?? [];
  const path = "/customers/news/sites/www.news.example";
  await world.call("DELETE", path, { headers });
  const back = await world.call<Published>("POST", "/rollback", { headers, body: { number: 1 } });
  expect([back.body.published, back.body.snapshot.number]).toEqual([true, 3]);
  expect(targets()).toEqual([shop ?? "", news ?? ""]);
  await world.call("DELETE", path, { headers });
  await world.call("PUT", path, { headers, body: {} });
  expect(targets()?.[0]).toBe(shop ?? "");
  expect(targets()?.[1]).not.toBe(news ?? "");
  const none = await world.call("POST", "/rollback", { headers, body: { number: 77 } });
  expect(none.status).toBe(404);
  const older = "/snapshots?before=4&limit=2";
  const rows = (await world.call<SnapshotRow[]>("GET", older, { headers })).body;
  expect(rows.map(({ number, kept }) => [number, kept])).toEqual([
    [3, true],
    [2, true],
  ]);
  expect((await world.call("GET", "/snapshots?limit=101", { headers })).status).toBe(422);
});

test("a rollback gives no removed member access again", async () => {
  await apply(NETWORK_YAML);
  await apply(NETWORK_YAML.replace("[{email: news@news.example, password: news-secret}]", "[]"));
  await world.call("POST", "/rollback", { headers, body: { number: 1 } });
  const body = { email: "news@news.example", password: "news-secret" };
  expect((await world.call("POST", "/session", { body })).status).toBe(401);
});

test("after a restart the numbers go on, and nodes get the newest snapshot by asking", async () => {
  await apply(NETWORK_YAML);
  await world.restart();
  headers = await world.token(OPERATOR);
  expect((await world.bus.request("snapshot.latest", { have: 0 }, 100))?.number).toBe(1);
  expect(await world.bus.request("snapshot.latest", { have: 1 }, 100)).toBeNull();
  const done = await apply(NETWORK_YAML.replace("weight: 2", "weight: 3"));
  expect(done.snapshot).toBe(2);
});

test("a database that fell behind its nodes publishes above what they have", async () => {
  await world.bus.request("snapshot.latest", { have: 41 }, 100);
  expect((await apply(NETWORK_YAML)).snapshot).toBe(42);
});

test("acknowledgements are collected: who has a snapshot and who has not", async () => {
  await apply(NETWORK_YAML);
  const rows = () => world.call<SnapshotRow[]>("GET", "/snapshots", { headers });
  expect((await rows()).body[0]).toMatchObject({ acks: [], missing: ["lon-1"] });
  world.bus.publish("snapshot.ack", { node: "lon-1", number: 1, atMs: 5 });
  world.bus.publish("snapshot.ack", { node: "stranger", number: 1, atMs: 5 });
  const acks = [{ node: "lon-1", atMs: 5 }];
  expect((await rows()).body[0]).toMatchObject({ acks, missing: [] });
});

test("two changes at once are both made, one after the other", async () => {
  await apply(NETWORK_YAML);
  const put = (name: string, v4: string) =>
    world.call("PUT", `/customers/shop/sites/www.shop.example/origins/${name}`, {
      headers,
      body: { v4 },
    });
  await Promise.all([put("c", "127.0.2.3"), put("d", "127.0.2.4"), put("e", "127.0.2.5")]);
  const names = world.published.at(-1)?.origins.map((origin) => origin.name);
  expect(names?.toSorted()).toEqual(["a", "a", "b", "c", "d", "e"]);
  expect(world.published.map((s) => s.number)).toEqual([1, 2, 3, 4]);
});
