import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Assignment, NO_ASSIGNMENT } from "../../model/assignment.ts";
import type { Health, TargetState } from "../../model/health.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import { steer, type View } from "../../policy/steering/mod.ts";
import { HealthDiffer, HealthMirror } from "./mirror.ts";
import { compileSteering } from "./steering-bytes.ts";
import { subjectOf } from "./subject.ts";
import { compileWorld, healthOf, WORLD as PLAIN_WORLD } from "./world.fixture.ts";

const FILE = structuredClone(PLAIN_WORLD) as typeof PLAIN_WORLD;
/** A neighbour of a cache, so that sites' own cache names stand on shelves. */
(FILE.nodes as unknown[]).push({
  ...{ name: "a2", pop: "oslo", roles: ["edge"] },
  addresses: { v4: "127.1.0.2" },
});
const WORLD = compileWorld(FILE);
/** Every other site is split by weight, so that corrections of weights count. */
const SNAPSHOT: Snapshot = {
  ...WORLD,
  sites: WORLD.sites.map((s) => (s.index % 2 === 0 ? s : { ...s, preset: "weighted" as const })),
};
const GROUPS = SNAPSHOT.groups.map((group) => group.name);
const IDS = [...SNAPSHOT.origins, ...SNAPSHOT.nodes].map((target) => target.id);

const loads = fc.constantFrom(0, 0.2, 0.5, 0.51, 0.9, 1.2);
const states = fc.constantFrom<TargetState>("up", "up", "up", "down", "draining", "unknown");
const target = fc.record({
  state: states,
  young: fc.boolean(),
  v4Up: fc.boolean(),
  v6Up: fc.boolean(),
  load: loads,
  loadKnown: fc.boolean(),
  absent: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
});

const tick: fc.Arbitrary<{ health: Health; assignment: Assignment }> = fc
  .record({
    targets: fc.array(target, { minLength: IDS.length, maxLength: IDS.length }),
    projected: fc.dictionary(fc.constantFrom(...IDS), loads),
    trims: fc.dictionary(fc.constantFrom(...IDS), fc.constantFrom(0.5, 1.25)),
    assigned: fc.dictionary(
      fc.constantFrom(...GROUPS),
      fc.constantFrom("www.shop.example/one", "www.shop.example/two"),
    ),
    edges: fc.dictionary(fc.constantFrom(...GROUPS), fc.constantFrom("node/a", "node/b")),
    at: fc.option(fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 64, maxLength: 64 })),
    oslo: fc.constantFrom(1, 1, 50),
    some: fc.boolean(),
  })
  .map(({ targets, projected, trims, assigned, edges, at, oslo, some }) => {
    const base = healthOf(SNAPSHOT);
    const entries = IDS.flatMap((id, i) => {
      const { absent, ...seen } = targets[i]!;
      return absent ? [] : [[id, { ...base.targets[id]!, ...seen }] as const];
    });
    const health = { ...base, targets: Object.fromEntries(entries), rttMs: { north: { oslo } } };
    const origins: Assignment["origins"] = some ? { "www.shop.example": assigned } : {};
    const moved = { projected, trims: { notBeforeMs: 0, factor: trims } };
    const shelves: Pick<Assignment, "shelves"> =
      at === null ? {} : { shelves: { oslo: { caches: ["node/a", "node/a2"], at, sinceMs: 0 } } };
    return { health, assignment: { ...NO_ASSIGNMENT, origins, edges, ...moved, ...shelves } };
  });

/** One thread's mirror, and what makes patches for it. */
function mirrors() {
  const mirror = new HealthMirror(compileSteering(SNAPSHOT));
  return { mirror, differ: new HealthDiffer(SNAPSHOT, mirror) };
}

/** Everything that is decided: what each group gets of each subject and family. */
function decisions(viewOf: (subject: number) => View) {
  const asks = [
    ...SNAPSHOT.sites.map(({ index }) => ({ for: "origins" as const, site: index })),
    { for: "edges" as const },
    { for: "edges" as const, shelf: 7 },
  ];
  return asks.flatMap((ask) =>
    SNAPSHOT.groups.flatMap(({ index: group }) =>
      ([4, 6] as const).map((family) => {
        const site = ask.for === "edges" ? null : ask.site;
        const view = viewOf(subjectOf({ site: site ?? 0, ...ask }));
        const { choices, ttlSec, allDown } = steer(view, ask, { group, family });
        return { site, decided: JSON.stringify([choices, ttlSec, allDown]) };
      }),
    ),
  );
}

describe("HealthMirror", () => {
  test("leads to the decisions of the whole health, and names all that change as stale", () => {
    fc.assert(
      fc.property(fc.array(tick, { minLength: 1, maxLength: 4 }), (ticks) => {
        const sender = mirrors();
        const receiver = mirrors().mirror;
        const viewOf = (subject: number) => receiver.view(subject);
        let before = decisions(viewOf);
        for (const { health, assignment } of ticks) {
          const patch = sender.differ.diff(health, assignment);
          sender.mirror.apply(patch);
          const stale = receiver.apply(structuredClone(patch));
          const now = decisions(viewOf);
          expect(now).toEqual(decisions(() => ({ snapshot: SNAPSHOT, health, assignment })));
          for (const [i, { site, decided }] of now.entries()) {
            if (decided === before[i]!.decided) continue;
            expect(site === null ? stale.edges : stale.sites.has(site)).toBe(true);
          }
          before = now;
        }
      }),
      { numRuns: 60 },
    );
  });

  test("has nothing to say when nothing changed", () => {
    const { mirror, differ } = mirrors();
    const health = healthOf(SNAPSHOT);
    mirror.apply(differ.diff(health, NO_ASSIGNMENT));
    const patch = differ.diff(structuredClone(health), structuredClone(NO_ASSIGNMENT));
    const { edges, shelves, rttMs } = patch;
    expect([patch.targets.length, patch.assigned.length]).toEqual([0, 0]);
    expect({ edges, shelves, rttMs }).toEqual({ edges: null, shelves: null, rttMs: null });
    const stale = mirror.apply(patch);
    expect([stale.sites.size, stale.edges]).toEqual([0, false]);
  });

  test("names only the site whose server changed", () => {
    const { mirror, differ } = mirrors();
    mirror.apply(differ.diff(healthOf(SNAPSHOT), NO_ASSIGNMENT));
    const load = { "img.shop.example/one": 0.7 };
    const patch = differ.diff(healthOf(SNAPSHOT, load), NO_ASSIGNMENT);
    const stale = mirror.apply(patch);
    const site = SNAPSHOT.sites.find((s) => s.hostname === "img.shop.example")!.index;
    expect([[...stale.sites], stale.edges]).toEqual([[site], false]);
  });
});
