import type { Snapshot, SnapshotSite } from "../../model/snapshot.ts";

/**
 * Who is to take a snapshot first. What is added must be known to caches before a name server sends
 * anybody there; what only goes is taken out of the names before caches stop to serve it.
 */
export type PublishOrder = "caches-first" | "names-first" | "any";

/** The order in which roles go from one snapshot to the next; additions win where both are there. */
export function publishOrder(before: Snapshot | null, after: Snapshot): PublishOrder {
  if (before === null) return "any";
  const [had, has] = changedSites(before.sites, after.sites);
  const old = new Set(had.flatMap(cacheNames));
  const next = new Set(has.flatMap(cacheNames));
  if ([...next].some((name) => !old.has(name))) return "caches-first";
  return [...old].some((name) => !next.has(name)) ? "names-first" : "any";
}

/** The names of nodes that take `after` before a node's name server, or its cache, does. */
export function nodesBefore(
  role: "dns" | "edge",
  before: Snapshot | null,
  after: Snapshot,
): readonly string[] {
  const order = publishOrder(before, after);
  if (order !== (role === "dns" ? "caches-first" : "names-first")) return [];
  const first = role === "dns" ? "edge" : "dns";
  return after.nodes.filter((node) => node.roles.includes(first)).map((node) => node.name);
}

/** Without those at both ends that have the same names at caches: most changes touch one site. */
function changedSites(before: readonly SnapshotSite[], after: readonly SnapshotSite[]) {
  const shorter = Math.min(before.length, after.length);
  let head = 0;
  while (head < shorter && sameNames(before[head]!, after[head]!)) head++;
  let tail = 0;
  while (tail < shorter - head && sameNames(before.at(-1 - tail)!, after.at(-1 - tail)!)) tail++;
  return [
    before.slice(head, before.length - tail),
    after.slice(head, after.length - tail),
  ] as const;
}

function sameNames(a: SnapshotSite, b: SnapshotSite): boolean {
  return (
    a.hostname === b.hostname &&
    a.front === b.front &&
    a.customer === b.customer &&
    a.aliases.length === b.aliases.length &&
    a.aliases.every((alias, i) => alias === b.aliases[i])
  );
}

/** With the customer: a name that moves is another customer's from then on. */
function cacheNames(site: SnapshotSite): string[] {
  const names = [...site.aliases, `second address of ${site.hostname}`];
  if (site.front === "caches") names.push(site.hostname);
  return names.map((name) => `${site.customer} ${name}`);
}
