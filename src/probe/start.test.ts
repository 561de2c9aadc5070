import { afterAll, expect, test } from "bun:test";
import { SMALL, snapshotOf } from "../../test/fixtures/network.ts";
import { silentLog } from "../base/log.ts";
import { realClock } from "../base/real/clock.ts";
import { realRng } from "../base/real/rng.ts";
import { LocalBus } from "../bus/mod.ts";
import { NO_ASSIGNMENT } from "../model/assignment.ts";
import type { Feed } from "../model/feed.ts";
import { type Health, NO_HEALTH, type TargetState } from "../model/health.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { startProbe } from "./start.ts";

const HOSTNAME = "www.shop.example";
const SERVED = "127.85.2.1";
const OTHER = "127.85.2.2";
const ends: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of ends.reverse()) await end();
});

test("whose hostname it is now has the health of its own servers, never of those before", async () => {
  const web = Bun.serve({ hostname: SERVED, port: 0, fetch: () => new Response("ok") });
  ends.push(() => web.stop(true));
  const compiled = (number: number, customer: string, a: string, b: string) => {
    const origins = [
      { name: "a", v4: a },
      { name: "b", v4: b },
    ];
    const sites = [{ hostname: HOSTNAME, port: web.port, origins }];
    const [node] = SMALL.nodes;
    const nodes = [{ ...node!, roles: ["probe"] }];
    const file = { ...SMALL, nodes, customers: [{ name: customer, plan: "flat", sites }] };
    return snapshotOf(file, number);
  };
  let snapshot = compiled(1, "shop", SERVED, OTHER);
  let health: Health = NO_HEALTH;
  const listeners = new Set<(snapshot: Snapshot) => void>();
  const feed: Feed = {
    snapshot: () => snapshot,
    health: () => health,
    assignment: () => NO_ASSIGNMENT,
    onSnapshot: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    onHealth: () => () => {},
  };
  const bus = new LocalBus((error) => {
    throw error;
  });
  const states = (of: Health) => ["a", "b"].map((name) => of.targets[`${HOSTNAME}/${name}`]?.state);
  const wanted = (number: number, a: TargetState, b: TargetState) => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stop = bus.subscribe("health", ({ health: next }) => {
      if (next.snapshot === number && String(states(next)) === String([a, b])) resolve();
    });
    return promise.then(stop);
  };
  const seen: Health[] = [];
  bus.subscribe("health", (message) => {
    health = message.health;
    seen.push(message.health);
  });
  const before = wanted(1, "up", "down");
  const world = { feed, bus, clock: realClock, rng: realRng, log: silentLog };
  const probe = await startProbe({ node: "fra-1", pop: "fra", ...world });
  ends.push(
    () => bus.close(),
    () => probe.stop(),
  );
  await before;
  const after = wanted(2, "down", "up");
  snapshot = compiled(2, "bank", OTHER, SERVED);
  for (const listener of [...listeners]) listener(snapshot);
  await after;
  const told = seen.filter((one) => one.snapshot === 2).map(states);
  expect(told.filter(([a, b]) => a === "up" || b === "down")).toEqual([]);
}, 30_000);
