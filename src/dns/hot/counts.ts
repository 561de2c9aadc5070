import type { Snapshot } from "../../model/snapshot.ts";
import type { SteeredSet } from "./steered.ts";

/** What was answered since the last drain. Plain data: workers send it to the main thread. */
export interface DnsCounts {
  /** hostname -> client group -> answers for the first address. */
  readonly lookups: Record<string, Record<string, number>>;
  /** client group -> answers with caches. */
  readonly edgeLookups: Record<string, number>;
  /** target id -> times it was answered. */
  readonly answers: Record<string, number>;
  /** hostname -> its customer and all queries for its steered names, metered. */
  readonly queries: Record<string, { readonly customer: string; readonly count: number }>;
}

export function noCounts(): DnsCounts {
  return { lookups: {}, edgeLookups: {}, answers: {}, queries: {} };
}

/** Reads and resets the sets' and sites' counters, with the names they have in this snapshot. */
export function collectCounts(
  into: DnsCounts,
  snapshot: Snapshot,
  from: { readonly sets: readonly SteeredSet[]; readonly queries: Uint32Array },
): void {
  for (const set of from.sets) {
    const group = snapshot.groups[set.group]?.name ?? "default";
    const hostname = set.site === null ? null : (snapshot.sites[set.site]?.hostname ?? null);
    if (hostname === null) add(into.edgeLookups, group, set.lookups);
    else {
      into.lookups[hostname] ??= {};
      add(into.lookups[hostname], group, set.lookups);
    }
    for (const [i, choice] of set.choices.entries()) {
      const count = set.answered[i]!;
      if (count > 0 && choice.kind !== "fallback") add(into.answers, choice.id, count);
    }
    set.lookups = 0;
    set.answered.fill(0);
  }
  for (const [i, count] of from.queries.entries()) {
    const site = snapshot.sites[i];
    if (count === 0 || site === undefined) continue;
    addQueries(into, site.hostname, { customer: site.customer, count });
  }
  from.queries.fill(0);
}

/** Adds one drain to another. */
export function mergeCounts(into: DnsCounts, more: DnsCounts): void {
  for (const [hostname, groups] of Object.entries(more.lookups)) {
    into.lookups[hostname] ??= {};
    for (const [group, n] of Object.entries(groups)) add(into.lookups[hostname], group, n);
  }
  for (const [group, n] of Object.entries(more.edgeLookups)) add(into.edgeLookups, group, n);
  for (const [id, n] of Object.entries(more.answers)) add(into.answers, id, n);
  for (const [hostname, queries] of Object.entries(more.queries)) {
    addQueries(into, hostname, queries);
  }
}

function add(counts: Record<string, number>, key: string, n: number): void {
  counts[key] = (counts[key] ?? 0) + n;
}

function addQueries(
  into: DnsCounts,
  hostname: string,
  more: { readonly customer: string; readonly count: number },
): void {
  const count = (into.queries[hostname]?.count ?? 0) + more.count;
  into.queries[hostname] = { customer: more.customer, count };
}
