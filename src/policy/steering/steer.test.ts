import { expect, test } from "bun:test";
import fc from "fast-check";
import { healthOf, SMALL, snapshotOf } from "../../../test/fixtures/network.ts";
import { type Assignment, NO_ASSIGNMENT, NO_DEMAND } from "../../model/assignment.ts";
import { assign } from "./assign.ts";
import { costMs, dominates, front, queueMs } from "./nearest-unloaded.ts";
import { pick } from "./pick.ts";
import { steer } from "./steer.ts";

const snapshot = snapshotOf();
const ORIGINS = ["a", "b", "c"].map((name) => `www.shop.example/${name}`);
const site = { for: "origins", site: 0 } as const;

function decide(
  health: ReturnType<typeof healthOf>,
  client = {},
  ask: Parameters<typeof steer>[1] = site,
) {
  const assignment = assign({
    snapshot,
    health,
    demand: NO_DEMAND,
    previous: NO_ASSIGNMENT,
    atMs: 0,
  });
  return steer({ snapshot, health, assignment }, ask, { group: 1, ...client });
}

function loads(a: number, b: number, c: number) {
  return healthOf({
    [ORIGINS[0]!]: { load: a },
    [ORIGINS[1]!]: { load: b },
    [ORIGINS[2]!]: { load: c },
  });
}

test("steer() answers the strictly lowest load at margin 0, whatever the loads", () => {
  const load = fc.double({ min: 0, max: 2, noNaN: true });
  fc.assert(
    fc.property(load, load, load, (a, b, c) => {
      const first = decide(loads(a, b, c)).choices[0]!;
      expect([a, b, c][first.index]!).toBe(Math.min(a, b, c));
    }),
  );
});

test("steer() never chooses a down, drained or forced-down server while another is usable", () => {
  const state = fc.constantFrom("up", "down", "draining", "unknown") as fc.Arbitrary<"up">;
  fc.assert(
    fc.property(fc.tuple(state, state, state), (states) => {
      const health = healthOf(
        Object.fromEntries(ORIGINS.map((id, i) => [id, { state: states[i]!, load: i / 4 }])),
      );
      const decision = decide(health);
      const usable = states.some((s) => s === "up" || (s as string) === "unknown");
      expect(decision.allDown).toBe(!usable);
      expect(decision.choices.length).toBeGreaterThan(0);
      for (const choice of usable ? decision.choices : []) {
        expect(["up", "unknown"]).toContain(states[choice.index]!);
      }
    }),
  );
});

test("steer() takes servers of weight 0 where no other can serve, whatever the family, and says so", () => {
  const weighing = (weights: readonly number[]) => {
    const [customer] = SMALL.customers;
    const [first] = customer!.sites;
    const origins = first!.origins.map((one, i) => ({ ...one, weight: weights[i] ?? 1 }));
    return snapshotOf({ ...SMALL, customers: [{ ...customer, sites: [{ ...first, origins }] }] });
  };
  const health = (...down: number[]) =>
    healthOf(Object.fromEntries(down.map((i) => [ORIGINS[i]!, { state: "down" as const }])));
  const steered = (weights: number[], down: number[], client: object = {}, use?: "miss") => {
    const seen = { snapshot: weighing(weights), health: health(...down) };
    const given = { ...seen, demand: NO_DEMAND, previous: NO_ASSIGNMENT, atMs: 0 };
    const ask = use === undefined ? site : { ...site, use };
    return steer({ ...seen, assignment: assign(given) }, ask, { group: 1, ...client });
  };
  const ids = (decision: ReturnType<typeof steered>) => decision.choices.map((c) => c.id).sort();
  expect(ids(steered([0, 1, 1], []))).toEqual(ORIGINS.slice(1));
  expect(ids(steered([0, 1, 1], [1]))).toEqual([ORIGINS[2]!]);
  const last = steered([0, 1, 1], [1, 2]);
  expect([ids(last), last.allDown]).toEqual([[ORIGINS[0]!], false]);
  expect(last.reasons[0]!.verdicts.map((v) => [v.reason, v.kept])).toContainEqual([
    "weight-zero",
    true,
  ]);
  expect(ids(steered([0, 0, 0], []))).toEqual(ORIGINS);
  expect(ids(steered([0, 0, 0], [1]))).toEqual([ORIGINS[0]!, ORIGINS[2]!]);
  // A family that the others lack is no reason: clients of both would all go there.
  expect(ids(steered([0, 1, 1], [], { family: 6 }))).not.toContain(ORIGINS[0]!);
  // A cache whose others have failed asks it before it gives up.
  const exclude = new Set(ORIGINS.slice(1));
  expect(ids(steered([0, 1, 1], [], { exclude }, "miss"))).toEqual([ORIGINS[0]!]);
  expect(steered([0, 1, 1], [0, 1, 2])).toMatchObject({ allDown: true });
});

test("steer() takes an override that has ended for none, as the judge says, and names its end", () => {
  const until = "2026-12-01T18:00:00.000Z";
  const [customer] = SMALL.customers;
  const [first] = customer!.sites;
  const origins = first!.origins.map((one) => {
    return one.name === "a" ? { ...one, state: "drain", until } : one;
  });
  const customers = [{ ...customer, sites: [{ ...first, origins }] }];
  const drained = snapshotOf({ ...SMALL, customers });
  const of = (ended: boolean) => {
    const told = { load: 0, ...(ended ? { forcedEnded: true as const } : {}) };
    const health = healthOf({ [ORIGINS[0]!]: told });
    return steer({ snapshot: drained, health, assignment: NO_ASSIGNMENT }, site, { group: 1 });
  };
  expect(of(false).choices.map((choice) => choice.id)).not.toContain(ORIGINS[0]!);
  const verdict = of(false).reasons.find((one) => one.id === ORIGINS[0])?.verdicts[0];
  expect(verdict).toMatchObject({ reason: "draining", detail: `set by hand until ${until}` });
  expect(of(true).choices[0]?.id).toBe(ORIGINS[0]!);
});

test("steer() takes the best server that has the family asked for, and none only if none has", () => {
  const health = loads(0.9, 0.1, 0.2);
  expect(decide(health).choices[0]?.id).toBe(ORIGINS[1]!);
  expect(decide(health, { family: 6 }).choices.map((c) => c.id)).toEqual([ORIGINS[0]!]);
  const v4Only = healthOf({ [ORIGINS[0]!]: { v6Up: false } });
  const none = decide(v4Only, { family: 6 });
  expect(none.choices).toEqual([]);
  expect(none.allDown).toBe(false);
});

test("steer() answers all, the fallback or none when everything is down, as the site asks", () => {
  const down = healthOf(Object.fromEntries(ORIGINS.map((id) => [id, { state: "down" as const }])));
  expect(decide(down).choices.length).toBe(3);
  const file = structuredClone(SMALL);
  const steering = file.customers[0]!.sites[0]!.steering as Record<string, unknown>;
  steering.allDown = "none";
  const none = { snapshot: snapshotOf(file), health: down, assignment: NO_ASSIGNMENT };
  expect(steer(none, site, { group: 0 }).choices).toEqual([]);
  steering.fallback = "192.0.2.99";
  const fallback = { snapshot: snapshotOf(file), health: down, assignment: NO_ASSIGNMENT };
  expect(steer(fallback, site, { group: 0 }).choices[0]?.v4).toBe("192.0.2.99");
});

test("steer() on a miss takes the lowest load of this instant, not the assigned server", () => {
  const before = loads(0.1, 0.5, 0.6);
  const assignment = assign({
    snapshot,
    health: before,
    demand: NO_DEMAND,
    previous: NO_ASSIGNMENT,
    atMs: 0,
  });
  const after = loads(0.7, 0.5, 0.2);
  const view = { snapshot, health: after, assignment: { ...assignment, projected: {} } };
  expect(steer(view, site, { group: 1 }).choices[0]?.id).toBe(ORIGINS[0]!);
  expect(steer(view, { ...site, use: "miss" }, { group: 1 }).choices[0]?.id).toBe(ORIGINS[2]!);
});

test("steer() gives every candidate a verdict of every filter that saw it", () => {
  const health = healthOf({ [ORIGINS[0]!]: { load: 0.2 }, [ORIGINS[1]!]: { state: "down" } });
  const { reasons } = decide(health);
  expect(reasons.length).toBe(3);
  const reason = (id: string) => reasons.find((r) => r.id === id)?.verdicts.map((v) => v.reason);
  expect(reason(ORIGINS[0]!)).toEqual(["healthy", "lowest-load"]);
  expect(reason(ORIGINS[1]!)).toEqual(["down"]);
  expect(reason(ORIGINS[2]!)).toEqual(["unmeasured", "higher-load"]);
});

test("steer() shortens the TTL while health is young", () => {
  expect(decide(loads(0.1, 0.2, 0.3)).ttlSec).toBe(20);
  const young = healthOf(
    Object.fromEntries(ORIGINS.map((id) => [id, { young: id === ORIGINS[0] }])),
  );
  expect(decide(young).ttlSec).toBe(5);
});

test("assign() keeps a group's server within the margin and moves it beyond", () => {
  const file = structuredClone(SMALL);
  (file.customers[0]!.sites[0]!.steering as { margin: number }).margin = 0.05;
  const wide = snapshotOf(file);
  const at = (health: ReturnType<typeof healthOf>, previous = NO_ASSIGNMENT) =>
    assign({ snapshot: wide, health, demand: NO_DEMAND, previous, atMs: 0 });
  const first = at(loads(0.1, 0.2, 0.3));
  expect(first.origins["www.shop.example"]?.berlin).toBe(ORIGINS[0]!);
  const near = at(loads(0.14, 0.1, 0.3), first);
  expect(near.origins["www.shop.example"]?.berlin).toBe(ORIGINS[0]!);
  const far = at(loads(0.16, 0.1, 0.3), near);
  expect(far.origins["www.shop.example"]?.berlin).toBe(ORIGINS[1]!);
});

test("assign() spreads groups by projected load instead of sending a herd to the lowest", () => {
  const demand = {
    sites: { "www.shop.example": { default: 300, berlin: 300, boston: 300 } },
    edges: {},
  };
  const health = loads(0.1, 0.1, 0.1);
  const given = assign({ snapshot, health, demand, previous: NO_ASSIGNMENT, atMs: 0 });
  expect(new Set(Object.values(given.origins["www.shop.example"]!)).size).toBe(3);
  for (const id of ORIGINS) expect(given.projected[id]).toBeCloseTo(0.4, 5);
});

test("assign() leaves a steady state alone: demand carried is not added twice", () => {
  const demand = {
    sites: { "www.shop.example": { default: 100, berlin: 100, boston: 100 } },
    edges: {},
  };
  const first = assign({
    snapshot,
    health: loads(0, 0, 0),
    demand,
    previous: NO_ASSIGNMENT,
    atMs: 0,
  });
  const carried = loads(0.1, 0.1, 0.1);
  const second = assign({ snapshot, health: carried, demand, previous: first, atMs: 0 });
  expect(second.origins).toEqual(first.origins);
});

test("nearest-unloaded takes a cache lower in both, and never a dominated one", () => {
  // In the steps that can be measured: sums of cost lose what is far below a microsecond.
  const load = fc.integer({ min: 0, max: 1_500_000 }).map((n) => n / 1e6);
  const rtt = fc.integer({ min: 0, max: 400_000 }).map((n) => n / 1e3);
  fc.assert(
    fc.property(load, load, rtt, rtt, (l1, l2, r1, r2) => {
      const health = {
        ...healthOf({ "node/fra-1": { load: l1 }, "node/nyc-1": { load: l2 } }),
        rttMs: { berlin: { fra: r1, nyc: r2 } },
      };
      const { choices, reasons } = decide(health, {}, { for: "edges" });
      const points = [
        { id: "node/fra-1", rttMs: r1, load: l1 },
        { id: "node/nyc-1", rttMs: r2, load: l2 },
      ];
      const chosen = points[choices[0]!.index]!;
      const other = points[1 - choices[0]!.index]!;
      expect(dominates(other, chosen)).toBe(false);
      expect(reasons.length).toBe(2);
    }),
    // Both as far over capacity: the nearer one.
    { examples: [[1.499993, 1.499993, 0.001, 0]] },
  );
});

test("nearest-unloaded sends each network to its own pop, and away from a full one", () => {
  const idle = healthOf({ "node/fra-1": { load: 0.1 }, "node/nyc-1": { load: 0.1 } });
  expect(decide(idle, { group: 1 }, { for: "edges" }).choices[0]?.id).toBe("node/fra-1");
  expect(decide(idle, { group: 2 }, { for: "edges" }).choices[0]?.id).toBe("node/nyc-1");
  const full = healthOf({ "node/fra-1": { load: 0.95 }, "node/nyc-1": { load: 0.1 } });
  expect(decide(full, { group: 1 }, { for: "edges" }).choices[0]?.id).toBe("node/nyc-1");
});

test("a cache near capacity is left also by clients who moved to it a moment ago", () => {
  const at = (fra: number, previous: Assignment, atMs: number) =>
    assign({
      snapshot,
      health: {
        ...healthOf({ "node/fra-1": { load: fra }, "node/nyc-1": { load: 0.1 } }),
        rttMs: { berlin: { fra: 12, nyc: 92 } },
      },
      demand: NO_DEMAND,
      previous,
      atMs,
    });
  const away = at(1.2, at(0.1, NO_ASSIGNMENT, 0), 10_000);
  const back = at(0.1, away, 12_000);
  expect([away.edges.berlin, back.edges.berlin]).toEqual(["node/nyc-1", "node/fra-1"]);
  expect(at(0.95, back, 14_000).edges.berlin).toBe("node/nyc-1");
});

test("queueMs() is convex and rises to infinity at load 1", () => {
  expect(queueMs(0)).toBe(0);
  expect(queueMs(1)).toBe(Number.POSITIVE_INFINITY);
  expect(costMs(10, 0.5)).toBe(16);
  for (let l = 0.1; l < 0.9; l += 0.1) {
    expect(queueMs(l + 0.1) - queueMs(l)).toBeGreaterThan(queueMs(l) - queueMs(l - 0.1));
  }
});

test("pick() draws by weight and equally for equal seeds", () => {
  const choice = (id: string, weight: number) => ({
    kind: "origin" as const,
    index: 0,
    id,
    v4: null,
    v6: null,
    port: 80,
    weight,
  });
  const choices = [choice("a", 3), choice("b", 1), choice("c", 0)];
  const seen: Record<string, number> = {};
  for (let i = 0; i < 4000; i++) {
    const id = pick(choices, (i * 2654435761) >>> 0)!.id;
    seen[id] = (seen[id] ?? 0) + 1;
  }
  expect(seen.c).toBeUndefined();
  expect(seen.a! / 4000).toBeCloseTo(0.75, 1);
  expect(pick([], 1)).toBeNull();
});

test("nearest-unloaded says dominated, and lowest in both, of exactly those that are", () => {
  const load = fc.integer({ min: 0, max: 4 }).map((n) => n / 5);
  const rtt = fc.integer({ min: 1, max: 5 });
  const pair = fc.array(fc.tuple(rtt, load), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(pair, (pairs) => {
      const points = pairs.map(([rttMs, l], i) => ({ id: `n${i}`, rttMs, load: l }));
      const { isDominated, isLowestInBoth } = front(points);
      for (const p of points) {
        expect(isDominated(p)).toBe(points.some((o) => dominates(o, p)));
        const lowest = points.every((o) => o === p || (p.rttMs < o.rttMs && p.load < o.load));
        expect(isLowestInBoth(p)).toBe(lowest);
      }
    }),
  );
});

test("steer() chooses alike whether it is asked why or not", () => {
  const load = fc.double({ min: 0, max: 1.5, noNaN: true });
  fc.assert(
    fc.property(load, load, load, fc.boolean(), (a, b, c, edges) => {
      const ask = edges ? ({ for: "edges" } as const) : site;
      const { reasons, ...told } = decide(loads(a, b, c), {}, ask);
      const { reasons: none, ...brief } = decide(loads(a, b, c), { brief: true }, ask);
      expect(brief).toEqual(told);
      expect([none.length, reasons.length > 0]).toEqual([0, true]);
    }),
  );
});

test("assign() holds nobody who moved lately at a cache that is nearly full", () => {
  const rttMs = { berlin: { fra: 12, nyc: 92 } };
  let previous = NO_ASSIGNMENT;
  const given = (fra: number, atMs: number) => {
    const health = healthOf({ "node/fra-1": { load: fra }, "node/nyc-1": { load: 0.1 } });
    const seen = { snapshot, health: { ...health, rttMs }, demand: NO_DEMAND };
    previous = assign({ ...seen, previous, atMs });
    return previous.edges.berlin;
  };
  expect(given(0.1, 0)).toBe("node/fra-1");
  expect(given(0.96, 1000)).toBe("node/nyc-1");
  expect(given(0.1, 2000)).toBe("node/fra-1");
  expect(given(0.95, 3000)).toBe("node/nyc-1");
  expect(given(0.1, 4000)).toBe("node/fra-1");
});
