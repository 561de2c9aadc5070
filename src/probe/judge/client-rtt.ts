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

/** Group -> pop -> the cache that told it. */
type ByPlace = Map<string, Map<string, Map<string, Clients>>>;

export interface RttTable {
  /** Client group -> pop -> ms. */
  readonly rttMs: Record<string, Record<string, number>>;
  /** Where an entry above is not just what a probe measured. */
  readonly rttFrom: Record<string, Record<string, RttOrigin>>;
}

/**
 * Latency from pops to client groups. What the kernel measured of real clients at a pop's caches
 * goes before what browsers measured, and that before what its probes measured to the group's resolver
 * (the least of a pop's vantages).
 * Clients are farther away than their resolver, so a pop that only probes know is taken to be as
 * much farther as the pops that know both say (the median): else every group would be drawn to pops that
 * it has never been at.
 */
export class ClientRtt {
  readonly #byVantage = new Map<
    string,
    { pop: string; heardMs: number; rttMs: ProbeReport["rttMs"] }
  >();
  readonly #clients: ByPlace = new Map();
  readonly #beacon: ByPlace = new Map();

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
    for (const [group, rtt] of Object.entries(told)) {
      if (from.groups.has(group)) put(this.#clients, { ...from, group, nowMs }, rtt);
    }
  }

  /** What browsers told a cache: each measured several pops. */
  takeBeacon(
    from: {
      readonly node: string;
      readonly pops: ReadonlySet<string>;
      readonly groups: ReadonlySet<string>;
    },
    told: Readonly<Record<string, Readonly<Record<string, ToldRtt>>>>,
    nowMs: number,
  ): void {
    for (const [group, pops] of Object.entries(told)) {
      if (!from.groups.has(group)) continue;
      for (const [pop, rtt] of Object.entries(pops)) {
        if (from.pops.has(pop)) put(this.#beacon, { node: from.node, pop, group, nowMs }, rtt);
      }
    }
  }

  forgetVantages(kept: ReadonlySet<string>): void {
    for (const vantage of this.#byVantage.keys()) {
      if (!kept.has(vantage)) this.#byVantage.delete(vantage);
    }
  }

  /** Groups and nodes that the snapshot no longer has. */
  forgetClients(groups: ReadonlySet<string>, nodes: ReadonlySet<string>): void {
    for (const places of [this.#clients, this.#beacon]) {
      for (const [group, pops] of places) {
        if (!groups.has(group)) places.delete(group);
        for (const [pop, byNode] of pops) {
          for (const node of byNode.keys()) if (!nodes.has(node)) byNode.delete(node);
          if (byNode.size === 0) pops.delete(pop);
        }
      }
    }
  }

  /** Of the groups named. */
  table(groups: ReadonlySet<string>, nowMs: number): RttTable {
    const rttMs = this.#probed(groups, nowMs);
    const rttFrom: RttTable["rttFrom"] = {};
    for (const group of groups) {
      const row = rttMs[group] ?? {};
      const from: Record<string, RttOrigin> = {};
      merge({ row, from }, { word: "beacon", told: popsOf(this.#beacon, group, nowMs), nowMs });
      merge({ row, from }, { word: "clients", told: popsOf(this.#clients, group, nowMs), nowMs });
      if (Object.keys(row).length > 0) rttMs[group] = row;
      if (Object.keys(from).length > 0) rttFrom[group] = from;
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
}

function put(
  places: ByPlace,
  at: {
    readonly group: string;
    readonly pop: string;
    readonly node: string;
    readonly nowMs: number;
  },
  { rttMs, samples }: ToldRtt,
): void {
  if (!Number.isFinite(rttMs) || rttMs < 0 || !(samples >= SAMPLES_LEAST)) return;
  const pops = places.get(at.group) ?? new Map<string, Map<string, Clients>>();
  const nodes = pops.get(at.pop) ?? new Map<string, Clients>();
  nodes.set(at.node, { heardMs: at.nowMs, rttMs, samples });
  places.set(at.group, pops.set(at.pop, nodes));
}

/** Pop -> the median of those who told it, weighed by nothing: each has its own share of clients. */
function popsOf(places: ByPlace, group: string, nowMs: number): Map<string, Clients> {
  const found = new Map<string, Clients>();
  for (const [pop, nodes] of places.get(group) ?? []) {
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

/**
 * Writes what was told over what was known, and moves what is known of the other pops by as much as
 * the told ones turned out to be farther: so that a pop wins by being near, not by how it was measured.
 */
function merge(
  to: { readonly row: Record<string, number>; readonly from: Record<string, RttOrigin> },
  by: {
    readonly word: "clients" | "beacon";
    readonly told: ReadonlyMap<string, Clients>;
    readonly nowMs: number;
  },
): void {
  const { row, from } = to;
  const { told, word, nowMs } = by;
  const farther: number[] = [];
  for (const [pop, { rttMs }] of told) {
    const known = row[pop];
    if (known !== undefined) farther.push(rttMs - known);
  }
  const addMs = farther.length === 0 ? 0 : rounded(middle(farther));
  for (const [pop, known] of Object.entries(row)) {
    if (told.has(pop) || addMs === 0) continue;
    row[pop] = Math.max(0.1, rounded(known + addMs));
    const before = from[pop];
    if (before?.from === "beacon") continue;
    const already = before?.from === "probes" ? before.addedMs : 0;
    from[pop] = { from: "probes", addedMs: rounded(already + addMs) };
  }
  for (const [pop, { rttMs, samples, heardMs }] of told) {
    row[pop] = rounded(rttMs);
    from[pop] = { from: word, samples, ageSec: Math.round((nowMs - heardMs) / 1000) };
  }
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
