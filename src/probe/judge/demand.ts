import type { Demand } from "../../model/assignment.ts";
import type { NodeStats } from "../../model/messages.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import { isSplitByWeight, SPLIT_MS } from "../../policy/steering/mod.ts";

/** The share of the newest second in the rate: about 5 s to follow a change. */
const EWMA_SHARE = 0.2;
/** Lookups per second below which a rate is forgotten. */
const LEAST = 0.001;
const STATS_INTERVAL_MS = 1000;

class Rate {
  pending = 0;
  perSec = 0;

  turn(sec: number, share = EWMA_SHARE): void {
    this.perSec += Math.min(1, share * sec) * (this.pending / sec - this.perSec);
    this.pending = 0;
  }
}

/** Lookups per second by hostname and client group, smoothed, of all name servers together. */
export class DemandMeter {
  readonly #sites = new Map<string, Map<string, Rate>>();
  readonly #edges = new Map<string, Rate>();
  /** By origin, of sites that are split by weight. */
  #answers = new Map<string, Rate>();
  #hostnames: ReadonlySet<string> = new Set();
  #groups: ReadonlySet<string> = new Set();
  #turnedMs: number | null = null;

  setSnapshot(snapshot: Snapshot): void {
    this.#hostnames = new Set(snapshot.sites.map((site) => site.hostname));
    this.#groups = new Set(snapshot.groups.map((group) => group.name));
    const split = snapshot.sites.filter(isSplitByWeight).flatMap((site) => site.origins);
    const ids = split.map((index) => snapshot.origins[index]!.id);
    this.#answers = new Map(ids.map((id) => [id, this.#answers.get(id) ?? new Rate()]));
    for (const hostname of this.#sites.keys()) {
      if (!this.#hostnames.has(hostname)) this.#sites.delete(hostname);
    }
  }

  /** Only names of the snapshot count, so that memory is bounded by it. */
  take(stats: NodeStats): void {
    for (const [hostname, groups] of Object.entries(stats.lookups)) {
      if (!this.#hostnames.has(hostname)) continue;
      const rates = this.#sites.get(hostname) ?? new Map<string, Rate>();
      this.#sites.set(hostname, rates);
      for (const [group, count] of Object.entries(groups)) this.#add(rates, group, count);
    }
    for (const [group, count] of Object.entries(stats.edgeLookups)) {
      this.#add(this.#edges, group, count);
    }
    for (const [id, count] of this.#answers.size === 0 ? [] : Object.entries(stats.answers)) {
      const rate = this.#answers.get(id);
      if (rate !== undefined && Number.isFinite(count) && count > 0) rate.pending += count;
    }
  }

  #add(rates: Map<string, Rate>, group: string, count: number): void {
    if (!this.#groups.has(group) || !Number.isFinite(count) || count < 0) return;
    const rate = rates.get(group) ?? new Rate();
    rates.set(group, rate);
    rate.pending += count;
  }

  /** The rates at this time; what was counted since the last call is folded in once a second. */
  demand(nowMs: number): Demand {
    this.#turnedMs ??= nowMs - STATS_INTERVAL_MS;
    if (nowMs - this.#turnedMs >= STATS_INTERVAL_MS) {
      const sec = (nowMs - this.#turnedMs) / 1000;
      this.#turnedMs = nowMs;
      for (const rates of this.#sites.values()) turnAll(rates, sec);
      turnAll(this.#edges, sec);
      for (const rate of this.#answers.values()) rate.turn(sec, 1000 / SPLIT_MS);
    }
    const sites: Record<string, Record<string, number>> = {};
    for (const [hostname, rates] of this.#sites) {
      if (rates.size > 0) sites[hostname] = perSec(rates);
    }
    const rest = this.#answers.size === 0 ? {} : { answers: perSec(this.#answers) };
    return { sites, edges: perSec(this.#edges), ...rest };
  }
}

function turnAll(rates: Map<string, Rate>, sec: number): void {
  for (const [group, rate] of rates) {
    rate.turn(sec);
    if (rate.perSec < LEAST) rates.delete(group);
  }
}

function perSec(rates: ReadonlyMap<string, Rate>): Record<string, number> {
  const table: Record<string, number> = {};
  for (const [group, rate] of rates) table[group] = Math.round(rate.perSec * 1000) / 1000;
  return table;
}
