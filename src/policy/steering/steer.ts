import type { Assignment, Shelves } from "../../model/assignment.ts";
import type { Choice, Decision } from "../../model/decision.ts";
import type { Health } from "../../model/health.ts";
import type {
  GroupIndex,
  SiteIndex,
  Snapshot,
  SnapshotGroup,
  SnapshotSite,
  SnapshotStep,
} from "../../model/snapshot.ts";
import { isAllowed } from "./allowed.ts";
import {
  note,
  type Standing,
  standingOfNode,
  standingOfOrigin,
  standingOfSpare,
  toCandidate,
} from "./candidate.ts";
import { chainOf, EDGE_CHAIN, runChain, sharesOf } from "./chain.ts";
import { judgeHealthy } from "./healthy.ts";
import { hasShelves, shelfOf } from "./shelves.ts";

/** What is known at one instant: intent compiled, what was observed, and who has what. */
export interface View {
  readonly snapshot: Snapshot;
  readonly health: Health;
  readonly assignment: Assignment;
}

/**
 * What is asked for. `use: "first"` (the default) is the answer for a site's first address: servers
 * on another port than the site's cannot give it. `use: "miss"` is a cache's own choice of origin:
 * any port, and the lowest load at this instant whatever server a client group was given. A cache name
 * of one site's own stands on a `shelf`: see `edgesAsk()`.
 */
export type SteerAsk =
  | { readonly for: "origins"; readonly site: SiteIndex; readonly use?: "first" | "miss" }
  | { readonly for: "edges"; readonly shelf?: number };

/** What is asked for by a cache name: of one site, or of none (null), where all sites share it. */
export function edgesAsk(snapshot: Pick<Snapshot, "nodes">, hostname: string | null): SteerAsk {
  if (hostname === null || !hasShelves(snapshot)) return { for: "edges" };
  return { for: "edges", shelf: shelfOf(hostname) };
}

export interface SteerClient {
  readonly group: GroupIndex;
  /** Only servers with an address of this family. */
  readonly family?: 4 | 6;
  /** Target ids not to be used, such as those that failed within this request. */
  readonly exclude?: ReadonlySet<string>;
  /** Nobody asks why: the same choices, with no reasons. */
  readonly brief?: boolean;
}

/** TTL of cache answers while health is young, seconds. */
const YOUNG_EDGE_TTL_SEC = 5;

/**
 * The one decision: ordered choices for a client, with every candidate's measurements and each
 * filter's verdict. DNS answers, the edge's choice of origin and explain all come from here.
 *
 * State chart of the end, over the servers that may serve this client at all (`allowed`):
 *
 *   one is healthy | some pass family, port, weight and the chain | choices
 *   yes            | yes                                          | those, in the chain's order
 *   yes            | no                                           | none
 *   no             | -                                            | the all-down choice
 *   (may none)     | -                                            | none
 *
 * @example steer(view, { for: "origins", site: 0 }, { group: 0, family: 4 }).choices[0]
 */
export function steer(view: View, ask: SteerAsk, client: SteerClient): Decision {
  const { snapshot } = view;
  const site = ask.for === "origins" ? snapshot.sites[ask.site] : undefined;
  const group = snapshot.groups[client.group] ?? snapshot.groups[0] ?? NOBODY;
  const standings =
    ask.for === "origins"
      ? originsOf(seenBy(view, ask), ask, { site, client, group })
      : edgesOf(view, group);
  for (const standing of standings) {
    if (standing.verdicts.length === 0) judgeHealthy(standing);
    judgeFit(standing, ask, { site, client });
  }
  const steps = ask.for === "edges" ? EDGE_CHAIN : chainOf(site, ask.use);
  const kept = standings.filter((s) => s.kept);
  const { assigned, hashed } = assignedTo(view, { ask, site }, { group: group.name, kept });
  const brief = client.brief === true;
  const ordered = runChain(steps, kept, { group, assigned, hashed, brief });
  const reasonsOf = (all: readonly Standing[]) =>
    client.brief === true ? [] : all.map(toCandidate);
  const young = standings.some((s) => s.health === undefined || s.health.young);
  const ttlSec = ttlOf(snapshot, site, young);
  if (ordered.length > 0) {
    const shares = sharesOf(ordered);
    const choices = ordered.map((s, i) => toChoice(s, shares[i] ?? 0));
    const left = new Set(ordered);
    const rest = standings.filter((s) => !left.has(s));
    return { choices, ttlSec, allDown: false, reasons: reasonsOf([...ordered, ...rest]) };
  }
  const mayServe = standings.filter((s) => permitted(steps, s, group.index));
  if (mayServe.some(isHealthy) || (mayServe.length === 0 && standings.length > 0)) {
    return { choices: [], ttlSec, allDown: false, reasons: reasonsOf(standings) };
  }
  const base = { ttlSec, allDown: true, reasons: reasonsOf(standings) };
  return { ...base, choices: allDownChoices(mayServe, site, client) };
}

/** Stands in for a client group where a snapshot has none. */
const NOBODY: SnapshotGroup = { index: 0, name: "default", prefixes: [], rttMs: [] };

function permitted(steps: readonly SnapshotStep[], s: Standing, group: GroupIndex): boolean {
  return steps.every((step) => step.filter !== "allowed" || isAllowed(step.rules, s.index, group));
}

function isHealthy(s: Standing): boolean {
  return s.verdicts[0]?.kept === true;
}

/** Weights are corrected by what lookups are answered, which says nothing of a cache's misses. */
function seenBy(view: View, ask: SteerAsk): View {
  if (ask.for === "edges" || ask.use !== "miss" || view.assignment.trims === undefined) return view;
  const { trims: _, ...assignment } = view.assignment;
  return { ...view, assignment };
}

/** A site's servers; those of weight 0 with a weight where no other can serve. */
function originsOf(
  view: View,
  ask: SteerAsk,
  about: { site: SnapshotSite | undefined; client: SteerClient; group: SnapshotGroup },
): Standing[] {
  const { group } = about;
  const pool = about.site?.origins.map((index) => view.snapshot.origins[index]) ?? [];
  const origins = pool.filter((origin) => origin !== undefined);
  const standings = origins.map((origin) => standingOfOrigin(origin, view, group));
  const isOther = (s: Standing) => {
    if (s.weight === 0 || unfit(s, ask, about) !== null) return false;
    judgeHealthy(s);
    return s.kept;
  };
  if (!origins.some((origin) => origin.weight === 0) || standings.some(isOther)) return standings;
  return origins.map((origin, i) => {
    if (origin.weight > 0) return standings[i]!;
    const spare = standingOfSpare(origin, view, group);
    judgeHealthy(spare);
    const why = ["weight-zero", "its weight is 0, and no other is left"] as const;
    if (spare.kept) note(spare, "weight", true, why);
    return spare;
  });
}

function edgesOf(view: View, group: SnapshotGroup): Standing[] {
  return view.snapshot.nodes
    .filter((node) => node.roles.includes("edge"))
    .map((node) => standingOfNode(node, view, group));
}

function judgeFit(
  s: Standing,
  ask: SteerAsk,
  about: { site: SnapshotSite | undefined; client: SteerClient },
): void {
  if (!s.kept) return;
  const { site, client } = about;
  const out = unfit(s, ask, about);
  if (s.weight === 0) note(s, "weight", false, ["weight-zero", "its weight is 0"]);
  else if (out === "excluded") note(s, out, false, ["excluded", "failed within this request"]);
  else if (out === "port") {
    note(s, out, false, ["other-port", `serves port ${s.port}, the site's is ${site?.port}`]);
  } else if (client.family !== undefined) {
    const has = (client.family === 4 ? s.v4 : s.v6) !== null;
    note(s, "family", has, [has ? "has-family" : "lacks-family", `IPv${client.family}`]);
  }
}

/** Why it cannot serve this lookup or request at all. */
function unfit(
  s: Standing,
  ask: SteerAsk,
  { site, client }: { site: SnapshotSite | undefined; client: SteerClient },
): "excluded" | "port" | null {
  if (client.exclude?.has(s.id) === true) return "excluded";
  const first = ask.for === "origins" && ask.use !== "miss";
  return first && s.port !== site?.port ? "port" : null;
}

/** Who has this client at present; `hashed` where it is for the name that is asked. */
function assignedTo(
  { assignment, snapshot }: View,
  about: { ask: SteerAsk; site: SnapshotSite | undefined },
  of: { readonly group: string; readonly kept: readonly Standing[] },
): { readonly assigned: string | undefined; readonly hashed: boolean } {
  const { ask, site } = about;
  if (ask.for === "edges") {
    const own = assignment.edges[of.group];
    const holder =
      ask.shelf === undefined || assignment.shelves === undefined
        ? undefined
        : holderOf(ask.shelf, assignment.shelves[popOf(snapshot, of.kept, own)]);
    const there = of.kept.some((s) => s.id === holder);
    return { assigned: there ? holder : own, hashed: there };
  }
  if (ask.use === "miss" || site === undefined) return { assigned: undefined, hashed: false };
  return { assigned: assignment.origins[site.hostname]?.[of.group], hashed: false };
}

function holderOf(shelf: number, shelves: Shelves | undefined): string | undefined {
  return shelves?.caches[shelves.at[shelf] ?? -1];
}

/** The pop of the cache with this id; "" for none. */
function popOf(snapshot: Snapshot, among: readonly Standing[], id: string | undefined): string {
  const node = snapshot.nodes[among.find((s) => s.id === id)?.index ?? -1];
  return node === undefined ? "" : (snapshot.pops[node.pop]?.name ?? "");
}

function ttlOf(snapshot: Snapshot, site: SnapshotSite | undefined, young: boolean): number {
  const full = site?.ttlSec ?? snapshot.ttlSec;
  return young ? Math.min(full, site?.youngTtlSec ?? YOUNG_EDGE_TTL_SEC) : full;
}

function toChoice(s: Standing, weight: number): Choice {
  const { kind, index, id, v4, v6, port, stick } = s;
  const choice = { kind, index, id, v4, v6, port, weight };
  return stick === undefined ? choice : { ...choice, stick };
}

/** Nothing is usable: a live name is never answered empty unless its site asks for that. */
function allDownChoices(
  standings: readonly Standing[],
  site: SnapshotSite | undefined,
  client: SteerClient,
): Choice[] {
  if (site?.fallback !== undefined && client.family !== 6) {
    const { port, fallback: v4 } = site;
    return [{ kind: "fallback", index: -1, id: "fallback", v4, v6: null, port, weight: 1 }];
  }
  if (site?.allDown === "none") return [];
  const usable = standings.filter(
    (s) =>
      client.exclude?.has(s.id) !== true &&
      (client.family === undefined || (client.family === 4 ? s.v4 : s.v6) !== null),
  );
  return usable.map((s) => toChoice(s, 1));
}
