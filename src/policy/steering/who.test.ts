import { expect, test } from "bun:test";
import fc from "fast-check";
import { healthOf, SMALL, snapshotOf } from "../../../test/fixtures/network.ts";
import { NO_ASSIGNMENT, NO_DEMAND } from "../../model/assignment.ts";
import { assign } from "./assign.ts";
import { steer, type View } from "./steer.ts";
import { whoGets } from "./who.ts";

const ORIGINS = ["a", "b", "c"].map((name) => `www.shop.example/${name}`);
const NODES = ["node/fra-1", "node/nyc-1"];

function viewOf(steering: Record<string, unknown>, loads: readonly number[]): View {
  const file = structuredClone(SMALL);
  Object.assign(file.customers[0]!.sites[0]!.steering, steering);
  const snapshot = snapshotOf(file);
  const targets = [...ORIGINS, ...NODES].map((id, i) => [id, { load: loads[i] ?? 0 }] as const);
  const health = healthOf(Object.fromEntries(targets));
  const rest = { demand: NO_DEMAND, previous: NO_ASSIGNMENT, atMs: 0 };
  return { snapshot, health, assignment: assign({ snapshot, health, ...rest }) };
}

test("whoGets() tells of every group to all servers together once, as steer() answers it", () => {
  const presets = fc.constantFrom("lowest-load", "weighted", "sticky", "failover", "latency");
  const loads = fc.array(fc.double({ min: 0, max: 1.2, noNaN: true }), { minLength: 5 });
  fc.assert(
    fc.property(presets, loads, (preset, load) => {
      const view = viewOf({ preset }, load);
      for (const [ids, ask] of [
        [ORIGINS, { for: "origins", site: 0 } as const],
        [NODES, { for: "edges" } as const],
      ] as const) {
        const told = ids.map((id) => whoGets(view, null, id)!);
        for (const { index, name } of view.snapshot.groups) {
          const rows = told.map((who) => who.groups.find((g) => g.group === name)?.share ?? 0);
          expect(rows.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 9);
          const { choices } = steer(view, ask, { group: index });
          const drawn = choices.filter((c) => c.weight > 0).map((c) => c.id);
          expect(ids.filter((_, i) => rows[i]! > 0)).toEqual(ids.filter((i) => drawn.includes(i)));
        }
        expect(told.reduce((sum, who) => sum + who.share, 0)).toBeCloseTo(1, 9);
      }
    }),
    { numRuns: 60 },
  );
});

test("whoGets() weighs groups by their lookups, and counts the reasons of those that get it", () => {
  const view = viewOf({}, [0.1, 0.5, 0.9, 0.1, 0.1]);
  const demand = { sites: {}, edges: { berlin: 30, boston: 10 } };
  const who = whoGets(view, demand, "node/fra-1")!;
  expect(who).toMatchObject({ name: "c.cdn.example", share: 0.75, demandKnown: true });
  expect(who.groups[0]).toMatchObject({ group: "berlin", share: 1, lookupsPerSec: 30 });
  const healthy = who.reasons.find((r) => r.reason === "healthy");
  expect(healthy).toMatchObject({ filter: "healthy", groups: who.groups.length, share: 0.75 });
  const all = whoGets(view, demand, ORIGINS[0]!)!;
  expect(all).toMatchObject({ share: 1, demandKnown: false, missShare: 1 });
  expect(whoGets(view, demand, ORIGINS[2]!)).toMatchObject({ share: 0, groups: [] });
  expect(whoGets(view, demand, "node/nobody")).toBeNull();
});

test("whoGets() of a name that is all down tells all servers of all groups", () => {
  const view = viewOf({}, []);
  const targets = Object.fromEntries(ORIGINS.map((id) => [id, { state: "down" as const }]));
  const who = whoGets({ ...view, health: healthOf(targets) }, null, ORIGINS[1]!)!;
  expect(who.groups.map((g) => g.reason)).toEqual(view.snapshot.groups.map(() => "all-down"));
  expect(who.share).toBeCloseTo(1 / 3, 9);
});
