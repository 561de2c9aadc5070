import { expect, test } from "bun:test";
import fc from "fast-check";
import { snapshotOf } from "../../../test/fixtures/network.ts";
import type { SnapshotGroup, SnapshotStep } from "../../model/snapshot.ts";
import type { Standing } from "./candidate.ts";
import { runChain } from "./chain.ts";

/** What may be left out of the suite, each with its reason. */
export interface Skips {
  /** The filter may leave nothing. */
  readonly empties?: string;
}

export const GROUP: SnapshotGroup = {
  ...snapshotOf().groups[1]!,
  lat: 52.5,
  lon: 13.4,
};

/** A candidate as `steer()` makes them. */
export function standing(index: number, given: Partial<Standing> = {}): Standing {
  return {
    kind: "origin",
    index,
    id: `site/${String.fromCharCode(97 + index)}`,
    name: String.fromCharCode(97 + index),
    v4: `192.0.2.${index}`,
    v6: null,
    port: 80,
    trim: 1,
    weight: 1,
    capacity: 1000,
    forced: "auto",
    forcedUntilMs: undefined,
    health: undefined,
    load: 0.5,
    projected: given.load ?? 0.5,
    place: null,
    rttMs: null,
    rttFrom: "unknown",
    verdicts: [],
    kept: true,
    draw: 0,
    share: 1,
    stick: undefined,
    ...given,
  };
}

const fields = fc.record({
  load: fc.double({ min: 0, max: 2, noNaN: true }),
  rttMs: fc.option(fc.double({ min: 0, max: 400, noNaN: true })),
  weight: fc.double({ min: 0.1, max: 100, noNaN: true }),
  place: fc.option(
    fc.record({
      lat: fc.double({ min: -90, max: 90, noNaN: true }),
      lon: fc.double({ min: -180, max: 180, noNaN: true }),
    }),
  ),
});

/** Up to eight candidates in an order of their own. */
export const someStandings: fc.Arbitrary<() => Standing[]> = fc
  .array(fields, { minLength: 1, maxLength: 8 })
  .chain((list) => {
    const places = fc.shuffledSubarray([...list.keys()], { minLength: list.length });
    return places.map((order) => () => order.map((i) => standing(i, list[i]!)));
  });

/** What every filter holds to, whatever it decides by. */
export function filterContract(step: SnapshotStep, skips: Skips = {}): void {
  const name = step.filter;
  const run = (left: Standing[]) => runChain([step], left, { group: GROUP, assigned: undefined });

  test(`${name}: keeps some of what it was given, each once, and adds nothing`, () => {
    fc.assert(
      fc.property(someStandings, (make) => {
        const left = make();
        const kept = run(left);
        expect(new Set(kept).size).toBe(kept.length);
        for (const s of kept) expect(left).toContain(s);
        if (skips.empties === undefined) expect(kept.length).toBeGreaterThan(0);
      }),
    );
  });

  test(`${name}: notes one verdict on each candidate, and it says what happened`, () => {
    fc.assert(
      fc.property(someStandings, (make) => {
        const left = make();
        const kept = new Set(run(left));
        for (const s of left) {
          expect(s.verdicts.length).toBe(1);
          expect(s.verdicts[0]).toMatchObject({ filter: name, kept: kept.has(s) });
          expect(s.verdicts[0]!.detail).not.toBe("");
          expect(s.kept).toBe(kept.has(s));
        }
      }),
    );
  });

  test(`${name}: the same input gives the same output; nothing gives nothing`, () => {
    expect(run([])).toEqual([]);
    fc.assert(fc.property(someStandings, (make) => expect(run(make())).toEqual(run(make()))));
  });
}
