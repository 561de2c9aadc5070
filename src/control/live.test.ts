import { afterEach, beforeEach, expect, setDefaultTimeout, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import type { Explanation, Live, NodeView, SiteView } from "../model/api/mod.ts";
import { NO_HEALTH, type TargetHealth } from "../model/health.ts";
import type { NodeStats } from "../model/messages.ts";
import type { Network } from "../model/network.ts";
import { type ControlWorld, NETWORK_YAML, OPERATOR, startControlWorld } from "./control-world.ts";
import { BUCKET_MS, BUCKETS, Ring } from "./ring.ts";

// Every world hashes passwords: on a busy machine that takes seconds.
setDefaultTimeout(30_000);

let world: ControlWorld;
let headers: Record<string, string> = {};
beforeEach(async () => {
  world = await startControlWorld();
  headers = await world.token(OPERATOR);
  await world.call("POST", "/apply", { headers, body: { yaml: NETWORK_YAML } });
});
afterEach(() => world.stop());

function targetOf(id: string, load: number, more: Partial<TargetHealth> = {}): TargetHealth {
  const source = { kind: "cpu", load, atMs: world.clock.wallMs(), detail: "busy" } as const;
  return {
    id,
    state: "up",
    sinceMs: world.clock.wallMs() - 100_000,
    young: false,
    v4Up: true,
    v6Up: true,
    load,
    loadKnown: true,
    loadFrom: "cpu",
    sources: [source],
    views: [],
    ...more,
  };
}

/** Health as the judge sends it: on the bus and in the feed. */
function judge(...targets: TargetHealth[]): void {
  const byId = Object.fromEntries(targets.map((target) => [target.id, target]));
  const number = world.health.number + 1;
  const atMs = world.clock.wallMs();
  world.health = { ...NO_HEALTH, number, atMs, snapshot: 1, targets: byId };
  world.bus.publish("health", { health: world.health, assignment: world.assignment });
}

function statsOf(more: Partial<NodeStats>): NodeStats {
  const head = { node: "lon-1", atMs: world.clock.wallMs(), snapshot: 1 };
  return { ...head, lookups: {}, edgeLookups: {}, answers: {}, edge: {}, fetches: {}, ...more };
}

async function read<T>(path: string): Promise<T> {
  const { status, body } = await world.call<T>("GET", path, { headers });
  expect([path, status]).toEqual([path, 200]);
  return body;
}

const SITE = "www.shop.example";
const LIVE = `/customers/shop/sites/${SITE}/live`;

test("the live page shows health, load, traffic and shares of each address", async () => {
  for (let sec = 0; sec < 20; sec++) {
    judge(targetOf(`${SITE}/a`, 0.25), targetOf(`${SITE}/b`, 0.5, { state: "down" }));
    const stats = statsOf({
      lookups: { [SITE]: { home: 3, default: 1 } },
      edgeLookups: { home: 2 },
      answers: { [`${SITE}/a`]: 3, [`${SITE}/b`]: 1, "node/lon-1": 2 },
      edge: { [SITE]: { requests: 10, hits: 8, bytesOut: 5000 } },
      fetches: { [`${SITE}/a`]: 2 },
    });
    world.bus.publish("stats", stats);
    await Promise.resolve();
    world.clock.advance(1000);
  }
  const live = await read<Live>(LIVE);
  expect(live).toMatchObject({ snapshot: 1, health: 20, lookupsPerSec: 4 });
  expect(live.edge).toEqual({ requestsPerSec: 10, hitRatio: 0.8, bytesPerSec: 5000 });
  const [a, b] = live.origins;
  expect(a).toMatchObject({ state: "up", load: 0.25, loadFrom: "cpu", lookupsPerSec: 3 });
  expect([a?.share, b?.share]).toEqual([0.75, 0.25]);
  expect([a?.fetchesPerSec, b?.fetchesPerSec, b?.state]).toEqual([2, 0, "down"]);
  expect(a?.history.at(-1)).toMatchObject({ load: 0.25, lookupsPerSec: 3, fetchesPerSec: 2 });
  expect(live.history.at(-1)).toMatchObject({ lookupsPerSec: 4, hitsPerSec: 8 });
  const [node] = await read<NodeView[]>("/nodes");
  expect(node).toMatchObject({ lookupsPerSec: 6, requestsPerSec: 10, answersPerSec: 2 });
  expect(node?.hitRatio).toBe(0.8);
});

test("what is explained is the answer of steer() on the view in force", async () => {
  judge(targetOf(`${SITE}/a`, 0.6), targetOf(`${SITE}/b`, 0.2));
  world.assignment = {
    ...world.assignment,
    number: 9,
    origins: { [SITE]: { home: `${SITE}/b`, default: `${SITE}/b` } },
  };
  const home = await read<Explanation>(`/explain?name=WWW.Shop.Example.&client=198.51.100.7`);
  expect(home).toMatchObject({ group: "home", scope: "198.51.100.0/24", kind: "origins" });
  expect(home.answer).toEqual({ v4: "127.0.2.2", v6: null, ttlSec: 20 });
  expect(home).toMatchObject({ snapshot: 1, health: 1, assignment: 9, site: SITE });
  expect(home.decision?.reasons.map((c) => c.id)).toEqual([`${SITE}/b`, `${SITE}/a`]);
  const cname = world.published[0]?.sites[0]?.target;
  const target = await read<Explanation>(
    `/explain?name=${cname}.gtm.cdn.example&client=203.0.113.9`,
  );
  expect(target).toMatchObject({ group: "default", kind: "origins", site: SITE });
  const server = await read<Explanation>("/explain?name=ns-lon-1.cdn.example&client=2001:db8::1");
  expect(server).toMatchObject({ kind: "records", answer: { v4: "127.0.1.1" } });
  const miss = await read<Explanation>(`/explain?name=${SITE}&client=198.51.100.7&use=miss`);
  expect(miss).toMatchObject({ kind: "origins", answer: { v4: "127.0.2.2" }, site: SITE });
  const none = await read<Explanation>("/explain?name=nothing.example&client=203.0.113.9");
  expect(none).toMatchObject({ kind: "none", decision: null });
  const bad = await world.call("GET", "/explain?name=c.cdn.example&client=7", { headers });
  expect(bad.status).toBe(422);
});

test("a purge is numbered, sent to caches, caught up by number, and acknowledged", async () => {
  const path = `/customers/shop/sites/${SITE}/purge`;
  const purge = (of: string) => world.call("POST", path, { headers, body: { path: of } });
  const heard: number[] = [];
  world.bus.subscribe("purge", ({ number }) => heard.push(number));
  expect((await purge("/a.png")).body).toEqual({ number: 1 });
  expect((await purge("/b.png")).body).toEqual({ number: 2 });
  expect(heard).toEqual([1, 2]);
  const since = await world.bus.request("purge.since", { after: 1 }, 100);
  expect(since.latest).toBe(2);
  expect(since.purges.map((p) => p.path)).toEqual(["/b.png"]);
  expect(await read("/purges/2")).toMatchObject({ acks: [], missing: ["lon-1"] });
  world.bus.publish("purge.ack", { number: 2, node: "lon-1", atMs: 7 });
  // By its own clock, which dated the purge: what a cache's says may be off by anything.
  const acks = [{ node: "lon-1", atMs: since.purges[0]!.atMs }];
  expect(await read("/purges/2")).toMatchObject({ acks, missing: [] });
  const missing = await world.call("GET", "/purges/9", { headers });
  expect(missing.status).toBe(404);
  for (const bad of ["logo.png", "/a b", ""]) expect((await purge(bad)).status).toBe(422);
  for (const body of [{}, { path: "/a", all: true }, { tag: "a,b" }, { all: false }]) {
    expect((await world.call("POST", path, { headers, body })).status).toBe(422);
  }
  for (const body of [{ tag: "logo", soft: true }, { prefix: "/img/" }, { all: true }]) {
    expect((await world.call("POST", path, { headers, body })).status).toBe(201);
  }
  const more = await world.bus.request("purge.since", { after: 2 }, 100);
  expect(more.purges).toMatchObject([
    { path: "logo", scope: "tag", soft: true },
    { path: "/img/", scope: "prefix" },
    { path: "/", scope: "site" },
  ]);
  expect(await read("/purges/3")).toMatchObject({ purge: { scope: "tag", soft: true } });
});

test("a restored database numbers purges above what caches know, and has them validate all they hold", async () => {
  const path = `/customers/shop/sites/${SITE}/purge`;
  const purge = async () => {
    const body = { path: "/a.png" };
    return (await world.call<{ number: number }>("POST", path, { headers, body })).body.number;
  };
  const since = (after: number) => world.bus.request("purge.since", { after }, 10_000);
  const database = join(world.dataDir, "control.db");
  expect(await purge()).toBe(1);
  await world.restart(() => copyFileSync(database, `${database}.backup`));
  headers = await world.token(OPERATOR);
  expect([await purge(), await purge()]).toEqual([2, 3]);
  await world.restart(() => copyFileSync(`${database}.backup`, database));
  headers = await world.token(OPERATOR);
  const { latest, purges } = await since(3);
  const { network } = await read<{ network: Network }>("/network");
  const sites = network.customers.flatMap((customer) => customer.sites);
  expect(purges.map(({ site, scope, soft }) => [site, scope, soft])).toEqual(
    sites.map(({ hostname }) => [hostname, "site", true]),
  );
  expect(purges.map(({ number }) => number > 3)).toEqual(sites.map(() => true));
  // Caches that had come less far hear the same; whoever was restored with it, what they know.
  for (const after of [1, 2]) expect(await since(after)).toMatchObject({ latest, purges });
  expect((await since(0)).purges.map(({ number }) => number)[0]).toBe(1);
  expect(await purge()).toBe(latest + 1);
  expect((await since(latest)).purges.length).toBe(1);
});

test("a ring keeps five minutes, whole buckets only, in order", () => {
  const ring = new Ring(2);
  const startMs = 1_800_000_000_000;
  for (let bucket = 0; bucket < BUCKETS * 3; bucket++) {
    ring.add(startMs + bucket * BUCKET_MS, 0, bucket);
    ring.add(startMs + bucket * BUCKET_MS + 1, 0, 1);
  }
  const nowMs = startMs + (BUCKETS * 3 - 1) * BUCKET_MS + 500;
  const history = ring.history(nowMs);
  expect(history).toHaveLength(BUCKETS - 1);
  expect(history.at(-1)?.sums).toEqual([BUCKETS * 3 - 2 + 1, 0]);
  expect(history.map((h) => h.atMs)).toEqual(history.map((h) => h.atMs).toSorted());
  expect(ring.history(nowMs + 2 * BUCKETS * BUCKET_MS)).toEqual([]);
});

test("how the delivery of a site's log goes is told by cache", async () => {
  const yaml = NETWORK_YAML.replace(
    `hostname: ${SITE}`,
    `hostname: ${SITE}\n        logs: { to: "https://logs.shop.example/in" }`,
  );
  expect(yaml).not.toBe(NETWORK_YAML);
  await world.call("POST", "/apply", { headers, body: { yaml } });
  const told = { deliveredLines: 7, lostLines: 1, waitingBytes: 90, fault: "answered 503" };
  world.bus.publish("stats", statsOf({ logs: { [SITE]: told, "other.example": told } }));
  expect((await read<Live>(LIVE)).logs).toEqual([{ node: "lon-1", ...told }]);
  world.bus.publish("stats", statsOf({}));
  expect((await read<Live>(LIVE)).logs).toEqual([]);
});

test("metrics say the state and load of each node, and of servers only how many", async () => {
  expect(world.published.at(-1)?.nodes.map(({ name }) => name)).toEqual(["lon-1"]);
  judge(targetOf("node/lon-1", 0.25), targetOf(`${SITE}/a`, 0.5, { state: "down" }));
  const response = await fetch(`http://127.0.0.1:${world.control.port}/metrics`);
  const text = await response.text();
  expect(text).toContain('turnpike_node_state{node="lon-1",state="up"} 1\n');
  expect(text).toContain('turnpike_node_load{node="lon-1"} 0.25\n');
  expect(text).toContain('turnpike_targets{state="down"} 1\n');
  expect(text).not.toContain(SITE);
});

test("servers asked beside a slow one are told of a site that asks so, of the last minutes", async () => {
  const hedges = { [SITE]: { asked: 3, won: 2 } };
  world.bus.publish("stats", statsOf({ hedges }));
  await Promise.resolve();
  expect((await read<Live>(LIVE)).hedges).toBeUndefined();
  const [view] = await read<SiteView[]>("/customers/shop/sites");
  const { hostname: _, origins: __, ...kept } = view!.site;
  const put = (hedge: number) =>
    world.call("PUT", `/customers/shop/sites/${SITE}`, {
      headers,
      body: { ...kept, fetch: { hedge } },
    });
  await put(50);
  world.bus.publish("stats", statsOf({ hedges }));
  await Promise.resolve();
  await put(60);
  world.clock.advance(4000);
  expect((await read<Live>(LIVE)).hedges).toEqual({ asked: 6, won: 4 });
  world.clock.advance(300_000);
  expect((await read<Live>(LIVE)).hedges).toEqual({ asked: 0, won: 0 });
});

test("who gets a hostname sees nothing of what it was asked while it was another's", async () => {
  world.bus.publish(
    "stats",
    statsOf({
      edge: { [SITE]: { requests: 10, hits: 8, bytesOut: 5000 } },
      answers: { [`${SITE}/a`]: 3 },
    }),
  );
  await Promise.resolve();
  const [, mine] = /( {4}sites:\n {6}- hostname: www\.shop\.example\n[\s\S]*?weight: 2}\n)/.exec(
    NETWORK_YAML,
  )!;
  const site = `      - hostname: ${SITE}\n        proven: true\n        origins: [{name: a, v4: 127.0.2.9}]\n`;
  const yaml = NETWORK_YAML.replace(mine!, "") + site;
  const applied = await world.call("POST", "/apply", { headers, body: { yaml } });
  expect(applied.status).toBe(200);
  world.clock.advance(4000);
  const live = await read<Live>(`/customers/news/sites/${SITE}/live`);
  expect(live.history.map((row) => row.requestsPerSec).filter((n) => n > 0)).toEqual([]);
  const [a] = live.origins;
  expect(a?.v4).toBe("127.0.2.9");
  expect(a?.history.map((row) => row.lookupsPerSec).filter((n) => n > 0)).toEqual([]);
});
