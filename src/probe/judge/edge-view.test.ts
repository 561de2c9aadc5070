import { describe, expect, test } from "bun:test";
import type { OriginSeen } from "../../model/messages.ts";
import { EdgeView } from "./edge-view.ts";

const calm: OriginSeen = { asked: 20, failed: 0, timed: 20, quarterMs: 20, open: 2, openMax: 512 };

/** So many seconds of the same; the last word. */
function seconds(view: EdgeView, count: number, seen: OriginSeen) {
  let last = null;
  for (let i = 0; i < count; i++)
    last = view.take(seen, { limitMs: 500, atMs: i, nowMs: i * 1000 });
  return last;
}

describe("EdgeView", () => {
  test("says nothing of a server that is hardly asked", () => {
    const view = new EdgeView();
    const few = { ...calm, asked: 1, timed: 1 };
    expect(view.take(few, { limitMs: 500, atMs: 0, nowMs: 0 })).toBeNull();
  });

  test("a calm server has no load, whatever its contents cost", () => {
    expect(seconds(new EdgeView(), 30, calm)?.load).toBe(0);
  });

  test("a server that turns slow for all has load, and says why", () => {
    const view = new EdgeView();
    seconds(view, 30, calm);
    const slow = seconds(view, 6, { ...calm, quarterMs: 400 });
    expect(slow?.load).toBeGreaterThan(0.6);
    expect(slow?.kind).toBe("edges");
    expect(slow?.detail).toMatch(/^at a cache: ewma \d+ ms, idle \d+ ms, limit 500 ms, 0 % fail/);
  });

  test("failures count by their share, and one of many does not", () => {
    const view = new EdgeView();
    seconds(view, 10, calm);
    expect(seconds(view, 1, { ...calm, failed: 1 })?.load).toBeLessThan(0.05);
    expect(
      seconds(view, 6, { ...calm, failed: 20, timed: 0, quarterMs: null })?.load,
    ).toBeGreaterThan(0.9);
    expect(seconds(view, 12, calm)?.load).toBeLessThan(0.05);
  });

  test("what is open counts of what may be", () => {
    expect(seconds(new EdgeView(), 3, { ...calm, open: 460 })?.load).toBeCloseTo(0.8, 1);
  });
});
