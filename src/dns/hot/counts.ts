import type { NodeStats } from "../../model/messages.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { SteeredCounts } from "./steered.ts";

/** What was answered, by name, as nodes report it. */
export type DnsCounts = Pick<NodeStats, "lookups" | "edgeLookups" | "answers">;

/**
 * The same by index into one snapshot, as threads report it to each other: with many sites, names
 * would cost more than the answers.
 */
export interface PackedCounts extends SteeredCounts {
  /** The snapshot's number. */
  readonly snapshot: number;
  /** Pairs: site, queries for its steered names, which are metered. */
  readonly queries: Uint32Array;
}

/** Packs what was counted, and resets the queries. Null if nothing was. */
export function packCounts(
  snapshot: number,
  steered: SteeredCounts,
  counted: Uint32Array,
): PackedCounts | null {
  const queries: number[] = [];
  for (let site = 0; site < counted.length; site++) {
    const count = counted[site]!;
    if (count === 0) continue;
    queries.push(site, count);
    counted[site] = 0;
  }
  if (steered.lookups.length === 0 && queries.length === 0) return null;
  return { snapshot, ...steered, queries: Uint32Array.from(queries) };
}

/**
 * Collects counts until they are taken. They are added up by index and named once, when taken or when
 * another snapshot's come: reports come more often, and names cost more than numbers.
 */
export class CountsDesk {
  #lookups: Record<string, Record<string, number>> = {};
  #edgeLookups: Record<string, number> = {};
  #answers: Record<string, number> = {};
  #of: Snapshot | null = null;
  /** Site plus one (0 for caches) times all groups, plus the group -> lookups. */
  readonly #counted = new Map<number, number>();
  #targets = new Float64Array(0);

  /** The snapshot is the one that was packed with. */
  add(packed: PackedCounts, snapshot: Snapshot): void {
    if (snapshot !== this.#of) {
      this.#name();
      this.#of = snapshot;
      this.#targets = new Float64Array(snapshot.origins.length + snapshot.nodes.length);
    }
    const { lookups, answers } = packed;
    const groups = snapshot.groups.length + 1;
    for (let i = 0; i < lookups.length; i += 3) {
      const key = lookups[i]! * groups + lookups[i + 1]!;
      this.#counted.set(key, (this.#counted.get(key) ?? 0) + lookups[i + 2]!);
    }
    for (let i = 0; i < answers.length; i += 2) this.#targets[answers[i]!]! += answers[i + 1]!;
  }

  take(): DnsCounts {
    this.#name();
    const taken = {
      lookups: this.#lookups,
      edgeLookups: this.#edgeLookups,
      answers: this.#answers,
    };
    this.#lookups = {};
    this.#edgeLookups = {};
    this.#answers = {};
    return taken;
  }

  #name(): void {
    const snapshot = this.#of;
    if (snapshot === null) return;
    const groups = snapshot.groups.length + 1;
    for (const [key, count] of this.#counted) {
      const group = snapshot.groups[key % groups]?.name ?? "default";
      const site = Math.floor(key / groups) - 1;
      if (site < 0) add(this.#edgeLookups, group, count);
      else {
        const { hostname } = snapshot.sites[site]!;
        this.#lookups[hostname] ??= {};
        add(this.#lookups[hostname], group, count);
      }
    }
    this.#counted.clear();
    for (let i = 0; i < this.#targets.length; i++) {
      const count = this.#targets[i]!;
      if (count === 0) continue;
      const target = snapshot.origins[i] ?? snapshot.nodes[i - snapshot.origins.length]!;
      add(this.#answers, target.id, count);
      this.#targets[i] = 0;
    }
  }
}

function add(counts: Record<string, number>, key: string, n: number): void {
  counts[key] = (counts[key] ?? 0) + n;
}
