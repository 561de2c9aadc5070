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

  #nameAll(): void {
    for (const { packed, snapshot } of this.#waiting.splice(0)) this.#name(packed, snapshot);
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

  #name({ lookups, answers }: PackedCounts, snapshot: Snapshot): void {
    for (let i = 0; i < lookups.length; i += 3) {
      const site = siteOf(lookups[i]!);
      const group = snapshot.groups[lookups[i + 1]!]?.name ?? "default";
      if (site < 0) {
        add(this.#edgeLookups, group, lookups[i + 2]!);
        continue;
      }
      const { hostname } = snapshot.sites[site]!;
      const own = this.#lookups[hostname];
      if (own === undefined) this.#lookups[hostname] = { [group]: lookups[i + 2]! };
      else add(own, group, lookups[i + 2]!);
    }
    for (let i = 0; i < answers.length; i += 2) {
      const at = answers[i]!;
      const target = snapshot.origins[at] ?? snapshot.nodes[at - snapshot.origins.length]!;
      add(this.#answers, target.id, answers[i + 1]!);
    }
  }
}

function add(counts: Record<string, number>, key: string, n: number): void {
  counts[key] = (counts[key] ?? 0) + n;
}
