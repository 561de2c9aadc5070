import { note, type Standing, show, UNKNOWN_RTT_MS } from "./candidate.ts";

/** Waiting at load 0.5, ms. A cache half busy counts as this much farther away. */
const HALF_LOAD_WAIT_MS = 20;

/**
 * Waiting time in ms at a load: convex, 0 at 0, rising to infinity at 1 (the M/M/1 shape
 * load / (1 - load), scaled).
 *
 * @example queueMs(0.5) // 20
 */
export function queueMs(load: number): number {
  if (load <= 0) return 0;
  if (load >= 1) return Number.POSITIVE_INFINITY;
  return (HALF_LOAD_WAIT_MS * load) / (1 - load);
}

export function rttOrDefault(s: { readonly rttMs: number | null }): number {
  return s.rttMs ?? UNKNOWN_RTT_MS;
}

/** `rtt_ms + queue(load)`. */
export function costMs(rttMs: number, load: number): number {
  return rttMs + queueMs(load);
}

/** A point of the choice: what a candidate would be like for a client group. */
export interface Point {
  readonly id: string;
  readonly rttMs: number;
  readonly load: number;
}

/** True if `b` is no worse than `a` in both and better in one: `a` is never chosen then. */
export function dominates(b: Point, a: Point): boolean {
  return b.rttMs <= a.rttMs && b.load <= a.load && (b.rttMs < a.rttMs || b.load < a.load);
}

/**
 * Total order of `nearest-unloaded`: by cost; where both are infinite, by load and then latency,
 * so that a candidate lower in both always comes first; then by id.
 */
export function byCost(a: Point, b: Point): number {
  const costA = costMs(a.rttMs, a.load);
  const costB = costMs(b.rttMs, b.load);
  if (costA !== costB) return costA - costB;
  return a.load - b.load || a.rttMs - b.rttMs || (a.id < b.id ? -1 : 1);
}

/** Preset `nearest-unloaded`: the assigned cache first, then the others by cost. */
export function nearestUnloaded(
  kept: readonly Standing[],
  assigned: string | undefined,
): Standing[] {
  const point = (s: Standing): Point => ({ id: s.id, rttMs: rttOrDefault(s), load: s.projected });
  const ordered = [...kept].sort((a, b) => byCost(point(a), point(b)));
  const best = ordered[0];
  if (best === undefined) return [];
  const held = assigned === undefined ? undefined : ordered.find((s) => s.id === assigned);
  const first = held ?? best;
  for (const s of ordered) {
    const rtt =
      s.rttMs === null ? `unknown rtt, taken as ${UNKNOWN_RTT_MS}` : `rtt ${show(s.rttMs)}`;
    const from = s.health?.loadFrom ?? "pool median";
    const cost = costMs(rttOrDefault(s), s.projected);
    const detail = `${rtt} ms, load ${show(s.projected)} by ${from}, cost ${show(cost)} ms`;
    const lowestInBoth = ordered.every(
      (o) => o === s || (rttOrDefault(s) < rttOrDefault(o) && s.projected < o.projected),
    );
    const reason = lowestInBoth
      ? "lowest-in-both"
      : s === best
        ? "lowest-cost"
        : s === first
          ? "assigned"
          : ordered.some((o) => dominates(point(o), point(s)))
            ? "dominated"
            : "higher-cost";
    note(s, "nearest-unloaded", true, [reason, detail]);
  }
  return [first, ...ordered.filter((s) => s !== first)];
}
