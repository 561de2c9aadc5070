import type { Choice, Decision } from "../../model/decision.ts";
import type { PopIndex, Snapshot, SnapshotNode } from "../../model/snapshot.ts";
import { note, type Standing, standingOfNode, toCandidate } from "./candidate.ts";
import { judgeHealthy } from "./healthy.ts";
import { likings, shelfOf } from "./shelves.ts";
import type { View } from "./steer.ts";

/** Caches that a request may pass above the one that its client asked. */
export const TIERS_ABOVE_MAX = 2;

/** Which object, at which cache, and how it came there. */
export interface ParentsAsk {
  /** The name of the cache that does not hold it. */
  readonly node: string;
  /** The object's key. */
  readonly key: string;
  /** Names of the caches that the request has come through, the client's first; none: a client's own. */
  readonly from: readonly string[];
}

/** No cache asks any other where no pop of the network says so. */
export function hasTiers({ pops }: Pick<Snapshot, "pops">): boolean {
  return pops.some((pop) => pop.parent !== undefined || pop.tier !== undefined);
}

/**
 * The parents of a cache for one object, best first; none: it asks the object's web servers itself.
 * Pure and the same everywhere, by what steers clients: health, and the assignment's shelves.
 *
 *   it came through two caches already                     none
 *   its pop is `tier: inside`, and it has not come from    the cache of the pop that the key's shelf
 *   another cache of that pop                              names, unless that is the one who asks
 *   its pop has a parent                                   that pop's, the one first that the shelf names
 *
 * Down, draining and forced down ones are left out, and whoever it has come through. The others follow
 * the one named in the order in which the shelf likes them: so who is asked for an object when the one
 * named fails is one cache, too, and not all.
 */
export function parentsOf(
  view: View,
  ask: ParentsAsk,
  o: { readonly brief?: boolean } = {},
): Decision {
  const { snapshot } = view;
  const own = snapshot.nodes.find((node) => node.name === ask.node);
  const pop = own === undefined ? undefined : snapshot.pops[own.pop];
  const none = { choices: [], ttlSec: 0, allDown: false, reasons: [] };
  if (own === undefined || pop === undefined) return none;
  if (ask.from.length >= TIERS_ABOVE_MAX) return none;
  const passed = new Set(ask.from);
  const ordered: Standing[] = [];
  const left: Standing[] = [];
  const take = (index: PopIndex, own: string | null) => {
    const all = standingsIn(view, index, passed);
    const kept = byShelf(view, { key: ask.key, pop: snapshot.pops[index]!.name, all });
    const before = own === null ? kept.length : kept.findIndex((s) => s.name === own);
    ordered.push(...kept.slice(0, Math.max(0, before)));
    left.push(...all.filter((s) => !s.kept));
  };
  const fromInside = snapshot.nodes.some((node) => node.pop === own.pop && passed.has(node.name));
  if (pop.tier === "inside" && !fromInside) take(own.pop, own.name);
  const parent = snapshot.pops.findIndex((one) => one.name === pop.parent);
  if (parent >= 0 && parent !== own.pop) take(parent, null);
  const reasons = o.brief === true ? [] : [...ordered, ...left].map(toCandidate);
  return { ...none, choices: ordered.map(toChoice), reasons };
}

function standingsIn(view: View, pop: PopIndex, passed: ReadonlySet<string>): Standing[] {
  const nodes = view.snapshot.nodes.filter((node: SnapshotNode) => {
    return node.pop === pop && node.roles.includes("edge");
  });
  const standings = nodes.map((node) => standingOfNode(node, view, undefined));
  for (const s of standings) {
    judgeHealthy(s);
    if (s.kept && passed.has(s.name)) note(s, "tiers", false, ["excluded", "it came through here"]);
    if (s.kept && s.v4 === null && s.v6 === null) {
      note(s, "tiers", false, ["lacks-family", "no address that answers"]);
    }
  }
  return standings;
}

/** Those that can be asked, the one first that holds the shelf of the key. */
function byShelf(
  view: View,
  of: { readonly key: string; readonly pop: string; readonly all: readonly Standing[] },
): Standing[] {
  const shelf = shelfOf(of.key);
  const kept = of.all.filter((s) => s.kept).sort((a, b) => (a.id < b.id ? -1 : 1));
  const liked = likings(kept, shelf).map((i) => kept[i]!);
  const shelves = view.assignment.shelves?.[of.pop];
  const holder = liked.find((s) => s.id === shelves?.caches[shelves.at[shelf] ?? -1]);
  const ordered = holder === undefined ? liked : [holder, ...liked.filter((s) => s !== holder)];
  for (const [i, s] of ordered.entries()) {
    if (i === 0) note(s, "tiers", true, ["hashed", `of ${of.pop} it holds this object's shelf`]);
    else note(s, "tiers", true, ["standby", "asked when those before it fail"]);
  }
  return ordered;
}

function toChoice({ kind, index, id, v4, v6, port }: Standing): Choice {
  return { kind, index, id, v4, v6, port, weight: 0 };
}
