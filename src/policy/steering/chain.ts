import type { SnapshotSite, SnapshotStep } from "../../model/snapshot.ts";
import type { SteeringPreset } from "../../model/steering.ts";
import { allowed } from "./allowed.ts";
import type { Standing } from "./candidate.ts";
import { failover } from "./failover.ts";
import type { FilterClient } from "./filter.ts";
import { first } from "./first.ts";
import { geographic } from "./geographic.ts";
import { latency } from "./latency.ts";
import { lowestLoad } from "./lowest-load.ts";
import { map } from "./map.ts";
import { nearestUnloaded } from "./nearest-unloaded.ts";
import { shed } from "./shed.ts";
import { sticky } from "./sticky.ts";
import { weighted } from "./weighted.ts";

const PRESETS: Readonly<Record<SteeringPreset, readonly SnapshotStep[]>> = {
  "lowest-load": [{ filter: "lowest-load" }],
  "nearest-unloaded": [{ filter: "nearest-unloaded" }],
  latency: [{ filter: "latency" }],
  geographic: [{ filter: "geographic", bias: [] }],
  weighted: [{ filter: "weighted" }],
  failover: [{ filter: "failover", order: [] }],
  sticky: [{ filter: "sticky" }],
};

/** Steps that order what is left; a chain without one ends with `lowest-load`. */
export const ORDERING: ReadonlySet<SnapshotStep["filter"]> = new Set([
  "lowest-load",
  "nearest-unloaded",
  "latency",
  "geographic",
  "weighted",
  "failover",
  "sticky",
]);

/** Steps that depend on who asks. A cache's own choice of origin leaves them out. */
const BY_CLIENT: ReadonlySet<SnapshotStep["filter"]> = new Set([
  "allowed",
  "map",
  "nearest-unloaded",
  "latency",
  "geographic",
  "sticky",
]);

const LOWEST_LOAD = PRESETS["lowest-load"];
export const EDGE_CHAIN = PRESETS["nearest-unloaded"];

/**
 * The steps that decide for a site: its chain, or its preset's. On a miss the client is a cache: what
 * depends on who asks is left out, and the lowest load decides where nothing else does.
 */
export function chainOf(
  site: Pick<SnapshotSite, "preset" | "chain"> | undefined,
  use: "first" | "miss" = "first",
): readonly SnapshotStep[] {
  const whole = site === undefined ? LOWEST_LOAD : (site.chain ?? PRESETS[site.preset]);
  const steps = use === "first" ? whole : whole.filter((step) => !BY_CLIENT.has(step.filter));
  return steps.some((step) => ORDERING.has(step.filter)) ? steps : [...steps, ...LOWEST_LOAD];
}

/** True if round-trip times decide for this site: a change of them makes its decisions stale. */
export function usesLatency(site: Pick<SnapshotSite, "preset" | "chain">): boolean {
  return chainOf(site).some((s) => s.filter === "latency" || s.filter === "nearest-unloaded");
}

/** Walks a chain; returns what is left, best first. */
export function runChain(
  steps: readonly SnapshotStep[],
  candidates: readonly Standing[],
  client: FilterClient,
): Standing[] {
  let left = [...candidates];
  for (const step of steps) left = runStep(step, left, client);
  return left;
}

function runStep(step: SnapshotStep, left: readonly Standing[], client: FilterClient): Standing[] {
  switch (step.filter) {
    case "healthy":
      return [...left];
    case "allowed":
      return allowed(left, step, client);
    case "map":
      return map(left, step, client);
    case "lowest-load":
      return lowestLoad(left, step, client);
    case "nearest-unloaded":
      return nearestUnloaded(left, step, client);
    case "latency":
      return latency(left, step, client);
    case "geographic":
      return geographic(left, step, client);
    case "weighted":
      return weighted(left, step, client);
    case "failover":
      return failover(left, step, client);
    case "sticky":
      return sticky(left, step, client);
    case "shed":
      return shed(left, step, client);
    case "first":
      return first(left, step, client);
  }
}

/**
 * Shares of the draw, in the order of a chain's end. Where a step asked for a draw, its weights times
 * what shedding left; where order decides, the first takes what it keeps, the next of the rest
 * what it keeps, and so on. Nothing left by shedding: as if there were none.
 */
export function sharesOf(ordered: readonly Standing[]): number[] {
  const drawn = ordered.some((s) => s.draw > 0);
  let rest = 1;
  const shares = ordered.map((s, i) => {
    if (drawn) return s.draw * s.share;
    const own = i === ordered.length - 1 ? rest : rest * s.share;
    rest -= own;
    return own;
  });
  if (shares.some((share) => share > 0)) return shares;
  return ordered.map((s, i) => (drawn ? s.draw : Number(i === 0)));
}
