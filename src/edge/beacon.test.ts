import { expect, test } from "bun:test";
import { SMALL, snapshotOf } from "../../test/fixtures/network.ts";
import { FakeClock } from "../base/clock.ts";
import { seededRng } from "../base/rng.ts";
import { NO_ASSIGNMENT } from "../model/assignment.ts";
import { type Health, NO_HEALTH, type TargetHealth } from "../model/health.ts";
import { Beacon } from "./beacon.ts";
import { BEACON_SCRIPT } from "./beacon-script.ts";

const HOST = "http://c.cdn.example";
const SITE = "www.shop.example";

function network(beacon: boolean) {
  const [customer] = SMALL.customers;
  const [site] = customer!.sites;
  const customers = [{ ...customer, sites: [{ ...site, ...(beacon ? { beacon } : {}) }] }];
  const clientGroups = [
    { name: "office", prefixes: ["203.0.113.0/24"] },
    { name: "home", prefixes: ["198.51.0.0/16"] },
  ];
  return snapshotOf({ ...SMALL, clientGroups, customers });
}

function world(beacon = true) {
  const clock = new FakeClock();
  const snapshot = network(beacon);
  const up = Object.fromEntries(
    snapshot.nodes.map(({ id }) => [id, { id, state: "up" } as TargetHealth]),
  );
  const health: Health = { ...NO_HEALTH, targets: up };
  const view = () => ({ snapshot, health, assignment: NO_ASSIGNMENT });
  const made = new Beacon({ node: snapshot.nodes[0]!.name, view, clock, rng: seededRng(1) });
  const post = async (client: string, rtt: object, site = SITE) => {
    const body = JSON.stringify({ site, rtt });
    const headers = { "content-length": String(body.length) };
    const request = new Request(`${HOST}/.well-known/turnpike/beacon`, {
      ...{ method: "POST", headers, body },
    });
    return (await made.answer("beacon", request, client))?.status;
  };
  const list = async (site = SITE, client = "203.0.113.7") => {
    const url = `${HOST}/.well-known/turnpike/beacon?site=${site}`;
    const answer = await made.answer("beacon", new Request(url), client);
    return (await answer?.json())?.edges as { node: string; url: string }[];
  };
  return { made, clock, snapshot, post, list };
}

const NODES = network(true).nodes.filter((node) => node.roles.includes("edge"));
const NEAR = NODES[0]!;
const popOf = (node: { pop: number }) => network(true).pops[node.pop]!.name;

test("the beacon's script is under 2 KB and runs in a page of any other origin", async () => {
  expect(BEACON_SCRIPT.length).toBeLessThan(2000);
  expect(BEACON_SCRIPT).not.toContain("cookie");
  const { made } = world();
  const script = await made.answer("beacon.js", new Request(`${HOST}/x`), "203.0.113.7");
  expect(script?.headers.get("content-type")).toStartWith("text/javascript");
  const rtt = await made.answer("rtt", new Request(`${HOST}/x`), "203.0.113.7");
  expect(rtt?.headers.get("access-control-allow-origin")).toBe("*");
  expect(made.answer("other", new Request(`${HOST}/x`), "203.0.113.7")).toBeNull();
});

test("only a site that asks for it has edges to measure, by names of their own", async () => {
  const { list } = world();
  const edges = await list();
  expect(edges.length).toBeGreaterThan(0);
  expect(edges[0]?.url).toBe(`http://rtt-${edges[0]?.node}.cdn.example/.well-known/turnpike/rtt`);
  expect(await list("www.other.example")).toEqual([]);
  expect(await world(false).list()).toEqual([]);
});

test("reports become times by client group and pop: medians, over networks too", async () => {
  const { made, post } = world();
  for (const ms of [20, 22, 4000]) await post("198.51.1.7", { [NEAR.name]: ms });
  await post("198.51.2.7", { [NEAR.name]: 30 });
  await post("198.51.3.7", { [NEAR.name]: 1 });
  expect(made.take().beaconRtt).toEqual({
    home: { [popOf(NEAR)]: { rttMs: 22, samples: 5, networks: 3 } },
  });
});

test("what is nobody's, out of bounds, of no group or of a site that did not ask, counts for nothing", async () => {
  const { made, post } = world();
  await post("203.0.113.7", { nobody: 20 });
  await post("203.0.113.7", { [NEAR.name]: -3 });
  await post("192.0.2.7", { [NEAR.name]: 20 });
  await post("203.0.113.7", { [NEAR.name]: 20 }, "www.other.example");
  await post("unknown", { [NEAR.name]: 20 });
  expect(made.take().beaconRtt ?? {}).toEqual({});
  const big = new Request(HOST, { method: "POST", headers: { "content-length": "9999" } });
  expect((await made.answer("beacon", big, "203.0.113.7"))?.status).toBe(413);
});

test("a network that reports all the time counts six times a minute, and is forgotten when silent", async () => {
  const { made, clock, post } = world();
  for (let i = 0; i < 100; i++) await post("203.0.113.7", { [NEAR.name]: i < 6 ? 20 : 900 });
  const pop = popOf(NEAR);
  expect(made.take().beaconRtt?.office?.[pop]).toEqual({ rttMs: 20, samples: 5, networks: 1 });
  clock.advance(61_000);
  for (let i = 0; i < 6; i++) await post("203.0.113.9", { [NEAR.name]: 40 });
  expect(made.take().beaconRtt?.office?.[pop]?.rttMs).toBe(40);
  clock.advance(601_000);
  expect(made.take()).toEqual({});
});
