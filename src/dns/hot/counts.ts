import type { NodeStats } from "../../model/messages.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { SteeredSet } from "./steered.ts";

/** What was answered, by name, as nodes report it. */
export type DnsCounts = Pick<NodeStats, "lookups" | "edgeLookups" | "answers">;

/**
 * The same by index into one snapshot, as threads report it to each other: with many sites, names
 * would cost more than the answers.
 */
export interface PackedCounts {
  /** The snapshot's number. */
  readonly snapshot: number;
  /** Threes: site plus one (0 for caches), group, answers given. */
  readonly lookups: Uint32Array;
  /** Pairs: target (the snapshot's origins, then its nodes), times it was answered. */
  readonly answers: Uint32Array;
  /** Pairs: site, queries for its steered names, which are metered. */
  readonly queries: Uint32Array;
}

/** Reads and resets the counters of sets and sites. Null if nothing was counted. */
export function packCounts(
  snapshot: Snapshot,
  from: { readonly sets: readonly SteeredSet[]; readonly queries: Uint32Array },
): PackedCounts | null {
  const lookups: number[] = [];
  const queries: number[] = [];
  const answers = new Map<number, number>();
  for (const set of from.sets) {
    lookups.push(set.site === null ? 0 : set.site + 1, set.group, set.lookups);
    for (const [i, choice] of set.choices.entries()) {
      const count = set.answered[i]!;
      if (count === 0 || choice.kind === "fallback") continue;
      const target =
        choice.kind === "origin" ? choice.index : snapshot.origins.length + choice.index;
      answers.set(target, (answers.get(target) ?? 0) + count);
    }
    set.lookups = 0;
    set.answered.fill(0);
  }
  for (let site = 0; site < from.queries.length; site++) {
    const count = from.queries[site]!;
    if (count > 0) queries.push(site, count);
    from.queries[site] = 0;
  }
  if (lookups.length === 0 && queries.length === 0) return null;
  return {
    snapshot: snapshot.number,
    lookups: Uint32Array.from(lookups),
    answers: Uint32Array.from([...answers].flat()),
    queries: Uint32Array.from(queries),
  };
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
