import { expect, test } from "bun:test";
import fc from "fast-check";
import { healthOf, SMALL, snapshotOf } from "../../../test/fixtures/network.ts";
import { NO_ASSIGNMENT } from "../../model/assignment.ts";
import { steer } from "../../policy/steering/mod.ts";
import { Chosen } from "./chosen.ts";

const ORIGINS = ["a", "b", "c"].map((name) => `www.shop.example/${name}`);

function loads(of: readonly number[]) {
  return healthOf(Object.fromEntries(ORIGINS.map((id, i) => [id, { load: of[i]! }])));
}

test("a miss asks whom steer() names, whatever became known since the last one", () => {
  const load = fc.double({ min: 0, max: 2, noNaN: true });
  const change = fc.record({ what: fc.constantFrom("none", "health", "snapshot"), load });
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
      const chosen = new Chosen();
      let view = { snapshot: snapshotOf(), health: loads([0, 1, 2]), assignment: NO_ASSIGNMENT };
      for (const { what, load: own } of changes) {
        if (what === "health") view = { ...view, health: loads([own, 1, 2 - own]) };
        if (what === "snapshot") view = { ...view, snapshot: snapshotOf() };
        const ask = { for: "origins", site: 0, use: "miss" } as const;
        // The view is another object each time; what it is made of tells whether anything changed.
        expect(chosen.of({ ...view }, 0)).toEqual(steer(view, ask, { group: 0 }).choices);
      }
    }),
    { numRuns: 60 },
  );
});

test("the decision for misses is made once for all, until one of the things it follows from is replaced", () => {
  const chosen = new Chosen();
  const snapshot = snapshotOf();
  const view = { snapshot, health: loads([0, 1, 2]), assignment: NO_ASSIGNMENT };
  const first = chosen.of(view, 0);
  expect(chosen.of({ ...view }, 0)).toBe(first);
  for (const other of [
    { ...view, health: loads([0, 1, 2]) },
    { ...view, assignment: { ...NO_ASSIGNMENT } },
    { ...view, snapshot: snapshotOf() },
  ]) {
    const again = chosen.of(other, 0);
    expect([again, again === first]).toEqual([[...first], false]);
  }
});

test("what stands in where all servers of a site are down is known by its site: it has places of its own", () => {
  const [shop] = SMALL.customers;
  const sites = ["www.shop.example", "www.news.example"].map((hostname) => {
    const steering = { fallback: "192.0.2.99" };
    return { ...shop!.sites[0]!, hostname, steering };
  });
  const snapshot = snapshotOf({ ...SMALL, customers: [{ ...shop!, sites }] });
  const down = snapshot.origins.map(({ id }) => [id, { state: "down" as const }]);
  const health = healthOf(Object.fromEntries(down));
  const chosen = new Chosen();
  const ids = [0, 1].map((site) => {
    const choices = chosen.of({ snapshot, health, assignment: NO_ASSIGNMENT }, site);
    return choices.map(({ kind, v4, id }) => `${kind} ${v4} ${id}`);
  });
  expect(ids).toEqual([
    ["fallback 192.0.2.99 fallback of www.shop.example"],
    ["fallback 192.0.2.99 fallback of www.news.example"],
  ]);
});
