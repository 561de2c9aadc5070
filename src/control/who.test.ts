import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { healthOf } from "../../test/fixtures/network.ts";
import type { WhoView } from "../model/api/mod.ts";
import { NO_ASSIGNMENT } from "../model/assignment.ts";
import { type ControlWorld, NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";

setDefaultTimeout(30_000);

let world: ControlWorld;
let headers: Record<string, string>;
beforeAll(async () => {
  world = await startControlWorld();
  headers = await world.token(OPERATOR);
  await world.call("POST", "/apply", { headers, body: { yaml: NETWORK_YAML } });
});
afterAll(() => world.stop());

async function measure(a: number, b: number, number: number): Promise<void> {
  const targets = { "www.shop.example/a": { load: a }, "www.shop.example/b": { load: b } };
  world.health = healthOf(targets, number);
  world.bus.publish("health", { health: world.health, assignment: NO_ASSIGNMENT });
  await new Promise<void>((resolve) => queueMicrotask(resolve));
}

function who(query: string) {
  return world.call<WhoView>("GET", `/who?${query}`, { headers });
}

test("GET /who tells who gets a server, by the lookups there were, now and at a past instant", async () => {
  const lookups = { "www.shop.example": { home: 300, default: 100 } };
  const rest = { snapshot: 1, edge: {}, fetches: {}, answers: {}, edgeLookups: { home: 5 } };
  world.bus.publish("stats", { node: "lon-1", atMs: world.clock.wallMs(), lookups, ...rest });
  await measure(0.1, 0.9, 1);
  const then = new Date(world.clock.wallMs()).toISOString();
  world.clock.advance(70_000);
  await measure(0.1, 0.9, 2);
  await measure(0.9, 0.1, 3);
  const now = await who("server=www.shop.example/b");
  expect(now.body).toMatchObject({ share: 1, health: 3, demand: "recorded", groupsOfIt: 2 });
  expect(now.body.groups[0]).toMatchObject({ group: "home", share: 1, reason: "lowest-load" });
  expect(now.body.groups[0]!.lookupsPerSec).toBeCloseTo(300 / 70, 6);
  expect((await who("server=www.shop.example/a")).body).toMatchObject({ share: 0, groupsOfIt: 0 });
  const past = await who(`server=www.shop.example/a&at=${then}`);
  expect(past.body).toMatchObject({ at: then, share: 1, health: 1, demand: "recorded" });
  expect(past.body.groups.map((g) => g.group)).toEqual(["home", "default"]);
  const few = await who("server=www.shop.example/b&limit=1");
  expect(few.body).toMatchObject({ groupsOfIt: 2, groups: [{ group: "home" }] });
});

test("GET /who knows nodes by name, and nothing that is not there or was not recorded", async () => {
  const node = await who("server=lon-1");
  expect(node.body).toMatchObject({ server: "node/lon-1", name: "c.cdn.example", share: 1 });
  expect(node.body.missShare).toBeNull();
  expect((await who("server=nobody")).status).toBe(404);
  expect((await who("server=www.shop.example/a&at=2020-01-01T00:00:00Z")).status).toBe(404);
});

test("GET /who tells a member of the customer's own servers only", async () => {
  const own = await world.token({ email: "reader@shop.example", password: "reader-secret" });
  const other = await world.token({ email: "news@news.example", password: "news-secret" });
  const status = async (server: string, as: Record<string, string>) =>
    (await world.call("GET", `/who?server=${server}`, { headers: as })).status;
  expect(await status("www.shop.example/a", own)).toBe(200);
  expect(await status("www.shop.example/a", other)).toBe(404);
  expect(await status("lon-1", own)).toBe(404);
});
