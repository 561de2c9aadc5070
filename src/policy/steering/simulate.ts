import type { Demand } from "../../model/assignment.ts";
import type { GroupIndex, Snapshot } from "../../model/snapshot.ts";
import { assign } from "./assign.ts";
import { sharesByTarget } from "./shares.ts";
import { edgesAsk, type SteerAsk, steer, type View } from "./steer.ts";

/** A name in both networks, or in one. */
export interface NameMoves {
  /** The site's hostname; `c.<zone>` for caches. */
  readonly name: string;
  readonly lookupsPerSec: number;
  /** Share of lookups that would be answered with another server. */
  readonly moved: number;
}

export interface ServerMoves {
  readonly id: string;
  /** Lookups per second answered with it. */
  readonly before: number;
  readonly after: number;
  /** Its load now, and as it would become by its capacity; null where it is in one network only. */
  readonly loadBefore: number | null;
  readonly loadAfter: number | null;
}

export interface Simulation {
  readonly names: readonly NameMoves[];
  readonly servers: readonly ServerMoves[];
}

/**
 * What a draft would do to the clients of a network: the same demand, at the health of this moment,
 * decided by `assign()` and `steer()` of both. Client groups are the same if they have one name;
 * lookups of a group that the draft does not have come from its `default`.
 */
export function simulate(o: {
  readonly now: View;
  readonly draft: Snapshot;
  readonly demand: Demand;
}): Simulation {
  const { now, draft, demand } = o;
  const { health, assignment: previous } = now;
  const next = assign({ snapshot: draft, health, demand, previous, atMs: previous.atMs });
  const after: View = { snapshot: draft, health, assignment: next };
  const counts = new Map<string, { before: number; after: number }>();
  const [groupsNow, groupsDraft] = [indexByName(now.snapshot), indexByName(draft)];
  const names: NameMoves[] = [];
  const compare = (name: string, groups: Readonly<Record<string, number>>, asks: Asks) => {
    let all = 0;
    let moved = 0;
    for (const [group, rate] of Object.entries(groups)) {
      const one = sharesOf(now, asks.now, groupsNow.get(group));
      const two = sharesOf(after, asks.draft, groupsDraft.get(group));
      all += rate;
      moved += rate * distance(one, two);
      count(counts, "before", { shares: one, rate });
      count(counts, "after", { shares: two, rate });
    }
    names.push({ name, lookupsPerSec: all, moved: all === 0 ? 0 : moved / all });
  };
  for (const [hostname, groups] of Object.entries(demand.sites)) {
    compare(hostname, groups, {
      now: askFor(now.snapshot, hostname),
      draft: askFor(draft, hostname),
    });
  }
  const edges: SteerAsk = { for: "edges" };
  compare(`c.${draft.zone}`, demand.edges, { now: edges, draft: edges });
  const servers = [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
  return { names, servers: servers.map(([id, c]) => serverMoves(o, id, c)) };
}

interface Asks {
  readonly now: SteerAsk | null;
  readonly draft: SteerAsk | null;
}

/** What a site's first address asks for; null where there is no such site. */
function askFor(snapshot: Snapshot, hostname: string): SteerAsk | null {
  const site = snapshot.sites.find((s) => s.hostname === hostname);
  if (site === undefined) return null;
  if (site.front === "caches") return edgesAsk(snapshot, hostname);
  return { for: "origins", site: site.index };
}

function sharesOf(
  view: View,
  ask: SteerAsk | null,
  group: GroupIndex | undefined,
): ReadonlyMap<string, number> {
  return ask === null ? new Map() : sharesByTarget(steer(view, ask, { group: group ?? 0 }));
}

function indexByName({ groups }: Snapshot): ReadonlyMap<string, GroupIndex> {
  return new Map(groups.map(({ name, index }) => [name, index]));
}

/** Share that is somewhere else: half the sum of differences; 1 where one side answers nobody. */
function distance(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): number {
  if (a.size === 0 || b.size === 0) return a.size === b.size ? 0 : 1;
  let sum = 0;
  for (const id of new Set([...a.keys(), ...b.keys()])) {
    sum += Math.abs((a.get(id) ?? 0) - (b.get(id) ?? 0));
  }
  return sum / 2;
}

function count(
  counts: Map<string, { before: number; after: number }>,
  side: "before" | "after",
  of: { readonly shares: ReadonlyMap<string, number>; readonly rate: number },
): void {
  for (const [id, share] of of.shares) {
    const known = counts.get(id) ?? { before: 0, after: 0 };
    known[side] += share * of.rate;
    counts.set(id, known);
  }
}

function serverMoves(
  o: { readonly now: View; readonly draft: Snapshot },
  id: string,
  rates: { readonly before: number; readonly after: number },
): ServerMoves {
  const load = o.now.health.targets[id]?.load ?? null;
  const node = o.draft.nodes.find((n) => n.id === id);
  const origin = o.draft.origins.find((one) => one.id === id);
  // What a server of weight 0 gets, it gets where no other is left, and then as one of weight 1.
  const ofOrigin = origin === undefined ? null : origin.capacity * (origin.weight || 1);
  const whole = node?.capacity ?? ofOrigin;
  const capacity = whole === null ? null : Math.max(whole, 1e-9);
  const loadAfter =
    load === null || capacity === null
      ? null
      : Math.max(0, load + (rates.after - rates.before) / capacity);
  return { id, ...rates, loadBefore: load, loadAfter };
}
