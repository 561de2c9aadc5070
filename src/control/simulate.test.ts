import { afterAll, beforeAll, expect, test } from "bun:test";
import { healthOf } from "../../test/fixtures/network.ts";
import type { Simulated } from "../model/api/mod.ts";
import type { ProblemDetails } from "../model/api/problem.ts";
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
