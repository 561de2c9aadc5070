import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { healthOf, SMALL, snapshotOf } from "../../test/fixtures/network.ts";
import { FakeClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { seededRng } from "../base/rng.ts";
import { LocalBus } from "../bus/mod.ts";
import { type Assignment, NO_ASSIGNMENT, NO_DEMAND } from "../model/assignment.ts";
import type { Feed } from "../model/feed.ts";
import { type Health, NO_HEALTH, type TargetHealth } from "../model/health.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { assign } from "../policy/steering/mod.ts";
import { startControlWorld } from "./control-world.ts";
import { applyDelta, diffJson } from "./delta.ts";
import { Explainer } from "./explain.ts";
import { History } from "./history.ts";

const dir = mkdtempSync(join(tmpdir(), "turnpike-history-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A feed that this test moves on, tick by tick, and everything that was decided on the way. */
class Past {
  readonly bus = new LocalBus();
  readonly clock = new FakeClock();
  readonly #rng = seededRng(5);
  readonly #snapshots = [1, 2, 3].map((number) => {
    const file = structuredClone(SMALL);
    if (number === 2) file.customers[0]!.sites[0]!.origins.pop();
    return snapshotOf(file, number);
  });
  #listeners: (() => void)[] = [];
  snapshot: Snapshot = this.#snapshots[0]!;
  health: Health = NO_HEALTH;
  assignment: Assignment = NO_ASSIGNMENT;
  readonly feed: Feed = {
    snapshot: () => this.snapshot,
    health: () => this.health,
    assignment: () => this.assignment,
    onSnapshot: (listener) => {
      this.#listeners.push(() => listener(this.snapshot));
      return () => {};
    },
    onHealth: () => () => {},
  };

  async tick(i: number): Promise<void> {
    this.clock.advance(1000);
    if (i === 100 || i === 200) {
      this.snapshot = this.#snapshots[i / 100]!;
      for (const listener of this.#listeners) listener();
    }
    const targets: Record<string, Partial<TargetHealth>> = {};
    for (const { id } of [...this.snapshot.origins, ...this.snapshot.nodes]) {
      const state = this.#rng.float() < 0.2 ? "down" : "up";
      targets[id] = { state, load: this.#rng.float(), young: this.#rng.float() < 0.1 };
    }
    this.health = { ...healthOf(targets, i), atMs: this.clock.wallMs() };
    const atMs = this.clock.wallMs();
    const rest = { demand: NO_DEMAND, previous: this.assignment, atMs };
    this.assignment = assign({ snapshot: this.snapshot, health: this.health, ...rest });
    this.bus.publish("health", { health: this.health, assignment: this.assignment });
    await delivered();
  }
}

/** The local bus hands over in a microtask. */
async function delivered(): Promise<void> {
  await new Promise<void>((resolve) => queueMicrotask(resolve));
}

const NAMES = ["www.shop.example", "c.cdn.example"];
const ASK = { client: "203.0.113.9", use: "answer", customer: null } as const;

test("every answer of the past is explained as it was given, also after a restart", async () => {
  const past = new Past();
  const { bus, clock, feed } = past;
  const path = join(dir, "whole.db");
  const start = () => new History({ path, bus, feed, clock, log: silentLog });
  let history = start();
  const served: { at: string; seen: unknown }[] = [];
  for (let i = 1; i <= 300; i++) {
    await past.tick(i);
    const live = new Explainer(feed);
    const seen = NAMES.map((name) => live.explain({ ...ASK, name }));
    served.push({ at: new Date(clock.wallMs()).toISOString(), seen });
    clock.advance(200);
  }
  const compare = () => {
    const explainer = new Explainer(feed, history);
    for (const { at, seen } of served) {
      const told = NAMES.map((name) => {
        const { at: _, ...rest } = explainer.explain({ ...ASK, name, at });
        return rest;
      });
      expect(told).toEqual(seen as typeof told);
    }
  };
  compare();
  history.stop();
  history = start();
  compare();
  const before = new Date(clock.wallMs() - 3_600_000).toISOString();
  const early = () => new Explainer(feed, history).explain({ ...ASK, name: "x", at: before });
  expect(early).toThrow("nothing is recorded");
  history.stop();
  bus.close();
});

test("the file stays within its bound, and forgets the oldest first", async () => {
  const past = new Past();
  const { bus, clock, feed } = past;
  const path = join(dir, "small.db");
  const bytesMax = 20_000;
  const history = new History({ path, bus, feed, clock, log: silentLog, bytesMax });
  const first = clock.wallMs() + 1000;
  for (let i = 1; i <= 3000; i++) await past.tick(i % 90);
  expect(history.at(first)).toBeNull();
  expect(history.at(clock.wallMs())?.health.number).toBe(past.health.number);
  history.stop();
  expect(statSync(path).size).toBeLessThan(400_000);
  bus.close();
});

test("a file that is no database costs the past and nothing else", async () => {
  const past = new Past();
  const { bus, clock, feed } = past;
  const path = join(dir, "broken.db");
  writeFileSync(path, "not a database, but long enough to be looked at as one".repeat(100));
  const history = new History({ path, bus, feed, clock, log: silentLog });
  await past.tick(1);
  expect(history.at(clock.wallMs())).not.toBeNull();
  history.stop();
  bus.close();
});

test("GET /explain with a time answers as things were then", async () => {
  const world = await startControlWorld();
  try {
    const { NETWORK_YAML, OPERATOR } = await import("./control-world.ts");
    const headers = await world.token(OPERATOR);
    await world.call("POST", "/apply", { headers, body: { yaml: NETWORK_YAML } });
    const at = async (a: number, b: number, number: number) => {
      const targets = { "www.shop.example/a": { load: a }, "www.shop.example/b": { load: b } };
      world.health = healthOf(targets, number);
      world.bus.publish("health", { health: world.health, assignment: NO_ASSIGNMENT });
      await delivered();
    };
    await at(0.1, 0.9, 1);
    const then = new Date(world.clock.wallMs()).toISOString();
    world.clock.advance(5000);
    await at(0.9, 0.1, 2);
    const query = "/explain?name=www.shop.example&client=198.51.100.7";
    type Told = { answer: { v4: string }; health: number };
    const now = await world.call<Told>("GET", query, { headers });
    expect(now.body).toMatchObject({ answer: { v4: "127.0.2.2" }, health: 2 });
    const past = await world.call<Told>("GET", `${query}&at=${then}`, { headers });
    expect(past.body).toMatchObject({ answer: { v4: "127.0.2.1" }, health: 1, at: then });
    expect((await world.call("GET", `${query}&at=yesterday`, { headers })).status).toBe(422);
    const long = `${query}&at=2020-01-01T00:00:00Z`;
    expect((await world.call("GET", long, { headers })).status).toBe(404);
  } finally {
    await world.stop();
  }
});

test("applyDelta() undoes diffJson() for any two values, whatever their keys", () => {
  fc.assert(
    fc.property(fc.json(), fc.json(), (one, two) => {
      const [a, b] = [JSON.parse(one) as unknown, JSON.parse(two) as unknown];
      const delta = diffJson(a, b);
      const made = delta === null ? a : applyDelta(a, JSON.parse(JSON.stringify(delta)));
      expect(JSON.stringify(sorted(made))).toBe(JSON.stringify(sorted(b)));
    }),
    { examples: [['{"constructor":1,"__proto__":2}', '{"a":1}']] },
  );
});

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== "object") return value;
  return Object.entries(value)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, inner]) => [key, sorted(inner)]);
}
