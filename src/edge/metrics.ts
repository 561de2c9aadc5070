import type { NodeStats } from "../model/messages.ts";
import type { LogsTold } from "../model/site-logs.ts";
import type { ConnectionsTold } from "./connection-cap.ts";
import { type EdgeCounts, OUTCOMES } from "./hot/count.ts";

interface SiteTotals {
  requests: number;
  hits: number;
  bytesOut: number;
}

/** What is so at the moment. */
export interface EdgeGauges {
  /** Large bodies that are on their way. */
  readonly bodiesOpen: number;
  /** Bytes that objects in memory cost, with their fields and what is kept beside them, and the cap. */
  readonly memoryBytes: number;
  readonly memoryBytesMax: number;
  readonly memoryObjects: number;
  readonly diskBytes: number;
  readonly diskBytesMax: number;
  readonly diskObjects: number;
  /** Null: the system does not tell, or another process has them. */
  readonly connections: ConnectionsTold | null;
}

type Gauge = readonly [keyof Omit<EdgeGauges, "connections">, name: string, help: string];
const GAUGES: readonly Gauge[] = [
  ["bodiesOpen", "large_bodies_open", "Large bodies on their way, counted once they have arrived"],
  ["memoryBytes", "memory_bytes", "What objects in memory take"],
  ["memoryBytesMax", "memory_bytes_max", "What they may take"],
  [
    "memoryObjects",
    "memory_objects",
    "Objects in memory, each variant of a URL one, and one in each process that holds it",
  ],
  ["diskBytes", "disk_bytes", "What objects on disk take"],
  ["diskBytesMax", "disk_bytes_max", "What they may take"],
  ["diskObjects", "disk_objects", "Objects on disk, each variant of a URL one"],
];

/**
 * All that was counted since the start, for a Prometheus scrape. Labels are sites and origins of the
 * network file and statuses from 100 to 599: no client can make one.
 */
export class EdgeMetrics {
  readonly #statuses = new Float64Array(600);
  readonly #sites = new Map<string, SiteTotals>();
  readonly #fetches = new Map<string, number>();
  readonly #tiers = new Map<string, SiteTotals>();
  readonly #hedges = new Map<string, number>();
  readonly #hedgesWon = new Map<string, number>();
  readonly #parents = new Map<string, number>();
  readonly #parentsFailed = new Map<string, number>();
  readonly #counts: EdgeCounts | null;

  /** @param counts of the server: what became of requests */
  constructor(counts: EdgeCounts | null = null) {
    this.#counts = counts;
  }

  answered(status: number): void {
    this.#statuses[status]!++;
  }

  /** What was drained for the live figures. */
  add(
    drained: Pick<NodeStats, "edge" | "fetches" | "hedges" | "tiers" | "parents" | "parentsFailed">,
  ): void {
    for (const [site, { asked, won }] of Object.entries(drained.hedges ?? {})) {
      addCounts(this.#hedges, { [site]: asked });
      addCounts(this.#hedgesWon, { [site]: won });
    }
    addSites(this.#sites, drained.edge);
    addSites(this.#tiers, drained.tiers ?? {});
    addCounts(this.#fetches, drained.fetches);
    addCounts(this.#parents, drained.parents ?? {});
    addCounts(this.#parentsFailed, drained.parentsFailed ?? {});
  }

  /** Lines of the Prometheus text format, version 0.0.4. */
  text(logs: Readonly<Record<string, LogsTold>>, gauges: EdgeGauges): string {
    const lines: string[] = [];
    const family = (name: string, help: string, of: Iterable<readonly [string, number]>) => {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} counter`);
      for (const [label, count] of of) lines.push(`${name}{${label}} ${count}`);
    };
    const bySite = (of: (sum: SiteTotals) => number, sites = this.#sites) =>
      [...sites].map(([site, sum]) => [`site="${site}"`, of(sum)] as const);
    const statuses = [...this.#statuses.entries()]
      .filter(([, count]) => count > 0)
      .map(([status, count]) => [`status="${status}"`, count] as const);
    family("turnpike_edge_responses_total", "Answers to clients and to other caches", statuses);
    family(
      "turnpike_edge_requests_total",
      "Requests by site",
      bySite((s) => s.requests),
    );
    const outcomes = [...(this.#counts?.outcomes() ?? [])].flatMap(([site, of]) =>
      OUTCOMES.filter((name) => of[name] > 0).map(
        (name) => [`site="${site}",cache="${name}"`, of[name]] as const,
      ),
    );
    family("turnpike_edge_outcomes_total", "Requests by site and cache status", outcomes);
    family(
      "turnpike_edge_hits_total",
      "Requests served from the cache",
      bySite((s) => s.hits),
    );
    family(
      "turnpike_edge_sent_bytes_total",
      "Bytes of bodies sent",
      bySite((s) => s.bytesOut),
    );
    const fetches = [...this.#fetches].map(([id, n]) => [`origin="${id}"`, n] as const);
    family("turnpike_edge_fetches_total", "Requests to web servers", fetches);
    const ofSite = (of: ReadonlyMap<string, number>) =>
      [...of].map(([site, n]) => [`site="${site}"`, n] as const);
    const hedged = "Web servers asked beside a slow one";
    family("turnpike_edge_hedges_total", hedged, ofSite(this.#hedges));
    const faster = "Of these, those whose answer counted";
    family("turnpike_edge_hedges_won_total", faster, ofSite(this.#hedgesWon));
    const byParent = (of: ReadonlyMap<string, number>) =>
      [...of].map(([id, n]) => [`parent="${id}"`, n] as const);
    const parents = byParent(this.#parents);
    family("turnpike_edge_parent_fetches_total", "Requests to other caches", parents);
    const failed = byParent(this.#parentsFailed);
    family("turnpike_edge_parent_failures_total", "Of these, without an answer of use", failed);
    const tiers = (of: (sum: SiteTotals) => number) => bySite(of, this.#tiers);
    const asked = tiers((s) => s.requests);
    family("turnpike_edge_tier_requests_total", "Requests of other caches by site", asked);
    const held = tiers((s) => s.hits);
    family("turnpike_edge_tier_hits_total", "Requests of other caches served from this one", held);
    const sent = tiers((s) => s.bytesOut);
    family("turnpike_edge_tier_sent_bytes_total", "Bytes of bodies sent to other caches", sent);
    const logged = (of: (told: LogsTold) => number) =>
      Object.entries(logs).map(([site, told]) => [`site="${site}"`, of(told)] as const);
    const delivered = logged((told) => told.deliveredLines);
    family("turnpike_edge_log_lines_delivered_total", "Lines of logs that owners took", delivered);
    const lost = logged((told) => told.lostLines);
    family("turnpike_edge_log_lines_lost_total", "Lines of logs that had no room", lost);
    const { connections } = gauges;
    if (connections !== null) {
      family("turnpike_edge_connections_closed_total", CLOSED, byReason(connections.closed));
      family("turnpike_edge_connection_pauses_total", PAUSES, byReason(connections.pauses));
      lines.push(...gaugeLines("connections", "Connections of clients", connections.open));
      lines.push(...gaugeLines("connections_max", "How many there may be", connections.max));
    }
    for (const [gauge, name, help] of GAUGES) lines.push(...gaugeLines(name, help, gauges[gauge]));
    return `${lines.join("\n")}\n`;
  }
}

const CLOSED = "Idle connections of clients that were closed to make room";
const PAUSES = "How often new connections were left waiting, of everybody or of one client";

function byReason(counts: Readonly<Record<string, number>>) {
  return Object.entries(counts).map(([reason, n]) => [`reason="${reason}"`, n] as const);
}

function gaugeLines(name: string, help: string, value: number): readonly string[] {
  const full = `turnpike_edge_${name}`;
  return [`# HELP ${full} ${help}`, `# TYPE ${full} gauge`, `${full} ${value}`];
}

function addSites(sums: Map<string, SiteTotals>, drained: NodeStats["edge"]): void {
  for (const [site, counts] of Object.entries(drained)) {
    const sum = sums.get(site) ?? { requests: 0, hits: 0, bytesOut: 0 };
    sum.requests += counts.requests;
    sum.hits += counts.hits;
    sum.bytesOut += counts.bytesOut;
    sums.set(site, sum);
  }
}

function addCounts(sums: Map<string, number>, drained: Readonly<Record<string, number>>): void {
  for (const [id, count] of Object.entries(drained)) sums.set(id, (sums.get(id) ?? 0) + count);
}
