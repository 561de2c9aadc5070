import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { assumedLoad, combineLoads, majority, median, type Vote } from "./combine.ts";
import { massFailure } from "./mass-failure.ts";

describe("majority()", () => {
  test.each<[Vote[], "unknown" | "up" | "down", string]>([
    [["up", "up", "down"], "down", "up"],
    [["down", "down", "up"], "up", "down"],
    [["up", "down"], "up", "up"],
    [["up", "down"], "down", "down"],
    [["up", "down"], "unknown", "unknown"],
    [["undecided", "undecided", "down"], "up", "down"],
    [["hold", "hold", "hold"], "up", "up"],
    [["hold", "down"], "up", "down"],
    [[], "down", "down"],
  ])("%j after %s is %s", (votes, previous, expected) => {
    expect(majority(votes, previous)).toBe(expected as "up");
  });

  test("fewer liars than honest vantages never win", () => {
    const counts = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 1, max: 5 }));
    fc.assert(
      fc.property(
        counts,
        fc.boolean(),
        fc.constantFrom("unknown", "up", "down"),
        (n, up, before) => {
          const [liars, more] = n;
          const honest: Vote = up ? "up" : "down";
          const lie: Vote = up ? "down" : "up";
          const votes = [
            ...Array.from({ length: liars }, () => lie),
            ...Array.from({ length: liars + more }, () => honest),
          ];
          expect(majority(votes, before as "up")).toBe(honest);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("combineLoads()", () => {
  const seen = (kind: "cpu" | "http", load: number, atMs = 0) => ({
    kind,
    load,
    atMs,
    detail: `${kind} ${load}`,
  });

  test("takes the median per kind, the highest first, with the newest time", () => {
    const sources = combineLoads([
      seen("cpu", 0.2, 5),
      seen("http", 0.9),
      seen("cpu", 0.3, 7),
      seen("cpu", 9),
    ]);
    expect(sources).toEqual([
      { kind: "http", load: 0.9, atMs: 0, detail: "http 0.9" },
      { kind: "cpu", load: 0.3, atMs: 7, detail: "cpu 0.3 (median of 3 views)" },
    ]);
  });

  test("one vantage's number among three stays between the others'", () => {
    const load = fc.double({ min: 0, max: 10, noNaN: true });
    fc.assert(
      fc.property(load, load, load, (a, b, lie) => {
        const source = combineLoads([seen("cpu", a), seen("cpu", b), seen("cpu", lie)])[0];
        expect(source?.load).toBeGreaterThanOrEqual(Math.min(a, b) - 0.001);
        expect(source?.load).toBeLessThanOrEqual(Math.max(a, b) + 0.001);
      }),
      { numRuns: 300 },
    );
  });
});

describe("assumedLoad()", () => {
  test("is the pool's median, or the middle when nobody knows anything", () => {
    expect(assumedLoad([0.1, 0.9, 0.4])).toBe(0.4);
    expect(assumedLoad([0.2, 0.4])).toBeCloseTo(0.3, 6);
    expect(assumedLoad([])).toBe(0.5);
    expect(median([])).toBeNull();
  });
});

describe("massFailure()", () => {
  const views = (failing: number, all: number, pools = 2) =>
    Array.from({ length: all }, (_, i) => ({ pool: `pool-${i % pools}`, failing: i < failing }));

  test.each<[string, number, number, number, boolean]>([
    ["half of many", 10, 20, 2, false],
    ["more than half of many", 11, 20, 2, true],
    ["all of a few", 19, 19, 2, false],
    ["all of one pool", 30, 30, 1, false],
    ["none", 0, 40, 4, false],
  ])("%s: %d of %d in %d pools", (_, failing, all, pools, held) => {
    expect(massFailure(views(failing, all, pools)) !== null).toBe(held);
  });
});
