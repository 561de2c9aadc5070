import { afterEach, expect, test } from "bun:test";
import { SMALL, snapshotOf } from "../../../test/fixtures/network.ts";
import { FakeClock } from "../../base/clock.ts";
import { silentLog } from "../../base/log.ts";
import { LocalBus } from "../../bus/mod.ts";
import type { Feed } from "../../model/feed.ts";
import { NO_HEALTH, type TargetHealth } from "../../model/health.ts";
import { type LiveFeed, startFeed } from "./feed.ts";
import { TurnFeed } from "./turn-feed.ts";

const feeds: (LiveFeed | TurnFeed)[] = [];
afterEach(() => {
  for (const feed of feeds.splice(0)) feed.stop();
});

const more = structuredClone(SMALL);
const [first] = more.customers[0]!.sites;
more.customers[0]!.sites.push({ ...structuredClone(first!), hostname: "new.shop.example" });

async function node(bus: LocalBus, name: string) {
  const feed = await startFeed({
    node: name,
    dir: null,
    bus,
    clock: new FakeClock(),
    log: silentLog,
  });
  feeds.push(feed);
  return { feed, edge: feed.forRole("edge"), dns: feed.forRole("dns") };
}

function record(events: string[], name: string, role: string, feed: Feed): void {
  feed.onSnapshot(({ number }) => events.push(`${name} ${role} ${number}`));
}

/** Resolves once each node has acknowledged the number. */
function allAcked(bus: LocalBus, nodes: readonly string[], number: number): Promise<void> {
  const missing = new Set(nodes);
  return new Promise((done) => {
    bus.subscribe("snapshot.ack", (ack) => {
      if (ack.number === number) missing.delete(ack.node);
      if (missing.size === 0) done();
    });
  });
}

test("a new site is at every cache before any name server, a removed one the other way", async () => {
  const bus = new LocalBus();
  const names = ["fra-1", "nyc-1"];
  const nodes = await Promise.all(names.map((name) => node(bus, name)));
  for (const [number, file] of [SMALL, more, SMALL].entries()) {
    const events: string[] = [];
    nodes.forEach(({ edge, dns }, i) => {
      record(events, names[i]!, "edge", edge);
      record(events, names[i]!, "dns", dns);
    });
    const acked = allAcked(bus, names, number + 1);
    bus.publish("snapshot.published", { snapshot: snapshotOf(file, number + 1) });
    await acked;
    const order = events.map((event) => event.split(" ")[1]);
    if (number === 1) expect(order).toEqual(["edge", "edge", "dns", "dns"]);
    if (number === 2) expect(order.slice(0, 2)).toEqual(["dns", "dns"]);
    expect(nodes.map(({ dns }) => dns.snapshot()?.number)).toEqual([number + 1, number + 1]);
  }
});

/** A name server alone, with caches at other nodes that say nothing by themselves. */
function alone(o: { readonly down?: string } = {}) {
  const bus = new LocalBus();
  const listeners: ((snapshot: ReturnType<typeof snapshotOf>) => void)[] = [];
  const targets = o.down === undefined ? {} : { [o.down]: { state: "down" } as TargetHealth };
  const inner: Feed = {
    snapshot: () => snapshotOf(SMALL, 1),
    health: () => ({ ...NO_HEALTH, targets }),
    assignment: () => ({ number: 0 }) as never,
    onSnapshot: (listener) => {
      listeners.push(listener);
      return () => undefined;
    },
    onHealth: () => () => undefined,
  };
  const feed = new TurnFeed(inner, { node: "x", role: "dns", bus, log: silentLog, turnMs: 50 });
  feeds.push(feed);
  const offer = (number: number, file: unknown) => {
    for (const listener of listeners) listener(snapshotOf(file, number));
  };
  const say = (node: string, number: number) =>
    bus.publish("snapshot.turn", { node, role: "edge", number });
  return { feed, offer, say };
}

test("a cache that never says a word is waited for no longer than its turn", async () => {
  const { feed, offer } = alone();
  offer(2, more);
  expect(feed.snapshot()?.number).toBe(1);
  await feed.reached(2);
  expect(feed.snapshot()?.number).toBe(2);
});

test("a node that is down is not waited for", async () => {
  const { feed, offer, say } = alone({ down: "node/nyc-1" });
  offer(2, more);
  expect(feed.snapshot()?.number).toBe(1);
  say("fra-1", 2);
  await feed.reached(2);
  expect(feed.snapshot()?.number).toBe(2);
});

test("a newer snapshot takes the place of one that waits", async () => {
  const { feed, offer, say } = alone();
  const seen: number[] = [];
  feed.onSnapshot(({ number }) => seen.push(number));
  offer(2, more);
  offer(3, more);
  say("fra-1", 2);
  say("nyc-1", 2);
  expect(feed.snapshot()?.number).toBe(1);
  say("fra-1", 3);
  say("nyc-1", 3);
  await feed.reached(2);
  expect(seen).toEqual([3]);
});
