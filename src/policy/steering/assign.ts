import { hash32 } from "../../base/rng.ts";
import type { Assignment, Demand, Shelves } from "../../model/assignment.ts";
import type { Health } from "../../model/health.ts";
import type { Snapshot, SnapshotGroup, SnapshotSite, SnapshotStep } from "../../model/snapshot.ts";
import { type Allocation, allocate, type ByCost, type ByLoad, type Server } from "./allocate.ts";
import {
  byId,
  findRtt,
  rttOf,
  type Seen,
  type Standing,
  standingOfNode,
  standingOfOrigin,
  standingOfSpare,
} from "./candidate.ts";
import { chainOf, ORDERING, runChain } from "./chain.ts";
import { placeOf } from "./distance.ts";
import { judgeHealthy } from "./healthy.ts";
import { hasShelves, placeShelves } from "./shelves.ts";
import { nextTrims } from "./trim.ts";

/**
 * How much longer than half a TTL demand takes on the average to follow a move: checks and rates are
 * smoothed.
 */
const FOLLOW_MS = 2000;
/** For so many TTLs, and at least so long, a group that moved needs twice the reason to move again. */
const LATELY_TTLS = 5;
const LATELY_MS = 60_000;
/** In a network of more client groups, a site assigns only those that ask for it. */
const GROUPS_ALL_MAX = 256;
/** Demand under way that is less than this share of a capacity is forgotten. */
const LEAST_SHARE = 0.001;

export interface AssignInput {
  readonly snapshot: Snapshot;
  readonly health: Health;
  readonly demand: Demand;
  readonly previous: Assignment;
  readonly atMs: number;
}

/**
 * Who gets which client group, each tick, with memory: client groups in fixed hashed order each take
 * the candidate with the lowest projected load
 *
 *   measured load + (demand this assignment adds - demand carried when it was measured) / capacity
 *
 * and keep the one they have while that is within the site's margin of the lowest. Caches are
 * assigned likewise, once for all sites, by `rtt_ms + queue(projected load)`. See `allocate()`.
 *
 * Resolvers go on giving an old answer until its TTL ends, so the demand that a server carries
 * follows its assignment slowly: `inTransit` remembers what has been moved and not yet arrived.
 *
 * Demand is in lookups per second; with one group or no demand, projected is what was measured.
 */
export function assign(input: AssignInput): Assignment {
  const out: Made = { projected: {}, inTransit: {}, justMoved: {}, movedAtMs: {} };
  const origins: Record<string, Record<string, string>> = {};
  for (const site of input.snapshot.sites) {
    const given = assignSite(input, site, out);
    if (given !== null) origins[site.hostname] = given;
  }
  const edges = assignEdges(input, out);
  const shelves = assignShelves(input);
  return {
    number: input.previous.number + 1,
    atMs: input.atMs,
    snapshot: input.snapshot.number,
    health: input.health.number,
    origins,
    edges,
    ...out,
    ...(shelves === undefined ? {} : { shelves }),
    ...trimsOf(input),
  };
}

function trimsOf(input: AssignInput): Pick<Assignment, "trims"> {
  const { snapshot, health, previous } = input;
  const seen = { snapshot, health, assignment: previous };
  const usable = (site: SnapshotSite) =>
    usableOf(site, seen, undefined).map(({ id, weight, health: of }) => {
      return { id, weight, sinceMs: of?.sinceMs ?? 0 };
    });
  const trims = nextTrims({ ...input, usable });
  return trims === undefined ? {} : { trims };
}

interface Made {
  readonly projected: Record<string, number>;
  readonly inTransit: Record<string, number>;
  readonly justMoved: Record<string, number>;
  readonly movedAtMs: Record<string, Record<string, number>>;
}

/** One name's servers and client groups. */
interface Pool {
  readonly name: string;
  readonly ttlSec: number;
  readonly usable: readonly Standing[];
  readonly groups: readonly SnapshotGroup[];
  readonly had: Readonly<Record<string, string>>;
  readonly demand: Readonly<Record<string, number>>;
  readonly by: (groups: readonly SnapshotGroup[]) => ByLoad | ByCost;
  /** Column of a server's round-trip times. */
  readonly columnOf: (standing: Standing, place: number) => number;
  readonly may: ((group: SnapshotGroup, id: string) => boolean) | null;
}

function assignPool(input: AssignInput, pool: Pool, out: Made): Record<string, string> {
  const { had, demand, usable } = pool;
  const groups = hashedOrder(pool.groups, pool.name);
  const carried = new Map<string, number>();
  for (const [group, id] of Object.entries(had)) {
    carried.set(id, (carried.get(id) ?? 0) + (demand[group] ?? 0));
  }
  const moving = transitBefore(input, pool);
  const servers = usable.map((standing, i): Server => {
    const { id, capacity } = standing;
    const effective = (carried.get(id) ?? 0) - moving(id).all;
    const bare = standing.load - effective / Math.max(capacity, 1e-9);
    return { id, capacity, bare, column: pool.columnOf(standing, i) };
  });
  const indexOf = new Map(servers.map((server, i) => [server.id, i]));
  const { may } = pool;
  const moved = movedLately(input, pool);
  const done = allocate({
    servers,
    demand: Float64Array.from(groups, (group) => demand[group.name] ?? 0),
    had: Int32Array.from(groups, (group) => indexOf.get(had[group.name] ?? "") ?? -1),
    lately: Uint8Array.from(groups, (group) => (moved[group.name] === undefined ? 0 : 1)),
    may: may === null ? null : (g, s) => may(groups[g]!, servers[s]!.id),
    by: pool.by(groups),
  });
  for (const [i, { id, capacity }] of servers.entries()) {
    out.projected[id] = done.load[i]!;
    const more = done.given[i]! - (carried.get(id) ?? 0);
    const { all, late } = moving(id);
    const least = LEAST_SHARE * capacity;
    if (Math.abs(all + more) > least) out.inTransit[id] = all + more;
    if (Math.abs(late + more) > least) out.justMoved[id] = late + more;
  }
  const given = namesOf(groups, servers, done);
  for (const [group, id] of Object.entries(given)) {
    if (had[group] !== undefined && had[group] !== id) moved[group] = input.atMs;
  }
  if (Object.keys(moved).length > 0) out.movedAtMs[pool.name] = moved;
  return given;
}

/** Who moved lately, and when. */
function movedLately({ previous, atMs }: AssignInput, pool: Pool): Record<string, number> {
  const sinceMs = atMs - Math.max(LATELY_MS, LATELY_TTLS * 1000 * pool.ttlSec);
  const before = Object.entries(previous.movedAtMs?.[pool.name] ?? {});
  return Object.fromEntries(before.filter(([, movedMs]) => movedMs > sinceMs));
}

function namesOf(
  groups: readonly SnapshotGroup[],
  servers: readonly Server[],
  { server }: Allocation,
): Record<string, string> {
  const given: Record<string, string> = {};
  for (const [g, group] of groups.entries()) {
    const id = servers[server[g]!]?.id;
    if (id !== undefined) given[group.name] = id;
  }
  return given;
}

interface Transit {
  /** Demand that was given to a server and has not arrived yet (or has not left: below 0). */
  readonly all: number;
  /** The part of it that is in the first half of its way. */
  readonly late: number;
}

/**
 * What is on its way still. Answers end evenly over a TTL, and some resolvers keep them longer: two
 * halves of the way, each left at a constant rate, come near to both.
 */
function transitBefore(input: AssignInput, pool: Pool): (id: string) => Transit {
  const { previous, atMs } = input;
  const halves = Math.max(0, atMs - previous.atMs) / (pool.ttlSec * 250 + FOLLOW_MS / 2);
  const left = Math.exp(-halves);
  return (id) => {
    const late = previous.justMoved?.[id] ?? 0;
    const all = previous.inTransit?.[id] ?? 0;
    return { all: left * (all + late * halves), late: left * late };
  };
}

/** Groups in an order that is fixed for a name and differs between names. */
function hashedOrder(groups: readonly SnapshotGroup[], name: string): readonly SnapshotGroup[] {
  if (groups.length < 2) return groups;
  const ranked = groups.map((group) => ({ group, rank: hash32(`${group.name}/${name}`) }));
  ranked.sort((a, b) => a.rank - b.rank || (a.group.name < b.group.name ? -1 : 1));
  return ranked.map(({ group }) => group);
}

/**
 * Which filter assigns, and the steps before it, which say who may be given to whom. Null where the
 * order does not depend on loads: then nothing needs remembering.
 */
function assigningStep(
  site: SnapshotSite,
): { readonly before: readonly SnapshotStep[]; readonly by: "load" | "cost" } | null {
  const steps = chainOf(site);
  const at = steps.findLastIndex((step) => ORDERING.has(step.filter));
  const last = steps[at]?.filter;
  if (last !== "lowest-load" && last !== "nearest-unloaded") return null;
  const before = steps.slice(0, at).filter((step) => step.filter !== "healthy");
  return { before, by: last === "lowest-load" ? "load" : "cost" };
}

function assignSite(
  input: AssignInput,
  site: SnapshotSite,
  out: Made,
): Record<string, string> | null {
  const { snapshot, health, previous } = input;
  const step = assigningStep(site);
  if (step === null) return null;
  const seen = { snapshot, health, assignment: { ...previous, projected: {} } };
  const standings = (group: SnapshotGroup | undefined) => usableOf(site, seen, group).sort(byId);
  const usable = standings(undefined);
  if (usable.length === 0) return null;
  const demand = input.demand.sites[site.hostname] ?? {};
  const few = snapshot.groups.length <= GROUPS_ALL_MAX;
  const groups = few ? snapshot.groups : snapshot.groups.filter((g) => demand[g.name]);
  const pool: Pool = {
    name: site.hostname,
    ttlSec: site.ttlSec,
    usable,
    groups,
    had: previous.origins[site.hostname] ?? {},
    demand,
    columnOf: (_, place) => place,
    by: (ordered) =>
      step.by === "load"
        ? { kind: "load", margin: site.margin }
        : costs(ordered, usable.length, (g) => standings(g).map(rttOf)),
    may: step.before.length === 0 ? null : candidacy(step.before, standings),
  };
  return assignPool(input, pool, out);
}

/** Who may be given to whom, by the steps before the one that assigns. */
function candidacy(
  before: readonly SnapshotStep[],
  standings: (group: SnapshotGroup) => Standing[],
): (group: SnapshotGroup, id: string) => boolean {
  const known = new Map<number, ReadonlySet<string>>();
  return (group, id) => {
    let ids = known.get(group.index);
    if (ids === undefined) {
      const left = runChain(before, standings(group), { group, assigned: undefined });
      ids = new Set(left.map((s) => s.id));
      known.set(group.index, ids);
    }
    return ids.has(id);
  };
}

function costs(
  groups: readonly SnapshotGroup[],
  columns: number,
  rowOf: (group: SnapshotGroup) => readonly number[],
): ByCost {
  const rttMs = new Float64Array(groups.length * columns);
  for (const [g, group] of groups.entries()) rttMs.set(rowOf(group), g * columns);
  return { kind: "cost", rttMs, columns };
}

/** A site's servers that can be given now: those of weight 0 only where there is no other. */
function usableOf(site: SnapshotSite, seen: Seen, group: SnapshotGroup | undefined): Standing[] {
  const pool = site.origins.map((index) => seen.snapshot.origins[index]);
  const own = pool.filter((origin) => origin !== undefined).filter((o) => o.port === site.port);
  const usable = (spare: boolean) => {
    const these = own.filter((origin) => (origin.weight === 0) === spare);
    const of = spare ? standingOfSpare : standingOfOrigin;
    return these.map((origin) => of(origin, seen, group)).filter(usableNow);
  };
  const others = usable(false);
  return others.length > 0 ? others : usable(true);
}

function usableNow(standing: Standing): boolean {
  judgeHealthy(standing);
  return standing.kept;
}

function usableEdges({ snapshot, health, previous }: AssignInput): Standing[] {
  const seen = { snapshot, health, assignment: { ...previous, projected: {} } };
  const nodes = snapshot.nodes.filter((node) => node.roles.includes("edge"));
  return nodes.map((node) => standingOfNode(node, seen, undefined)).filter(usableNow);
}

/** Undefined where no pop has two caches that can be used. */
function assignShelves(input: AssignInput): Assignment["shelves"] {
  const { snapshot, previous, atMs } = input;
  if (!hasShelves(snapshot)) return undefined;
  const inPop = new Map<string, Standing[]>();
  for (const standing of usableEdges(input).sort(byId)) {
    const pop = snapshot.pops[snapshot.nodes[standing.index]!.pop]?.name ?? "";
    inPop.set(pop, [...(inPop.get(pop) ?? []), standing]);
  }
  const holdMs = 1000 * snapshot.ttlSec + FOLLOW_MS;
  const placed: Record<string, Shelves> = {};
  for (const [pop, caches] of inPop) {
    if (caches.length < 2) continue;
    placed[pop] = placeShelves({ caches, before: previous.shelves?.[pop], atMs, holdMs });
  }
  return Object.keys(placed).length === 0 ? undefined : placed;
}

function assignEdges(input: AssignInput, out: Made): Record<string, string> {
  const { snapshot, health, previous, demand } = input;
  const seen = { snapshot, health };
  const usable = usableEdges(input);
  if (usable.length === 0) return {};
  const places = snapshot.pops.map(placeOf);
  const row = (group: SnapshotGroup) =>
    places.map((place, pop) => rttOf(findRtt(seen, group, { pop, place })));
  return assignPool(
    input,
    {
      name: "c",
      ttlSec: snapshot.ttlSec,
      usable: usable.sort(byId),
      groups: snapshot.groups,
      had: previous.edges,
      demand: demand.edges,
      columnOf: (standing) => snapshot.nodes[standing.index]!.pop,
      by: (groups) => costs(groups, snapshot.pops.length, row),
      may: null,
    },
    out,
  );
}
