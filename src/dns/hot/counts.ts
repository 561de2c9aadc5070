import type { NodeStats } from "../../model/messages.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type { SteeredCounts } from "./steered.ts";
import { siteOf } from "./subject.ts";

/** What was answered, by name, as nodes report it. */
export type DnsCounts = Pick<NodeStats, "lookups" | "edgeLookups" | "answers">;

/**
 * The same by index into one snapshot, as threads report it to each other: with many sites, names
 * would cost more than the answers.
 */
export interface PackedCounts extends SteeredCounts {
  /** The snapshot's number. */
  readonly snapshot: number;
}

/** Null if nothing was counted. */
export function packCounts(snapshot: number, counts: SteeredCounts): PackedCounts | null {
  const none = counts.lookups.length === 0 && counts.others.length === 0;
  return none ? null : { snapshot, ...counts };
}

/** Reports that wait for their names; nobody may come for them. */
const WAITING_MAX = 64;

/** Collects counts until they are taken, and gives them their names only then. */
export class CountsDesk {
  #lookups: Record<string, Record<string, number>> = {};
  #edgeLookups: Record<string, number> = {};
  #answers: Record<string, number> = {};
  readonly #waiting: { readonly packed: PackedCounts; readonly snapshot: Snapshot }[] = [];

  /** The snapshot is the one that was packed with. */
  add(packed: PackedCounts, snapshot: Snapshot): void {
    this.#waiting.push({ packed, snapshot });
    if (this.#waiting.length > WAITING_MAX) this.#nameAll();
  }

  /** Reports of one snapshot together: a name costs much more than a count. */
  #nameAll(): void {
    const waiting = this.#waiting.splice(0);
    for (const snapshot of new Set(waiting.map((one) => one.snapshot))) {
      const own = waiting.filter((one) => one.snapshot === snapshot).map((one) => one.packed);
      this.#nameLookups(own, snapshot);
      this.#nameAnswers(own, snapshot);
    }
  }

  take(): DnsCounts {
    this.#nameAll();
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

  /**
   * By site, in the order in which the snapshot has them: met in the order of the questions, 100,000
   * names would be as many cache misses, and cost ten times as much.
   */
  #nameLookups(reports: readonly PackedCounts[], snapshot: Snapshot): void {
    /** Per site plus one, and 0 for caches: its last count, from 1 on; `before` has the one before. */
    const last = new Uint32Array(snapshot.sites.length + 1);
    const all = reports.map(({ lookups }) => lookups);
    const counts = new Uint32Array(all.reduce((sum, { length }) => sum + length, 0));
    const before = new Uint32Array(counts.length / 3 + 1);
    let at = 0;
    for (const lookups of all) {
      counts.set(lookups, at);
      at += lookups.length;
    }
    for (let i = 1; i < before.length; i++) {
      const own = siteOf(counts[i * 3 - 3]!) + 1;
      before[i] = last[own]!;
      last[own] = i;
    }
    const group = (i: number) => snapshot.groups[counts[i * 3 - 2]!]?.name ?? "default";
    for (let i = last[0]!; i > 0; i = before[i]!) {
      add(this.#edgeLookups, group(i), counts[i * 3 - 1]!);
    }
    for (const { index, hostname } of snapshot.sites) {
      let i = last[index + 1]!;
      if (i === 0) continue;
      const known = this.#lookups[hostname];
      const own = known ?? { [group(i)]: counts[i * 3 - 1]! };
      if (known === undefined) {
        this.#lookups[hostname] = own;
        i = before[i]!;
      }
      for (; i > 0; i = before[i]!) add(own, group(i), counts[i * 3 - 1]!);
    }
  }

  #nameAnswers(reports: readonly PackedCounts[], snapshot: Snapshot): void {
    const { origins, nodes } = snapshot;
    const counts = new Float64Array(origins.length + nodes.length);
    for (const { answers } of reports) {
      for (let i = 0; i < answers.length; i += 2) counts[answers[i]!]! += answers[i + 1]!;
    }
    for (let i = 0; i < counts.length; i++) {
      if (counts[i] === 0) continue;
      const target = origins[i] ?? nodes[i - origins.length]!;
      add(this.#answers, target.id, counts[i]!);
    }
  }
}

function add(counts: Record<string, number>, key: string, n: number): void {
  counts[key] = (counts[key] ?? 0) + n;
}
