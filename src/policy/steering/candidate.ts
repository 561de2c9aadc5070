import type { Assignment } from "../../model/assignment.ts";
import type { Candidate, SteerReason, Verdict } from "../../model/decision.ts";
import type { Health, TargetHealth } from "../../model/health.ts";
import type { ForcedState } from "../../model/origin.ts";
import type { GroupIndex, Snapshot, SnapshotNode, SnapshotOrigin } from "../../model/snapshot.ts";

/** Load of a target that nobody has measured and whose pool nobody has measured: never 0. */
export const UNKNOWN_LOAD = 0.5;
/** Round trip assumed where nothing is known, ms: the same for all, so that load decides. */
export const UNKNOWN_RTT_MS = 100;

/** A candidate while filters walk over it; `verdicts` grows, `kept` turns false once. */
export interface Standing {
  readonly kind: "origin" | "node";
  readonly index: number;
  readonly id: string;
  readonly name: string;
  readonly v4: string | null;
  readonly v6: string | null;
  readonly port: number;
  readonly weight: number;
  readonly capacity: number;
  readonly forced: ForcedState;
  readonly health: TargetHealth | undefined;
  readonly load: number;
  readonly projected: number;
  readonly rttMs: number | null;
  readonly verdicts: Verdict[];
  kept: boolean;
}

export function standingOfOrigin(
  origin: SnapshotOrigin,
  health: Health,
  assignment: Assignment,
): Standing {
  const seen = health.targets[origin.id];
  const load = seen?.load ?? UNKNOWN_LOAD;
  return {
    kind: "origin",
    index: origin.index,
    id: origin.id,
    name: origin.name,
    ...addresses(origin, seen),
    port: origin.port,
    weight: origin.weight,
    capacity: origin.capacity * origin.weight,
    forced: origin.forced,
    health: seen,
    load,
    projected: assignment.projected[origin.id] ?? load,
    rttMs: null,
    verdicts: [],
    kept: true,
  };
}

export function standingOfNode(
  node: SnapshotNode,
  view: { snapshot: Snapshot; health: Health; assignment: Assignment },
  group: GroupIndex,
): Standing {
  const seen = view.health.targets[node.id];
  const load = seen?.load ?? UNKNOWN_LOAD;
  return {
    kind: "node",
    index: node.index,
    id: node.id,
    name: node.name,
    ...addresses(node, seen),
    port: view.snapshot.ports.http,
    weight: 1,
    capacity: node.capacity,
    forced: node.forced,
    health: seen,
    load,
    projected: view.assignment.projected[node.id] ?? load,
    rttMs: rttOf(view.snapshot, view.health, group, node),
    verdicts: [],
    kept: true,
  };
}

/** Addresses without the families whose checks fail (unless the whole target is down). */
function addresses(
  target: { readonly v4?: string; readonly v6?: string },
  seen: TargetHealth | undefined,
): { v4: string | null; v6: string | null } {
  const measured = seen !== undefined && seen.state === "up" && (seen.v4Up || seen.v6Up);
  return {
    v4: target.v4 !== undefined && (!measured || seen.v4Up) ? target.v4 : null,
    v6: target.v6 !== undefined && (!measured || seen.v6Up) ? target.v6 : null,
  };
}

function rttOf(
  snapshot: Snapshot,
  health: Health,
  g: GroupIndex,
  node: SnapshotNode,
): number | null {
  const group = snapshot.groups[g];
  const pop = snapshot.pops[node.pop];
  if (group === undefined || pop === undefined) return null;
  return health.rttMs[group.name]?.[pop.name] ?? group.rttMs[node.pop] ?? null;
}

export function note(
  standing: Standing,
  filter: string,
  kept: boolean,
  why: readonly [SteerReason, string],
): void {
  standing.verdicts.push({ filter, kept, reason: why[0], detail: why[1] });
  if (!kept) standing.kept = false;
}

/**
 * Filter `healthy`. State chart (forced wins over what was measured):
 *
 *   forced | measured  | kept | reason
 *   down   | any       | no   | forced-down
 *   drain  | any       | no   | draining
 *   up     | any       | yes  | forced-up
 *   auto   | up        | yes  | healthy
 *   auto   | unknown   | yes  | unmeasured
 *   auto   | draining  | no   | draining
 *   auto   | down      | no   | down
 */
export function judgeHealthy(standing: Standing): void {
  const state = standing.health?.state ?? "unknown";
  if (standing.forced === "down") note(standing, "healthy", false, ["forced-down", "set by hand"]);
  else if (standing.forced === "drain")
    note(standing, "healthy", false, ["draining", "set by hand"]);
  else if (standing.forced === "up") note(standing, "healthy", true, ["forced-up", "set by hand"]);
  else if (state === "up") note(standing, "healthy", true, ["healthy", "checks pass"]);
  else if (state === "unknown") note(standing, "healthy", true, ["unmeasured", "no check yet"]);
  else if (state === "draining") note(standing, "healthy", false, ["draining", "being drained"]);
  else note(standing, "healthy", false, ["down", failureOf(standing.health)]);
}

function failureOf(health: TargetHealth | undefined): string {
  const failed = health?.views.filter((view) => !view.up) ?? [];
  const words = [...new Set(failed.map((view) => view.failure).filter((text) => text !== ""))];
  const seenBy = `${failed.length} of ${health?.views.length ?? 0} vantages see it fail`;
  return words.length === 0 ? seenBy : `${seenBy}: ${words.join(", ")}`;
}

export function toCandidate(standing: Standing): Candidate {
  return {
    id: standing.id,
    name: standing.name,
    v4: standing.v4,
    v6: standing.v6,
    state: standing.health?.state ?? "unknown",
    load: standing.load,
    loadKnown: standing.health?.loadKnown ?? false,
    loadFrom: standing.health?.loadFrom ?? null,
    projected: standing.projected,
    rttMs: standing.rttMs,
    sources: standing.health?.sources ?? [],
    verdicts: standing.verdicts,
  };
}

/** A load or time for people: two or three significant places. */
export function show(value: number): string {
  return Number.isFinite(value) ? value.toFixed(value < 10 ? 3 : 1) : "infinite";
}
