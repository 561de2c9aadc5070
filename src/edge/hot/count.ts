import type { NodeStats, ToldLoad } from "../../model/messages.ts";
import { readOrca } from "../../wire/probe/mod.ts";

/** Live figures of a site since they were last drained. */
export interface SiteCounts {
  requests: number;
  hits: number;
  bytesOut: number;
}

/** Live figures of the edge for pages and demand; what is billed goes through Meter beside it. */
export class EdgeCounts {
  readonly #sites = new Map<string, SiteCounts>();
  readonly #told = new Map<string, string>();
  #fetches: Record<string, number> = {};

  of(hostname: string): SiteCounts {
    let counts = this.#sites.get(hostname);
    if (counts === undefined) {
      counts = { requests: 0, hits: 0, bytesOut: 0 };
      this.#sites.set(hostname, counts);
    }
    return counts;
  }

  /** A fetch went out to this origin. */
  fetched(originId: string): void {
    this.#fetches[originId] = (this.#fetches[originId] ?? 0) + 1;
  }

  /** An origin said this of its own load; the newest counts. */
  told(originId: string, field: string): void {
    this.#told.set(originId, field);
  }

  drain(): Pick<NodeStats, "edge" | "fetches" | "told"> {
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
    return { edge, fetches, ...(Object.keys(told).length === 0 ? {} : { told }) };
  }
}
