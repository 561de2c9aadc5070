import { expect, test } from "bun:test";
import fc from "fast-check";
import { trimWeights } from "./trim.ts";

const server = fc.record({
  weight: fc.double({ min: 0.1, max: 10, noNaN: true }),
  answersPerSec: fc.double({ min: 0, max: 1000, noNaN: true }),
  trim: fc.double({ min: 0.5, max: 2, noNaN: true }),
});

function named<T>(servers: readonly T[]) {
  return servers.map((s, i) => ({ id: `s${i}`, ...s }));
}

test("trimWeights() keeps within bounds, whatever was answered", () => {
  fc.assert(
    fc.property(fc.array(server, { maxLength: 8 }), fc.nat(1e6), (servers, passedMs) => {
      const trims = trimWeights(named(servers), passedMs);
      expect(trims.length).toBe(servers.length);
      for (const trim of trims) expect(trim).toBeGreaterThanOrEqual(0.5);
      for (const trim of trims) expect(trim).toBeLessThanOrEqual(2);
    }),
  );
});

test("trimWeights() leaves alone what chance explains", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 50 }),
      fc.double({ min: -1, max: 1, noNaN: true }),
      (rate, off) => {
        const chance = 2.9 * Math.sqrt(0.25 / (rate * 120));
        const servers = [0.5 + off * chance, 0.5 - off * chance].map((share) => {
          return { weight: 1, answersPerSec: Math.max(0, share) * rate, trim: 1 };
        });
        expect(trimWeights(named(servers), 1000)).toEqual([1, 1]);
      },
    ),
  );
});

/** Answers follow weights and what clients are like, after a TTL and averaged over a minute. */
function live(skew: readonly number[], weights: readonly number[], seconds: number) {
  let trims = weights.map(() => 1);
  let averaged = weights.map(() => 100);
  const asked: number[][] = [];
  const worst: number[] = [];
  const total = weights.reduce((a, b) => a + b, 0);
  for (let sec = 0; sec < seconds; sec++) {
    const draw = weights.map((w, i) => w * trims[i]! * skew[i]!);
    const sum = draw.reduce((a, b) => a + b, 0);
    asked.push(draw.map((d) => (1000 * d) / sum));
    const now = asked[Math.max(0, sec - 20)]!;
    averaged = averaged.map((a, i) => a + (now[i]! - a) / 60);
    const all = averaged.reduce((a, b) => a + b, 0);
    worst.push(Math.max(...averaged.map((a, i) => Math.abs(a / all - weights[i]! / total))));
    const servers = weights.map((weight, i) => {
      return { weight, answersPerSec: averaged[i]!, trim: trims[i]! };
    });
    trims = trimWeights(named(servers), 1000);
  }
  return { worst, trims };
}

test("trimWeights() brings the split to what is wanted, from any skew in its bounds, and rests there", () => {
  const skew = fc.array(fc.double({ min: 0.75, max: 1.3, noNaN: true }), {
    minLength: 4,
    maxLength: 4,
  });
  const weights = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(skew, weights, (s, w) => {
      const { worst } = live(s, w, 1500);
      const late = worst.slice(1200);
      expect(Math.max(...late)).toBeLessThan(0.02);
      expect(Math.max(...late) - Math.min(...late)).toBeLessThan(0.005);
    }),
    { numRuns: 40 },
  );
});
