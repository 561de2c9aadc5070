import { afterAll, beforeAll, expect, test } from "bun:test";
import { healthOf } from "../../test/fixtures/network.ts";
import type { Simulated } from "../model/api/mod.ts";
import type { ProblemDetails } from "../model/api/problem.ts";
import { NO_ASSIGNMENT } from "../model/assignment.ts";
import { noUsage } from "../model/usage.ts";
import { type ControlWorld, NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";

let world: ControlWorld;
let headers: Record<string, string>;

beforeAll(async () => {
  world = await startControlWorld();
  headers = await world.token(OPERATOR);
  await world.call("POST", "/apply", { headers, body: { yaml: NETWORK_YAML } });
  world.health = healthOf({
    "www.shop.example/a": { load: 0.1 },
    "www.shop.example/b": { load: 0.3 },
  });
});
afterAll(() => world.stop());

function simulate(yaml: string) {
  return world.call<Simulated>("POST", "/simulate", { headers, body: { yaml } });
}

const DRAINED = NETWORK_YAML.replace(
  "{name: a, v4: 127.0.2.1}",
  "{name: a, v4: 127.0.2.1, state: drain}",
);

test("a draft is tried on one lookup a second of each kind where nothing was recorded", async () => {
  const same = await simulate(NETWORK_YAML);
  expect(same.status).toBe(200);
  expect(same.body.demand).toBe("generated");
  expect(same.body.names.map((name) => name.moved)).toEqual([0, 0, 0]);
  const drained = await simulate(DRAINED);
  const shop = drained.body.names.find((name) => name.name === "www.shop.example");
  expect(shop).toEqual({ name: "www.shop.example", lookupsPerSec: 2, moved: 1 });
});

test("with recorded demand it says how many lookups move, and what loads become", async () => {
  const lookups = { "www.shop.example": { home: 3000, default: 1000 }, unknown: { home: 9 } };
  const rest = { snapshot: 1, edge: {}, fetches: {}, answers: {} };
  const at = { node: "lon-1", atMs: world.clock.wallMs() };
  world.bus.publish("stats", { ...at, ...rest, lookups, edgeLookups: { home: 500, ghost: 1 } });
  world.clock.advance(10_000);
  await new Promise<void>((resolve) => queueMicrotask(resolve));
  const { body } = await simulate(DRAINED);
  expect(body.demand).toBe("recorded");
  expect(body.names).toEqual([
    { name: "www.shop.example", lookupsPerSec: 400, moved: 1 },
    { name: "c.cdn.example", lookupsPerSec: 50, moved: 0 },
  ]);
  const server = (id: string) => body.servers.find((s) => s.id === id);
  expect(server("www.shop.example/a")).toMatchObject({ before: 400, after: 0, loadBefore: 0.1 });
  expect(server("www.shop.example/b")).toMatchObject({ before: 0, after: 400, loadBefore: 0.3 });
  expect(server("www.shop.example/b")?.loadAfter).toBeCloseTo(0.5, 6);
  expect(world.published.length).toBe(1);
});

test("a policy test that fails refuses a draft, an apply and a change by the API", async () => {
  const tested = `${NETWORK_YAML}tests:
  - {name: www.shop.example, client: 198.51.100.7, expect: a}
`;
  const applied = await world.call("POST", "/apply", { headers, body: { yaml: tested } });
  expect(applied.status).toBe(200);
  const failing = tested.replace("expect: a}", "expect: b}");
  for (const path of ["/apply", "/simulate"]) {
    const refused = await world.call<ProblemDetails>("POST", path, {
      headers,
      body: { yaml: failing },
    });
    expect(refused.status).toBe(422);
    const line = failing.split("\n").length - 1;
    expect(refused.body.problems[0]).toMatchObject({ path: "tests.0.expect", line, received: "a" });
  }
  const path = "/customers/shop/sites/www.shop.example/origins/a";
  const order = { headers, body: { state: "drain" } };
  const refused = await world.call<ProblemDetails>("PATCH", path, order);
  expect(refused.body.problems[0]).toMatchObject({ path: "tests.0.expect", received: "b" });
  expect(world.published.at(-1)?.number).toBe(2);
});

test("a draft's bills are those of a month like what was counted, by its plans, sites and TTLs", async () => {
  const site = "www.shop.example";
  const at = { fromMs: world.clock.wallMs(), toMs: world.clock.wallMs() + 1000 };
  const used = { ...noUsage(), requests: 1000, bytesOut: 1_000_000_000, queries: 4000 };
  const batch = { node: "lon-1", epoch: "e", seq: 1, ...at };
  const entries = [{ customer: "shop", site, ...used }];
  await world.bus.request("usage.batch", { ...batch, entries }, 1000);
  world.clock.advance(3_600_000);
  const plans = `  - name: metered
    title: Metered
    currency: USD
    kind: variable
    rates: [{unit: gigabytes, tiers: [{price: "0.10"}]}]
`;
  const draft = NETWORK_YAML.replace("customers:\n", `${plans}customers:\n`)
    .replace("plan: flat\n    members:\n", "plan: metered\n    members:\n")
    .replace("steering: {margin: 0}", "ttlSec: 40");
  const { body } = await simulate(draft);
  expect(body.usageHours).toBe(1);
  const [news, shop] = body.customers;
  expect(news).toMatchObject({ customer: "news", before: { amount: "10.00" } });
  expect(news!.after).toEqual(news!.before);
  // 720 hours of a gigabyte; and answers that last twice as long are asked for half as often.
  expect(shop!.before).toMatchObject({ plan: "flat", amount: "10.00", queries: 2_880_000 });
  expect(shop!.after).toMatchObject({ plan: "metered", amount: "72.00", currency: "USD" });
  expect(shop!.after).toMatchObject({ bytesOut: 720_000_000_000, queries: 1_440_000 });
  const gone = await simulate(NETWORK_YAML.slice(0, NETWORK_YAML.indexOf("  - name: news")));
  expect(gone.body.customers[0]).toMatchObject({ customer: "news", after: null });
});

test("a draft is tried on the health and lookups of a past time, if they were recorded", async () => {
  const stats = { node: "lon-1", atMs: world.clock.wallMs(), snapshot: 1 };
  const lookups = { "www.shop.example": { home: 30 } };
  const none = { edge: {}, fetches: {}, answers: {}, edgeLookups: {} };
  const tick = async (a: number, number: number) => {
    world.health = healthOf({ "www.shop.example/a": { load: a } }, number);
    world.bus.publish("health", { health: world.health, assignment: NO_ASSIGNMENT });
    await new Promise<void>((resolve) => queueMicrotask(resolve));
  };
  world.bus.publish("stats", { ...stats, ...none, lookups });
  await tick(0.1, 101);
  const at = new Date(world.clock.wallMs()).toISOString();
  world.clock.advance(61_000);
  await tick(0.2, 102);
  await tick(0.9, 103);
  const post = (more: Record<string, unknown>) =>
    world.call<Simulated>("POST", "/simulate", { headers, body: { yaml: NETWORK_YAML, ...more } });
  const then = await post({ at });
  expect(then.body.demand).toBe("recorded");
  const a = then.body.servers.find((s) => s.id === "www.shop.example/a");
  expect(a).toMatchObject({ loadBefore: 0.1 });
  expect((await post({ demand: "generated" })).body.demand).toBe("generated");
  const early = { at: "2020-01-01T00:00:00Z" };
  expect((await post(early)).status).toBe(404);
});
