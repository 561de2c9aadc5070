import type { Assignment } from "../../model/assignment.ts";
import type { Candidate, SteerReason, Verdict } from "../../model/decision.ts";
import type { Health, TargetHealth } from "../../model/health.ts";
import type { ForcedState } from "../../model/origin.ts";
import type {
  PopIndex,
  Snapshot,
  SnapshotGroup,
  SnapshotNode,
  SnapshotOrigin,
} from "../../model/snapshot.ts";
import { distanceKm, type Place, placeOf, rttOfDistance } from "./distance.ts";

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
  /** What its weight is multiplied by in a draw, so that what is answered comes to what is wanted. */
  readonly trim: number;
  readonly capacity: number;
  readonly forced: ForcedState;
  readonly forcedUntilMs: number | undefined;
  readonly health: TargetHealth | undefined;
  readonly load: number;
  readonly projected: number;
  readonly place: Place | null;
  readonly rttMs: number | null;
  readonly rttFrom: "measured" | "known" | "distance" | "unknown";
  readonly verdicts: Verdict[];
  kept: boolean;
  /** Its weight in the draw that a step asked for; 0 where order decides. */
  draw: number;
  /** What shedding leaves of it. */
  share: number;
  /** Its number in a draw that sticks to clients. */
  stick: number | undefined;
}

/** What candidates are measured by. */
export interface Seen {
  readonly snapshot: Snapshot;
  readonly health: Health;
  readonly assignment: Assignment;
}

export function standingOfOrigin(
  origin: SnapshotOrigin,
  seen: Seen,
  group: SnapshotGroup | undefined,
): Standing {
  return standing("origin", origin, {
    seen,
    port: origin.port,
    weight: origin.weight,
    capacity: origin.capacity * origin.weight,
    at: { group, pop: origin.pop, place: placeOf(origin) },
  });
}

/**
 * A server of weight 0 where no other can serve. Weight 0 takes a server out of the answers, not the
 * name: those that are left stand in, all alike.
 */
export function standingOfSpare(
  origin: SnapshotOrigin,
  seen: Seen,
  group: SnapshotGroup | undefined,
): Standing {
  return standingOfOrigin({ ...origin, weight: 1 }, seen, group);
}

export function standingOfNode(
  node: SnapshotNode,
  seen: Seen,
  group: SnapshotGroup | undefined,
): Standing {
  return standing("node", node, {
    seen,
    port: seen.snapshot.ports.http,
    weight: 1,
    capacity: node.capacity,
    at: { group, pop: node.pop, place: placeOf(seen.snapshot.pops[node.pop] ?? {}) },
  });
}

function standing(
  kind: Standing["kind"],
  target: SnapshotOrigin | SnapshotNode,
  of: Pick<Standing, "port" | "weight" | "capacity"> & {
    readonly seen: Seen;
    readonly at: Whereabouts;
  },
): Standing {
  const { index, id, name, forcedUntilMs } = target;
  const { seen, at, port, weight, capacity } = of;
  const health = seen.health.targets[id];
  const load = health?.load ?? UNKNOWN_LOAD;
  return {
    kind,
    index,
    id,
    name,
    ...addresses(target, health),
    port,
    weight,
    trim: seen.assignment.trims?.factor[id] ?? 1,
    capacity,
    forced: health?.forcedEnded === true ? "auto" : target.forced,
    forcedUntilMs,
    health,
    load,
    projected: seen.assignment.projected[id] ?? load,
    place: at.place,
    ...findRtt(seen, at.group, at),
    verdicts: [],
    kept: true,
    draw: 0,
    share: 1,
    stick: undefined,
  };
}

/** Where a candidate stands, and for whom. */
interface Whereabouts {
  readonly group: SnapshotGroup | undefined;
  readonly pop: PopIndex | undefined;
  readonly place: Place | null;
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

interface Rtt {
  readonly rttMs: number | null;
  readonly rttFrom: "measured" | "known" | "distance" | "unknown";
}

/** Measured, or else as the network file says, or else what the distance suggests. */
export function findRtt(
  seen: Pick<Seen, "snapshot" | "health">,
  group: SnapshotGroup | undefined,
  at: { readonly pop: PopIndex | undefined; readonly place: Place | null },
): Rtt {
  const pop = at.pop === undefined ? undefined : seen.snapshot.pops[at.pop];
  if (group === undefined) return { rttMs: null, rttFrom: "unknown" };
  const measured = pop === undefined ? undefined : seen.health.rttMs[group.name]?.[pop.name];
  if (measured !== undefined) return { rttMs: measured, rttFrom: "measured" };
  const known = at.pop === undefined ? null : (group.rttMs[at.pop] ?? null);
  if (known !== null) return { rttMs: known, rttFrom: "known" };
  const here = placeOf(group);
  if (here === null || at.place === null) return { rttMs: null, rttFrom: "unknown" };
  return { rttMs: rttOfDistance(distanceKm(here, at.place)), rttFrom: "distance" };
}

export function rttOf(s: { readonly rttMs: number | null }): number {
  return s.rttMs ?? UNKNOWN_RTT_MS;
}

export function rttWords(s: Rtt): string {
  if (s.rttMs === null) return `unknown rtt, taken as ${UNKNOWN_RTT_MS} ms`;
  return `rtt ${show(s.rttMs)} ms${s.rttFrom === "distance" ? " by distance" : ""}`;
}

/** The order of ties: stable, and the same everywhere. */
export function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
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

/** Of a corrected weight, for people. */
export function trimWords({ trim }: Standing): string {
  return trim === 1 ? "" : `; corrected by ${trim.toFixed(3)}, as it was answered for more or less`;
}

/** A load or time for people: two or three significant places. */
export function show(value: number): string {
  return Number.isFinite(value) ? value.toFixed(value < 10 ? 3 : 1) : "infinite";
}
