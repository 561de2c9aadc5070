import type { RttOrigin } from "../../model/health.ts";
import type { ProbeReport, ClientRtt as ToldRtt } from "../../model/messages.ts";

const FRESH_MS = 10_000;
/** Clients leave a pop that they were moved from: what it measured then counts for an hour. */
const CLIENTS_FRESH_MS = 3_600_000;
/** Fewer connections than this at a pop say too little. */
const SAMPLES_LEAST = 3;

interface Clients {
  readonly heardMs: number;
  readonly rttMs: number;
  readonly samples: number;
}

export interface RttTable {
  /** Client group -> pop -> ms. */
  readonly rttMs: Record<string, Record<string, number>>;
  /** Where an entry above is not just what a probe measured. */
  readonly rttFrom: Record<string, Record<string, RttOrigin>>;
}

/**
 * Latency from pops to client groups. What the kernel measured of real clients at a pop's caches
 * goes before what its probes measured to the group's resolver (the least of a pop's vantages).
 * Clients are farther away than their resolver, so a pop that only probes know is taken to be as
 * much farther as the pops that know both say (the median): else every group would be drawn to pops that
 * it has never been at.
 */
export class ClientRtt {
  readonly #byVantage = new Map<
    string,
    { pop: string; heardMs: number; rttMs: ProbeReport["rttMs"] }
  >();
  /** Group -> pop -> node. */
  readonly #clients = new Map<string, Map<string, Map<string, Clients>>>();

  take(report: ProbeReport, nowMs: number): void {
    const { pop, rttMs } = report;
    this.#byVantage.set(report.vantage, { pop, heardMs: nowMs, rttMs });
  }

  /** What a cache saw of its clients. `node` and `pop` are of the snapshot. */
  takeClients(
    from: { readonly node: string; readonly pop: string; readonly groups: ReadonlySet<string> },
    told: Readonly<Record<string, ToldRtt>>,
    nowMs: number,
  ): void {
    for (const [group, { rttMs, samples }] of Object.entries(told)) {
      if (!from.groups.has(group) || !Number.isFinite(rttMs) || rttMs < 0) continue;
      if (!(samples >= SAMPLES_LEAST)) continue;
      const pops = this.#clients.get(group) ?? new Map<string, Map<string, Clients>>();
      const nodes = pops.get(from.pop) ?? new Map<string, Clients>();
      nodes.set(from.node, { heardMs: nowMs, rttMs, samples });
      this.#clients.set(group, pops.set(from.pop, nodes));
    }
  }

  forgetVantages(kept: ReadonlySet<string>): void {
    for (const vantage of this.#byVantage.keys()) {
      if (!kept.has(vantage)) this.#byVantage.delete(vantage);
    }
  }

  /** Groups and nodes that the snapshot no longer has. */
  forgetClients(groups: ReadonlySet<string>, nodes: ReadonlySet<string>): void {
    for (const [group, pops] of this.#clients) {
      if (!groups.has(group)) this.#clients.delete(group);
      for (const [pop, byNode] of pops) {
        for (const node of byNode.keys()) if (!nodes.has(node)) byNode.delete(node);
        if (byNode.size === 0) pops.delete(pop);
      }
    }
  }

  /** Of the groups named. */
  table(groups: ReadonlySet<string>, nowMs: number): RttTable {
    const rttMs = this.#probed(groups, nowMs);
    const rttFrom: RttTable["rttFrom"] = {};
    for (const group of groups) {
      const clients = this.#clientsOf(group, nowMs);
      if (clients.size === 0) continue;
      rttMs[group] ??= {};
      rttFrom[group] = merge(rttMs[group], clients, nowMs);
    }
    return { rttMs, rttFrom };
  }

  #probed(groups: ReadonlySet<string>, nowMs: number): Record<string, Record<string, number>> {
    const table: Record<string, Record<string, number>> = {};
    for (const { pop, heardMs, rttMs } of this.#byVantage.values()) {
      if (nowMs - heardMs > FRESH_MS) continue;
      for (const [group, ms] of Object.entries(rttMs)) {
        if (!groups.has(group) || !Number.isFinite(ms) || ms < 0) continue;
        table[group] ??= {};
        const row = table[group];
        row[pop] = Math.min(row[pop] ?? Number.POSITIVE_INFINITY, rounded(ms));
      }
    }
    return table;
  }

  /** Pop -> the median of its caches, weighed by nothing: each has its own share of clients. */
  #clientsOf(group: string, nowMs: number): Map<string, Clients> {
    const found = new Map<string, Clients>();
    for (const [pop, nodes] of this.#clients.get(group) ?? []) {
      const fresh = [...nodes.values()].filter((one) => nowMs - one.heardMs <= CLIENTS_FRESH_MS);
      const newest = Math.max(...fresh.map((one) => one.heardMs));
      // An older word of a cache gives way to what others of the pop say now.
      const live = fresh.filter((one) => newest - one.heardMs <= FRESH_MS);
      if (live.length === 0) continue;
      const samples = live.reduce((sum, one) => sum + one.samples, 0);
      found.set(pop, { heardMs: newest, rttMs: middle(live.map((one) => one.rttMs)), samples });
    }
    return found;
  }
}

/** Writes clients' times over the probed ones, and moves those that only probes know. */
function merge(
  row: Record<string, number>,
  clients: ReadonlyMap<string, Clients>,
  nowMs: number,
): Record<string, RttOrigin> {
  const farther: number[] = [];
  for (const [pop, { rttMs }] of clients) {
    const probed = row[pop];
    if (probed !== undefined) farther.push(rttMs - probed);
  }
  const addMs = farther.length === 0 ? 0 : rounded(middle(farther));
  const from: Record<string, RttOrigin> = {};
  for (const [pop, probed] of Object.entries(row)) {
    if (clients.has(pop) || addMs === 0) continue;
    row[pop] = Math.max(0.1, rounded(probed + addMs));
    from[pop] = { from: "probes", addedMs: addMs };
  }
  for (const [pop, { rttMs, samples, heardMs }] of clients) {
    row[pop] = rounded(rttMs);
    from[pop] = { from: "clients", samples, ageSec: Math.round((nowMs - heardMs) / 1000) };
  }
  return from;
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
