import type { Hedged, NodeStats, OriginSeen, ToldLoad } from "../../model/messages.ts";
import { WHY_NOT, type WhyNot, type WhyNotCounts } from "../../model/why-not.ts";
import type { CacheStatus } from "../../wire/http/mod.ts";
import { readOrca } from "../../wire/probe/mod.ts";

/**
 * What became of a request, as Cache-Status tells it:
 *
 *   hit          held and fresh                    pass    fetched and not kept
 *   stale        held, served though stale         rule    answered by a rule of the site
 *   revalidated  held, and the origin confirmed it error   no origin gave an answer
 *   collapsed    waited for somebody else's fetch  miss    fetched
 */
export const OUTCOMES = [
  "hit",
  "stale",
  "revalidated",
  "collapsed",
  "miss",
  "pass",
  "rule",
  "error",
] as const;
export type OutcomeName = (typeof OUTCOMES)[number];

/** Live figures of a site since they were last drained; outcomes since the start. */
export interface SiteCounts {
  requests: number;
  hits: number;
  bytesOut: number;
  readonly outcomes: Record<OutcomeName, number>;
  /** Answers that were no hit, by the place of their reason in WHY_NOT; drained as well. */
  readonly whyNot: number[];
}

export function noCounts(): SiteCounts {
  const outcomes = Object.fromEntries(OUTCOMES.map((name) => [name, 0]));
  const none = outcomes as Record<OutcomeName, number>;
  return { requests: 0, hits: 0, bytesOut: 0, outcomes: none, whyNot: WHY_NOT.map(() => 0) };
}

/** What became of the one request that was counted so. */
export function outcomeCounted({ outcomes }: SiteCounts): OutcomeName {
  return OUTCOMES.find((name) => outcomes[name] > 0) ?? "pass";
}

/** What Cache-Status says, and beside it, where it is no hit, why it is none: for the counts. */
export interface DeliveryStatus extends CacheStatus {
  readonly whyNot?: WhyNot;
}

/** Why a request goes forward (RFC 9211 2.2). */
export type Fwd = NonNullable<DeliveryStatus["fwd"]>;

/** Why the one request that was counted so was no hit; null: it was one. */
export function whyCounted({ whyNot }: SiteCounts): WhyNot | null {
  return WHY_NOT[whyNot.findIndex((n) => n > 0)] ?? null;
}

const INDEX_OF = new Map<string, number>(WHY_NOT.map((reason, i) => [reason, i]));

export function countWhyNot({ whyNot }: SiteCounts, reason: WhyNot): void {
  whyNot[INDEX_OF.get(reason)!]!++;
}

/** Times kept of one origin in one second: more of them tell nothing new. */
const TIMES_MAX = 64;

interface OriginCounts {
  asked: number;
  failed: number;
  open: number;
  openMax: number;
  times: number[];
}

/** What counts between two drains are. */
export type Counted = Pick<
  NodeStats,
  | "edge"
  | "whyNot"
  | "hedges"
  | "fetches"
  | "told"
  | "origins"
  | "tiers"
  | "parents"
  | "parentsFailed"
>;

/** Live figures of the edge for pages and demand; what is billed goes through Meter beside it. */
export class EdgeCounts {
  readonly #sites = new Map<string, SiteCounts>();
  readonly #tiers = new Map<string, SiteCounts>();
  #parents: Record<string, number> = {};
  #parentsFailed: Record<string, number> = {};
  #hedges: Record<string, { asked: number; won: number }> = {};
  readonly #told = new Map<string, string>();
  readonly #origins = new Map<string, OriginCounts>();
  readonly #failed: (originId: string) => void;
  #fetches: Record<string, number> = {};

  /** @param failed called with each fetch that gets no answer, or a status of 500 or more */
  constructor(failed: (originId: string) => void = () => {}) {
    this.#failed = failed;
  }

  of(hostname: string): SiteCounts {
    let counts = this.#sites.get(hostname);
    if (counts === undefined) {
      counts = noCounts();
      this.#sites.set(hostname, counts);
    }
    return counts;
  }

  /** What was sent to other caches that asked for a site's objects. */
  ofTier(hostname: string): SiteCounts {
    const counts = this.#tiers.get(hostname) ?? noCounts();
    this.#tiers.set(hostname, counts);
    return counts;
  }

  /** A parent was asked; not `well`: it gave no answer that could be used. */
  askedParent(id: string, well: boolean): void {
    this.#parents[id] = (this.#parents[id] ?? 0) + 1;
    if (well) return;
    this.#parentsFailed[id] = (this.#parentsFailed[id] ?? 0) + 1;
    this.#failed(id);
  }

  /** A server of the site was asked beside a slow one; later: its answer was the one that counted. */
  hedged(hostname: string, what: keyof Hedged): void {
    const counts = this.#hedges[hostname] ?? { asked: 0, won: 0 };
    counts[what]++;
    this.#hedges[hostname] = counts;
  }

  /** By site, all since the start. */
  *outcomes(): Iterable<readonly [string, SiteCounts["outcomes"]]> {
    for (const [hostname, { outcomes }] of this.#sites) yield [hostname, outcomes];
  }

  /** A fetch went out to this origin, which may have so many open. */
  fetched(originId: string, openMax: number): void {
    this.#fetches[originId] = (this.#fetches[originId] ?? 0) + 1;
    const counts = this.#originOf(originId);
    counts.open++;
    counts.openMax = openMax;
  }

  /** It answered after so many ms (null: it did not), well or not. */
  settled(originId: string, o: { readonly ms: number | null; readonly well: boolean }): void {
    const counts = this.#originOf(originId);
    counts.asked++;
    if (!o.well) {
      counts.failed++;
      this.#failed(originId);
    }
    if (o.ms !== null && counts.times.length < TIMES_MAX) counts.times.push(Math.max(0, o.ms));
  }

  /** The exchange is over, whatever became of it. */
  ended(originId: string): void {
    const counts = this.#originOf(originId);
    counts.open = Math.max(0, counts.open - 1);
  }

  #originOf(id: string): OriginCounts {
    let counts = this.#origins.get(id);
    if (counts === undefined) {
      counts = { asked: 0, failed: 0, open: 0, openMax: 0, times: [] };
      this.#origins.set(id, counts);
    }
    return counts;
  }

  /** What was asked since the last call; who has nothing open and was not asked is let go. */
  #drainOrigins(): Record<string, OriginSeen> {
    const seen: Record<string, OriginSeen> = {};
    for (const [id, { asked, failed, open, openMax, times }] of this.#origins) {
      if (asked === 0 && open === 0) this.#origins.delete(id);
      const sorted = times.sort((a, b) => a - b);
      const quarterMs = sorted[Math.floor((sorted.length - 1) / 4)] ?? null;
      seen[id] = { asked, failed, timed: sorted.length, quarterMs, open, openMax };
      const counts = this.#origins.get(id);
      if (counts !== undefined) Object.assign(counts, { asked: 0, failed: 0, times: [] });
    }
    return seen;
  }

  /** An origin said this of its own load; the newest counts. */
  told(originId: string, field: string): void {
    this.#told.set(originId, field);
  }

  drain(): Counted {
    const edge = drainSites(this.#sites);
    const whyNot = drainWhyNot(this.#sites);
    const tiers = drainSites(this.#tiers);
    const parents = this.#parents;
    const parentsFailed = this.#parentsFailed;
    this.#parents = {};
    this.#parentsFailed = {};
    const fetches = this.#fetches;
    const hedges = this.#hedges;
    this.#fetches = {};
    this.#hedges = {};
    const told: Record<string, readonly ToldLoad[]> = {};
    for (const [id, field] of this.#told) {
      const loads = readOrca(field);
      if (loads.length > 0) told[id] = loads;
    }
    this.#told.clear();
    const origins = this.#drainOrigins();
    const seen = Object.keys(origins).length === 0 ? {} : { origins };
    const above = Object.keys(parents).length === 0 ? {} : { parents, parentsFailed };
    const below = Object.keys(tiers).length === 0 ? {} : { tiers };
    const beside = Object.keys(hedges).length === 0 ? {} : { hedges };
    const own = { edge, ...whyNot, ...beside, fetches, ...seen, ...above, ...below };
    return { ...own, ...(Object.keys(told).length === 0 ? {} : { told }) };
  }
}

function drainSites(sites: ReadonlyMap<string, SiteCounts>): NodeStats["edge"] {
  const drained: Record<string, NodeStats["edge"][string]> = {};
  for (const [hostname, counts] of sites) {
    if (counts.requests === 0 && counts.bytesOut === 0) continue;
    const { requests, hits, bytesOut } = counts;
    drained[hostname] = { requests, hits, bytesOut };
    counts.requests = 0;
    counts.hits = 0;
    counts.bytesOut = 0;
  }
  return drained;
}

function drainWhyNot(sites: ReadonlyMap<string, SiteCounts>): Pick<NodeStats, "whyNot"> {
  const drained: Record<string, WhyNotCounts> = {};
  for (const [hostname, { whyNot }] of sites) {
    if (!whyNot.some((n) => n > 0)) continue;
    const counted = WHY_NOT.map((reason, i) => [reason, whyNot[i]!] as const);
    drained[hostname] = Object.fromEntries(counted.filter(([, n]) => n > 0));
    whyNot.fill(0);
  }
  return Object.keys(drained).length === 0 ? {} : { whyNot: drained };
}
