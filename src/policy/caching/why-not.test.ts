import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { WHY_NOT } from "../../model/why-not.ts";
import { aboutReason, whyNotReport } from "./why-not.ts";

describe("why requests of a site were no hits", () => {
  test("a site that nobody asked for has no reasons and no hit ratio", () => {
    const report = whyNotReport({ requests: 0, hits: 0, whyNot: {} });
    expect(report).toEqual({ requests: 0, hitRatio: null, reasons: [] });
  });

  test("what is kept from now on is a hit as often as what is kept already", () => {
    // Of 100: 60 hits and 20 firsts, so three of four that are looked up; 20 are private.
    const whyNot = { private: 20, "not-held": 20 };
    const { hitRatio, reasons } = whyNotReport({ requests: 100, hits: 60, whyNot });
    expect(hitRatio).toBe(0.6);
    expect(reasons.map(({ reason, share, gain }) => [reason, share, gain])).toEqual([
      ["not-held", 0.2, 0],
      ["private", 0.2, 0.15000000000000002],
    ]);
    expect(reasons[1]?.fix).toContain("public, max-age");
  });

  test("what was held and asked for again would have been a hit each time", () => {
    const whyNot = { stale: 30, validate: 10 };
    const { reasons } = whyNotReport({ requests: 100, hits: 60, whyNot });
    expect(reasons.map(({ reason, gain }) => [reason, gain])).toEqual([
      ["stale", 0.3],
      ["validate", 0.1],
    ]);
  });

  test("where nothing is kept yet, nothing tells what keeping it would bring", () => {
    const { reasons } = whyNotReport({ requests: 10, hits: 0, whyNot: { "no-store": 10 } });
    expect(reasons[0]?.gain).toBeNull();
  });

  test("gains together are no more than what is missing; the most frequent come first", () => {
    const counts = fc.record(
      Object.fromEntries(WHY_NOT.map((reason) => [reason, fc.nat({ max: 1_000_000 })])),
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(counts, fc.nat({ max: 1_000_000 }), (whyNot, hits) => {
        const misses = Object.values(whyNot).reduce<number>((sum, n) => sum + (n ?? 0), 0);
        const requests = hits + misses;
        const { reasons } = whyNotReport({ requests, hits, whyNot });
        const gains = reasons.reduce((sum, { gain }) => sum + (gain ?? 0), 0);
        expect(gains).toBeLessThanOrEqual(requests === 0 ? 0 : misses / requests + 1e-9);
        expect(reasons.reduce((sum, row) => sum + row.requests, 0)).toBe(misses);
        for (const [i, row] of reasons.entries()) {
          expect(row.requests).toBeLessThanOrEqual(reasons[i - 1]?.requests ?? row.requests);
          expect(row.requests).toBeGreaterThan(0);
          expect(row.gain ?? 0).toBeLessThanOrEqual(row.share);
          // What can be gained has a way to gain it.
          if ((row.gain ?? 1) > 0) expect(row.fix).not.toBeNull();
        }
      }),
    );
  });

  test("aboutReason() has words for every reason, and none for what is no reason of a miss", () => {
    for (const reason of WHY_NOT) expect(aboutReason(reason)?.means).toMatch(/\w+ \w+/);
    for (const word of ["fresh", "301 /new", "constructor"]) expect(aboutReason(word)).toBeNull();
  });
});
