import type { Assignment, Demand } from "../../model/assignment.ts";
import type { Snapshot, SnapshotSite } from "../../model/snapshot.ts";
import { chainOf } from "./chain.ts";

/** Over how long answers are averaged before a split is judged, ms. */
export const SPLIT_MS = 60_000;
/** After a change of the network or of health, how long nothing is corrected. */
const SETTLE_MS = 3 * SPLIT_MS;
/** A weight is corrected by a factor from 1 / TRIM_MOST to TRIM_MOST. */
export const TRIM_MOST = 2;
/** How much of a deviation is corrected within `SPLIT_MS`: less than half, so that it cannot swing. */
const GAIN = 0.4;
/** A share this near to the wanted one is left alone; so is one that chance alone explains. */
const NEAR = 0.01;
const SIGMAS = 3;

/** True if weights alone decide a site's answers: then what was answered can be held against them. */
export function isSplitByWeight(site: Pick<SnapshotSite, "preset" | "chain">): boolean {
  const steps = chainOf(site).filter((step) => step.filter !== "healthy");
  const [only] = steps;
  return steps.length === 1 && (only?.filter === "weighted" || only?.filter === "sticky");
}

export interface Answered {
  readonly id: string;
  readonly weight: number;
  /** Averaged over about `SPLIT_MS`. */
  readonly answersPerSec: number;
  /** The factor by which its weight is corrected. */
  readonly trim: number;
}

/**
 * New corrections of weights, from what was answered: a server that got more than its weight's share
 * is weighed a little less, and the other way round. Slow (an integral over minutes, where answers
 * follow within one), within bounds, and not for what chance explains: so it does not swing.
 */
export function trimWeights(servers: readonly Answered[], passedMs: number): number[] {
  const weights = servers.reduce((sum, s) => sum + s.weight, 0);
  const answers = servers.reduce((sum, s) => sum + s.answersPerSec, 0);
  if (servers.length < 2 || weights <= 0 || answers <= 0) return servers.map((s) => s.trim);
  const counted = (answers * 2 * SPLIT_MS) / 1000;
  const step = (GAIN * Math.min(passedMs, SPLIT_MS)) / SPLIT_MS;
  const raw = servers.map(({ weight, answersPerSec, trim }) => {
    const wanted = weight / weights;
    const achieved = answersPerSec / answers;
    const chance = SIGMAS * Math.sqrt((wanted * (1 - wanted)) / counted);
    if (Math.abs(achieved - wanted) <= Math.max(NEAR, chance)) return trim;
    return trim * within(wanted / Math.max(achieved, 1e-9)) ** step;
  });
  // Only ratios count: their weighted mean stays 1, so that none creeps to a bound.
  const mean = raw.reduce((sum, trim, i) => sum + trim * servers[i]!.weight, 0) / weights;
  return raw.map((trim) => within(trim / mean));
}

function within(factor: number): number {
  return Math.min(TRIM_MOST, Math.max(1 / TRIM_MOST, factor));
}

type Trims = NonNullable<Assignment["trims"]>;

/** What `assign()` remembers of corrections; absent where there is nothing to correct. */
export function nextTrims(o: {
  readonly snapshot: Snapshot;
  readonly previous: Assignment;
  readonly demand: Demand;
  readonly atMs: number;
  /** The weights of a site's servers that can serve, and since when that is so. */
  readonly usable: (
    site: SnapshotSite,
  ) => readonly { readonly id: string; readonly weight: number; readonly sinceMs: number }[];
}): Trims | undefined {
  const { snapshot, previous, demand, atMs } = o;
  const split = snapshot.sites.filter(isSplitByWeight);
  if (split.length === 0) return undefined;
  const before = previous.trims;
  const changed = before === undefined || previous.snapshot !== snapshot.number;
  const notBeforeMs = changed ? atMs + SETTLE_MS : before.notBeforeMs;
  const factor: Record<string, number> = {};
  const passedMs = Math.max(0, atMs - previous.atMs);
  for (const site of split) {
    const servers = o.usable(site).map(({ id, weight, sinceMs }) => {
      const answersPerSec = demand.answers?.[id] ?? 0;
      return { id, weight, sinceMs, answersPerSec, trim: before?.factor[id] ?? 1 };
    });
    const still = atMs >= notBeforeMs && servers.every((s) => atMs - s.sinceMs >= SETTLE_MS);
    const trims = still ? trimWeights(servers, passedMs) : servers.map((s) => s.trim);
    for (const [i, { id }] of servers.entries()) {
      if (Math.abs(trims[i]! - 1) > 0.001) factor[id] = trims[i]!;
    }
    // Of those that cannot serve now it is kept for when they can.
    for (const index of site.origins) {
      const id = snapshot.origins[index]?.id ?? "";
      const kept = before?.factor[id];
      if (kept !== undefined && !servers.some((s) => s.id === id)) factor[id] = kept;
    }
  }
  return { notBeforeMs, factor };
}
