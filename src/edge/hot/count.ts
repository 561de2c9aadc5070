import type { NodeStats, OriginSeen, ToldLoad } from "../../model/messages.ts";
import { readOrca } from "../../wire/probe/mod.ts";

/** Live figures of a site since they were last drained. */
export interface SiteCounts {
  requests: number;
  hits: number;
  bytesOut: number;
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

/** Live figures of the edge for pages and demand; what is billed goes through Meter beside it. */
export class EdgeCounts {
  readonly #sites = new Map<string, SiteCounts>();
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
      counts = { requests: 0, hits: 0, bytesOut: 0 };
      this.#sites.set(hostname, counts);
    }
    return counts;
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

  drain(): Pick<NodeStats, "edge" | "fetches" | "told" | "origins"> {
    const edge: Record<string, SiteCounts> = {};
    for (const [hostname, counts] of this.#sites) {
      if (counts.requests === 0 && counts.bytesOut === 0) continue;
      edge[hostname] = { ...counts };
      counts.requests = 0;
      counts.hits = 0;
      counts.bytesOut = 0;
    }
    const fetches = this.#fetches;
    this.#fetches = {};
    const told: Record<string, readonly ToldLoad[]> = {};
    for (const [id, field] of this.#told) {
      const loads = readOrca(field);
      if (loads.length > 0) told[id] = loads;
    }
    this.#told.clear();
    const origins = this.#drainOrigins();
    const seen = Object.keys(origins).length === 0 ? {} : { origins };
    return { edge, fetches, ...seen, ...(Object.keys(told).length === 0 ? {} : { told }) };
  }
}
