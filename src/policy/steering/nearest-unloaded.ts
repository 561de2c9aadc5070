import { note, rttOf, rttWords, type Standing, show } from "./candidate.ts";
import { type Filter, orderDecides } from "./filter.ts";

/** Mean time that one request takes a server, ms: sets what waiting is worth against distance. */
const SERVICE_MS = 2;

/**
 * What a load costs, in ms: convex, 0 at 0, rising to infinity at 1. It is the price of one more
 * request to all: waiting at an M/M/1 server, w = SERVICE_MS * l / (1 - l), plus what the others
 * then wait longer, l * w'. So choices that each minimise it minimise the sum of latencies.
 *
 * @example queueMs(0.5) // 6
 */
export function queueMs(load: number): number {
  if (load <= 0) return 0;
  if (load >= 1) return Number.POSITIVE_INFINITY;
  return (SERVICE_MS * load * (2 - load)) / ((1 - load) * (1 - load));
}

/** What a client waits at a load, ms: `SERVICE_MS * l / (1 - l)`. */
export function waitMs(load: number): number {
  if (load <= 0) return 0;
  if (load >= 1) return Number.POSITIVE_INFINITY;
  return (SERVICE_MS * load) / (1 - load);
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

/** Filter `nearest-unloaded`: the assigned cache first, then the others by cost. */
export const nearestUnloaded: Filter<"nearest-unloaded"> = (left, _step, client) => {
  orderDecides(left);
  const { assigned } = client;
  const ordered = left
    .map((s) => ({ s, id: s.id, rttMs: rttOf(s), load: s.projected }))
    .sort(byCost);
  const best = ordered[0];
  if (best === undefined) return [];
  const held = assigned === undefined ? undefined : ordered.find((p) => p.id === assigned);
  const first = held ?? best;
  if (client.brief !== true) {
    const { isDominated, isLowestInBoth } = front(ordered);
    for (const point of ordered) {
      const reason = isLowestInBoth(point)
        ? "lowest-in-both"
        : point === best
          ? "lowest-cost"
          : point === first
            ? client.hashed === true
              ? "hashed"
              : "assigned"
            : isDominated(point)
              ? "dominated"
              : "higher-cost";
      const hashed = client.hashed === true && point === first ? `; ${HASHED}` : "";
      note(point.s, "nearest-unloaded", true, [reason, `${words(point.s)}${hashed}`]);
    }
  }
  return [first.s, ...ordered.filter((p) => p !== first).map((p) => p.s)];
};

const HASHED = "of the caches of its pop it holds this name, by consistent hashing";

function words(s: Standing): string {
  const from = s.health?.loadFrom ?? "pool median";
  const cost = costMs(rttOf(s), s.projected);
  return `${rttWords(s)}, load ${show(s.projected)} by ${from}, cost ${show(cost)} ms`;
}

/** Which of many points are dominated, found by one sort in place of comparing all pairs. */
export function front(points: readonly Point[]) {
  const byRtt = [...points].sort((a, b) => a.rttMs - b.rttMs || a.load - b.load);
  /** Those that no nearer (or as near and less loaded) one is lower than: loads fall along it. */
  const steps: Point[] = [];
  for (const p of byRtt)
    if (p.load < (steps.at(-1)?.load ?? Number.POSITIVE_INFINITY)) steps.push(p);
  const twins = byRtt.filter((p) => p.rttMs === byRtt[0]?.rttMs || p.load === steps.at(-1)?.load);
  return {
    /** Lower than every other in both. */
    isLowestInBoth: (p: Point) => steps.length === 1 && steps[0] === p && twins.length === 1,
    isDominated: (p: Point) => steps.some((step) => dominates(step, p)),
  };
}
