import type { Clock } from "../base/clock.ts";
import type { Bus } from "../bus/mod.ts";
import type { MeasuredNetworkView } from "../model/api/mod.ts";
import type { Feed } from "../model/feed.ts";
import type { NodeStats } from "../model/messages.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { groupEntries, type MeasuredNetwork } from "../policy/snapshot/mod.ts";
import { compilePrefixes, parsePrefix } from "../wire/ip/mod.ts";

/** Networks remembered, about 0.5 KB each; the one heard of longest ago gives way. */
const NETWORKS_MAX = 20_000;
/** What nobody told for a day is forgotten. */
const KEPT_MS = 86_400_000;

interface Told {
  readonly rttMs: number;
  readonly samples: number;
  readonly atMs: number;
}

/**
 * How far networks of clients are from pops, of those in no client group: prefix -> pop -> round
 * trip, with its age. Kept in memory: caches tell again what they still see.
 */
export class NetworkBook {
  readonly #feed: Feed;
  readonly #clock: Clock;
  /** By prefix, the one heard of last at the end. */
  readonly #networks = new Map<string, Map<string, Told>>();
  readonly stop: () => void;

  constructor(o: { readonly bus: Bus; readonly feed: Feed; readonly clock: Clock }) {
    this.#feed = o.feed;
    this.#clock = o.clock;
    this.stop = o.bus.subscribe("stats", (stats) => this.#take(stats));
  }

  #take({ node, networks }: NodeStats): void {
    const snapshot = this.#feed.snapshot();
    if (networks === undefined || snapshot === null) return;
    const from = snapshot.nodes.find((one) => one.name === node);
    const pop = from === undefined ? undefined : snapshot.pops[from.pop]?.name;
    if (pop === undefined) return;
    const atMs = this.#clock.wallMs();
    for (const [prefix, { rttMs, samples }] of Object.entries(networks)) {
      const read = parsePrefix(prefix);
      const whole = read !== null && read.bits === (read.family === 4 ? 24 : 48);
      if (!whole || !Number.isFinite(rttMs) || rttMs < 0 || !(samples > 0)) continue;
      const pops = this.#networks.get(prefix) ?? new Map<string, Told>();
      this.#networks.delete(prefix);
      this.#networks.set(prefix, pops.set(pop, { rttMs, samples, atMs }));
      const [oldest] = this.#networks.keys();
      if (this.#networks.size > NETWORKS_MAX && oldest !== undefined) {
        this.#networks.delete(oldest);
      }
    }
  }

  /** Pop -> what was told of it that is not too old, and of a pop that there is. */
  #fresh(snapshot: Snapshot): Map<string, Map<string, Told>> {
    const since = this.#clock.wallMs() - KEPT_MS;
    const known = new Set(snapshot.pops.map(({ name }) => name));
    for (const [prefix, pops] of this.#networks) {
      for (const [pop, { atMs }] of pops) {
        if (atMs < since || !known.has(pop)) pops.delete(pop);
      }
      if (pops.size === 0) this.#networks.delete(prefix);
    }
    return this.#networks;
  }

  /** Those with most connections first. */
  list(): MeasuredNetworkView[] {
    const snapshot = this.#feed.snapshot();
    if (snapshot === null) return [];
    const entries = groupEntries(snapshot).map(({ prefix, group }) => ({ prefix, value: group }));
    const table = compilePrefixes(entries);
    const nowMs = this.#clock.wallMs();
    return [...this.#fresh(snapshot)]
      .map(([prefix, pops]): MeasuredNetworkView => {
        const { address, family } = parsePrefix(prefix)!;
        return {
          prefix,
          group: snapshot.groups[table.find(address, family).value]?.name ?? "default",
          samples: samplesOf(pops),
          pops: [...pops].map(([pop, { rttMs, atMs }]) => {
            return { pop, rttMs, ageSec: Math.round((nowMs - atMs) / 1000) };
          }),
        };
      })
      .sort((a, b) => b.samples - a.samples || (a.prefix < b.prefix ? -1 : 1));
  }

  /** As groups are made of them. */
  measured(): MeasuredNetwork[] {
    return this.list().map(({ prefix, samples, pops }) => ({
      prefix,
      samples,
      rttMs: Object.fromEntries(pops.map(({ pop, rttMs }) => [pop, rttMs])),
    }));
  }
}

function samplesOf(pops: ReadonlyMap<string, Told>): number {
  let samples = 0;
  for (const told of pops.values()) samples += told.samples;
  return samples;
}
