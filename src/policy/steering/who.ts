import type { Demand } from "../../model/assignment.ts";
import type { Candidate, SteerReason } from "../../model/decision.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import { ORDERING } from "./chain.ts";
import { sharesByTarget } from "./shares.ts";
import { shelfOf } from "./shelves.ts";
import { type SteerAsk, steer, type View } from "./steer.ts";

/** A client group that is answered with a server. */
export interface WhoGroup {
  readonly group: string;
  /** Its lookups that are answered with this server, of all of its own: below 1 where a draw decides. */
  readonly share: number;
  /** Its lookups a second; 1 where no demand is known. */
  readonly lookupsPerSec: number;
  readonly reason: SteerReason;
  readonly detail: string;
}

export interface WhoReason {
  readonly filter: string;
  readonly reason: SteerReason;
  readonly groups: number;
  /** Of the name's lookups. */
  readonly share: number;
}

export interface Who {
  /** What is looked up: the origin's site, or `c.<zone>`. */
  readonly name: string;
  /** False where each client group counted alike. */
  readonly demandKnown: boolean;
  /** This server's part of all lookups of the name. */
  readonly share: number;
  readonly groupsInAll: number;
  /** Most lookups first. */
  readonly groups: readonly WhoGroup[];
  /** Each filter's verdicts on this server, over the groups that get it. */
  readonly reasons: readonly WhoReason[];
  /** Of an origin: its part of what caches fetch on a miss. Null of a node. */
  readonly missShare: number | null;
  /** Of a cache with neighbours: the sites whose own names its pop's clients are answered with it. */
  readonly sites: readonly string[] | null;
}

/**
 * Who gets a server, and why: `steer()` asked for every client group. Null if there is no such
 * server. Without demand every group counts alike.
 *
 * @param id `<hostname>/<origin name>` or `node/<name>`
 */
export function whoGets(view: View, demand: Demand | null, id: string): Who | null {
  const about = subjectOf(view.snapshot, id);
  if (about === null) return null;
  const known = demand === null ? {} : about.rates(demand);
  const rates = Object.keys(known).length === 0 ? null : known;
  const groups: WhoGroup[] = [];
  const reasons = new Map<string, { -readonly [K in keyof WhoReason]: WhoReason[K] }>();
  let all = 0;
  let got = 0;
  for (const { index, name } of about.ask === null ? [] : view.snapshot.groups) {
    const rate = rates === null ? 1 : (rates[name] ?? 0);
    all += rate;
    const decision = steer(view, about.ask!, { group: index });
    const share = decision.allDown
      ? Number(decision.choices.some((c) => c.id === id)) / decision.choices.length
      : (sharesByTarget(decision).get(id) ?? 0);
    const candidate = decision.reasons.find((c) => c.id === id);
    if (!(share > 0) || candidate === undefined) continue;
    got += rate * share;
    const why = decision.allDown ? ALL_DOWN : decidingOf(candidate);
    groups.push({ group: name, share, lookupsPerSec: rate, ...why });
    for (const { filter, reason } of candidate.verdicts) {
      const key = `${filter} ${reason}`;
      const seen = reasons.get(key) ?? { filter, reason, groups: 0, share: 0 };
      seen.groups++;
      seen.share += rate * share;
      reasons.set(key, seen);
    }
  }
  groups.sort((a, b) => b.lookupsPerSec * b.share - a.lookupsPerSec * a.share);
  return {
    name: about.name,
    demandKnown: rates !== null,
    share: all === 0 ? 0 : got / all,
    groupsInAll: view.snapshot.groups.length,
    groups,
    reasons: [...reasons.values()].map((r) => ({ ...r, share: all === 0 ? 0 : r.share / all })),
    missShare: about.miss === null ? null : missShareOf(view, about.miss, id),
    sites: about.miss === null ? sitesOn(view, id) : null,
  };
}

/** Null where its pop has no other cache that can be used: then all sites are. */
function sitesOn(view: View, id: string): readonly string[] | null {
  const { snapshot } = view;
  const pop = snapshot.pops[snapshot.nodes.find((node) => node.id === id)?.pop ?? -1];
  const shelves = view.assignment.shelves?.[pop?.name ?? ""];
  if (shelves === undefined) return null;
  // Who is just down is dropped before the next assignment knows.
  const { choices } = steer(view, { for: "edges" }, { group: 0, brief: true });
  if (!choices.some((choice) => choice.id === id)) return [];
  const place = shelves.caches.indexOf(id);
  const hostnames = snapshot.sites.map(({ hostname }) => hostname);
  return hostnames.filter((hostname) => shelves.at[shelfOf(hostname)] === place);
}

const ALL_DOWN = { reason: "all-down", detail: "nothing is usable" } as const;

interface Subject {
  readonly name: string;
  /** Null where lookups are never answered with it: an origin of a site that caches stand before. */
  readonly ask: SteerAsk | null;
  readonly miss: SteerAsk | null;
  readonly rates: (demand: Demand) => Readonly<Record<string, number>>;
}

function subjectOf(snapshot: Snapshot, id: string): Subject | null {
  const origin = snapshot.origins.find((o) => o.id === id);
  const site = origin === undefined ? undefined : snapshot.sites[origin.site];
  if (site !== undefined) {
    const ask = { for: "origins", site: site.index } as const;
    return {
      name: site.hostname,
      ask: site.front === "caches" ? null : ask,
      miss: { ...ask, use: "miss" },
      rates: (demand) => demand.sites[site.hostname] ?? {},
    };
  }
  const node = snapshot.nodes.find((n) => n.id === id && n.roles.includes("edge"));
  if (node === undefined) return null;
  const rates = (demand: Demand) => demand.edges;
  return { name: `c.${snapshot.zone}`, ask: { for: "edges" }, miss: null, rates };
}

/** The verdict of the last step that ordered; the last of all where none did. */
function decidingOf({ verdicts }: Candidate): Pick<WhoGroup, "reason" | "detail"> {
  const ordering: ReadonlySet<string> = new Set([...ORDERING, "map"]);
  const last = verdicts.findLast((v) => ordering.has(v.filter)) ?? verdicts.at(-1);
  return { reason: last?.reason ?? "healthy", detail: last?.detail ?? "" };
}

function missShareOf(view: View, ask: SteerAsk, id: string): number {
  return sharesByTarget(steer(view, ask, { group: 0 })).get(id) ?? 0;
}
