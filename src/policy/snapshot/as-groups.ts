import type { ClientGroup, Network } from "../../model/network.ts";
import { formatPrefix, type Prefix, type PrefixAs, prefixContains } from "../../wire/ip/mod.ts";
import { Covers } from "./covers.ts";

/** The prefixes of one autonomous system; of null: those within others' that are in none asked for. */
export interface AsPrefixes {
  readonly as: number | null;
  readonly prefixes: readonly string[];
}

/** By this tag a later import knows the groups of the one before. */
export const IMPORTED = "imported-as";
const OTHER = "as-other";

/**
 * The least prefixes by which each address of these systems is found by the longest: what lies within
 * a block of its own system is left out, and what lies within but belongs elsewhere is listed apart.
 */
export function prefixesByAs(
  table: readonly PrefixAs[],
  systems: ReadonlySet<number>,
): readonly AsPrefixes[] {
  const found = new Map<number | null, string[]>();
  /** The blocks around the present one, the innermost last; what is left out has none's label. */
  const around: { readonly prefix: Prefix; readonly as: number | null | "none" }[] = [];
  for (const { prefix, as } of [...table].sort((a, b) => byPlace(a.prefix, b.prefix))) {
    while (around.length > 0 && !isWithin(prefix, around.at(-1)!.prefix)) around.pop();
    const outer = around.at(-1);
    const within = outer === undefined ? "none" : outer.as;
    const own = systems.has(as) ? as : within === "none" ? "none" : null;
    // Of two for one block the first counts.
    if (outer?.prefix.bits === prefix.bits) continue;
    around.push({ prefix, as: own });
    if (own === "none" || own === within) continue;
    const list = found.get(own) ?? [];
    list.push(formatPrefix(prefix));
    found.set(own, list);
  }
  return [...found]
    .sort(([a], [b]) => (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY))
    .map(([as, prefixes]) => ({ as, prefixes }));
}

/** Blocks before what lies in them. */
function byPlace(a: Prefix, b: Prefix): number {
  if (a.family !== b.family) return a.family - b.family;
  for (let i = 0; i < a.address.length; i++) {
    const gap = a.address[i]! - b.address[i]!;
    if (gap !== 0) return gap;
  }
  return a.bits - b.bits;
}

function isWithin(inner: Prefix, outer: Prefix): boolean {
  return inner.bits >= outer.bits && prefixContains(outer, inner.address);
}

/**
 * The network with one client group for each of these systems, in place of those of an earlier import.
 * What people said of such a group (round trips, tags, a title) stays. The operator's own groups go
 * first: a prefix that lies in one of theirs is left to it, and counted in `left`.
 */
export function withAsGroups(
  network: Network,
  systems: readonly AsPrefixes[],
): { readonly network: Network; readonly left: number } {
  const isImported = (group: ClientGroup) => group.tags?.includes(IMPORTED) === true;
  const own = network.clientGroups.filter((group) => !isImported(group));
  const before = new Map(network.clientGroups.filter(isImported).map((g) => [g.name, g]));
  const taken = new Covers(own.flatMap((group) => group.prefixes));
  let left = 0;
  const made = systems.flatMap(({ as, prefixes }): ClientGroup[] => {
    const free = prefixes.filter((prefix) => !taken.has(prefix));
    left += prefixes.length - free.length;
    if (free.length === 0) return [];
    const name = as === null ? OTHER : `as${as}`;
    const known = before.get(name) ?? { name, rttMs: {}, tags: [IMPORTED] };
    return [{ ...known, prefixes: free, ...(as === null ? {} : { as }) }];
  });
  return { network: { ...network, clientGroups: [...own, ...made] }, left };
}
