import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { seededRng } from "../../base/rng.ts";
import { ResponseTime, responseDetail, responseLoad } from "./response-time.ts";

const LIMIT_MS = 500;
const loadOf = (time: ResponseTime) =>
  responseLoad({ ewmaMs: time.ewmaMs, idleMs: time.idleMs, limitMs: LIMIT_MS });

function fed(...samples: readonly number[]): ResponseTime {
  const time = new ResponseTime();
  samples.forEach((ms, i) => {
    time.add(ms, i * 1000);
  });
  return time;
}

const calm = (count: number) => Array.from({ length: count }, () => 12);

describe("ResponseTime", () => {
  test("follows a server that turned slow within three samples", () => {
    expect(loadOf(fed(...calm(10)))).toBe(0);
    const load = loadOf(fed(...calm(10), 412, 412, 412));
    expect(load).toBeGreaterThan(0.5);
    expect(loadOf(fed(...calm(10), 412, 412, 412, 412, 412))).toBeGreaterThan(0.7);
  });

  test("is not moved by one spike", () => {
    expect(loadOf(fed(...calm(10), 400, 12))).toBe(0);
  });

  test("noise of a few ms is no load", () => {
    const rng = seededRng(7);
    const time = new ResponseTime();
    for (let i = 0; i < 500; i++) {
      time.add(12 + rng.float() * 8, i * 1000);
      if (i > 3) expect(loadOf(time)).toBe(0);
    }
  });

  test("distance is no load: what is always slow is idle at that", () => {
    expect(loadOf(fed(...Array.from({ length: 50 }, () => 180)))).toBe(0);
  });

  test("a server that turned slow soon after it was first seen stays loaded for minutes", () => {
    const slow = Array.from({ length: 300 }, () => 300);
    expect(loadOf(fed(...calm(10), ...slow))).toBeGreaterThan(0.5);
  });

  test("idle is the tenth percentile of a day, and a day later the old one is forgotten", () => {
    const time = new ResponseTime();
    const halfDaySec = 12 * 3600;
    for (let sec = 0; sec < halfDaySec; sec++) time.add(sec % 100 === 0 ? 1 : 50, sec * 1000);
    expect(time.idleMs).toBeGreaterThan(45);
    expect(time.idleMs).toBeLessThan(55);
    for (let sec = halfDaySec; sec < 3 * halfDaySec; sec++) time.add(200, sec * 1000);
    expect(time.idleMs).toBeGreaterThan(180);
  });
});

describe("responseLoad()", () => {
  test.each([
    [12, 12, 0],
    [20, 12, 0],
    [500, 12, 1],
    [800, 12, 1.63],
    [600, 590, 1],
    [100, 590, 0],
  ])("ewma %d ms over idle %d ms of a limit of 500 ms is load %d", (ewmaMs, idleMs, load) => {
    expect(responseLoad({ ewmaMs, idleMs, limitMs: LIMIT_MS })).toBeCloseTo(load, 2);
  });

  test("is finite, at least 0, and never falls when the response takes longer", () => {
    const ms = fc.double({ min: 0, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(ms, ms, ms, fc.integer({ min: 10, max: 60_000 }), (a, b, idleMs, limitMs) => {
        const low = responseLoad({ ewmaMs: Math.min(a, b), idleMs, limitMs });
        const high = responseLoad({ ewmaMs: Math.max(a, b), idleMs, limitMs });
        expect(low).toBeGreaterThanOrEqual(0);
        expect(high).toBeGreaterThanOrEqual(low);
        expect(high).toBeLessThanOrEqual(10);
      }),
      { numRuns: 500 },
    );
  });

  test("is told in the words of the design", () => {
    const words = responseDetail({ ewmaMs: 84.2, idleMs: 12.1, limitMs: 500 });
    expect(words).toBe("ewma 84 ms, idle 12 ms, limit 500 ms");
  });
});
