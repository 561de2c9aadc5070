import { hash32 } from "../../base/rng.ts";
import type { Assignment, Demand } from "../../model/assignment.ts";
import type { Health } from "../../model/health.ts";
import type { Snapshot, SnapshotSite } from "../../model/snapshot.ts";
import { judgeHealthy, type Standing, standingOfNode, standingOfOrigin } from "./candidate.ts";
import { byCost, costMs, dominates, rttOrDefault } from "./nearest-unloaded.ts";

/** A cache is kept while its cost is within this of the best, ms and share of the best. */
const KEEP_COST_MS = 2;
const KEEP_COST_SHARE = 0.05;

export interface AssignInput {
  readonly snapshot: Snapshot;
  readonly health: Health;
  readonly demand: Demand;
  readonly previous: Assignment;
  readonly atMs: number;
}

/**
 * Who gets which client group, each tick, with memory: per site, client groups in fixed hashed
 * order each take the candidate with the lowest projected load
 *
 *   measured load + (demand this assignment adds - demand carried when it was measured) / capacity
 *
 * and keep the one they have while that is within the site's margin of the lowest. Caches are
 * assigned likewise, once for all sites, by `rtt_ms + queue(projected load)`.
 *
 * Demand is in lookups per second; with one group or no demand, projected is what was measured.
 */
export function assign(input: AssignInput): Assignment {
  const projected: Record<string, number> = {};
  const origins: Record<string, Record<string, string>> = {};
  for (const site of input.snapshot.sites) {
    const given = assignSite(input, site, projected);
    if (given !== null) origins[site.hostname] = given;
  }
  const edges = assignEdges(input, projected);
  return {
    number: input.previous.number + 1,
    atMs: input.atMs,
    snapshot: input.snapshot.number,
    health: input.health.number,
    origins,
    edges,
    projected,
  };
}

/** A usable server with its load without what it carries now, and the demand given so far. */
interface Bin {
  readonly standing: Standing;
  readonly bare: number;
  given: number;
}

function loadWith(bin: Bin, more: number): number {
  return bin.bare + (bin.given + more) / Math.max(bin.standing.capacity, 1e-9);
}

function fill(
  standings: readonly Standing[],
  before: { demandOf: (group: string) => number; serverOf: (group: string) => string | undefined },
  groups: readonly string[],
): Bin[] {
  const carried = new Map<string, number>();
  for (const group of groups) {
    const id = before.serverOf(group);
    if (id !== undefined) carried.set(id, (carried.get(id) ?? 0) + before.demandOf(group));
  }
  return standings.map((standing) => ({
    standing,
    bare: standing.load - (carried.get(standing.id) ?? 0) / Math.max(standing.capacity, 1e-9),
    given: 0,
  }));
}

/** Groups in an order that is fixed for a name and differs between names. */
function hashedOrder(groups: readonly string[], name: string): string[] {
  const rank = new Map(groups.map((group) => [group, hash32(`${group}/${name}`)]));
  return [...groups].sort((a, b) => (rank.get(a) ?? 0) - (rank.get(b) ?? 0) || (a < b ? -1 : 1));
}

function assignSite(
  input: AssignInput,
  site: SnapshotSite,
  projected: Record<string, number>,
): Record<string, string> | null {
  const { snapshot, health, previous, demand } = input;
  if (site.preset !== "lowest-load") return null;
  const usable = site.origins
    .map((index) => snapshot.origins[index])
    .filter((origin) => origin !== undefined)
    .map((origin) => standingOfOrigin(origin, health, { ...previous, projected: {} }))
    .filter((s) => usableNow(s) && s.weight > 0 && s.port === site.port);
  if (usable.length === 0) return null;
  const names = snapshot.groups.map((group) => group.name);
  const had = previous.origins[site.hostname] ?? {};
  const demandOf = (group: string) => demand.sites[site.hostname]?.[group] ?? 0;
  const bins = fill(usable, { demandOf, serverOf: (group) => had[group] }, names);
  const given: Record<string, string> = {};
  for (const group of hashedOrder(names, site.hostname)) {
    const more = demandOf(group);
    const lowest = bins.reduce((a, b) => (lower(b, a, more) ? b : a));
    const kept = bins.find((bin) => bin.standing.id === had[group]);
    const stay = kept !== undefined && loadWith(kept, more) <= loadWith(lowest, more) + site.margin;
    const chosen = stay ? kept : lowest;
    chosen.given += more;
    given[group] = chosen.standing.id;
  }
  for (const bin of bins) projected[bin.standing.id] = loadWith(bin, 0);
  return given;
}

function lower(a: Bin, b: Bin, more: number): boolean {
  const gap = loadWith(a, more) - loadWith(b, more);
  return gap < 0 || (gap === 0 && a.standing.id < b.standing.id);
}

function usableNow(standing: Standing): boolean {
  judgeHealthy(standing);
  return standing.kept;
}

function assignEdges(
  input: AssignInput,
  projected: Record<string, number>,
): Record<string, string> {
  const { snapshot, health, previous, demand } = input;
  const view = { snapshot, health, assignment: { ...previous, projected: {} } };
  const nodes = snapshot.nodes.filter((node) => node.roles.includes("edge"));
  const usable = nodes.map((node) => standingOfNode(node, view, 0)).filter(usableNow);
  if (usable.length === 0) return {};
  const names = snapshot.groups.map((group) => group.name);
  const demandOf = (group: string) => demand.edges[group] ?? 0;
  const serverOf = (group: string) => previous.edges[group];
  const bins = fill(usable, { demandOf, serverOf }, names);
  const given: Record<string, string> = {};
  for (const name of hashedOrder(names, "c")) {
    const group = snapshot.groups.findIndex((g) => g.name === name);
    const points = bins.map((bin) => {
      const node = snapshot.nodes[bin.standing.index];
      const rttMs = node === undefined ? 0 : rttOrDefault(standingOfNode(node, view, group));
      return { id: bin.standing.id, rttMs, load: loadWith(bin, demandOf(name)), bin };
    });
    const best = points.reduce((a, b) => (byCost(b, a) < 0 ? b : a));
    const had = points.find((point) => point.id === serverOf(name));
    const limit = costMs(best.rttMs, best.load) * (1 + KEEP_COST_SHARE) + KEEP_COST_MS;
    const stay =
      had !== undefined &&
      costMs(had.rttMs, had.load) <= limit &&
      !points.some((point) => dominates(point, had));
    const chosen = stay ? had : best;
    chosen.bin.given += demandOf(name);
    given[name] = chosen.id;
  }
  for (const bin of bins) projected[bin.standing.id] = loadWith(bin, 0);
  return given;
}
