import { noUsage, USAGE_KEYS, type UsageBatch, type UsageEntry } from "../../model/usage.ts";
import { monthOf } from "./month.ts";

const HOUR_MS = 3_600_000;

/**
 * Fewer batches with the same sums by customer, site and hour (`coarse`: month), for a spool that
 * has run full. Each new one keeps the highest seq of those it stands for, so none of them may
 * have been offered to the ledger before. Batches of different nodes or epochs stay apart.
 *
 * @example mergeBatches([batch1, batch2], { coarse: false })
 */
export function mergeBatches(
  batches: readonly UsageBatch[],
  o: { readonly coarse: boolean },
): UsageBatch[] {
  const groups = new Map<string, UsageBatch[]>();
  const names = new Set<string>();
  for (const batch of batches) {
    // A disk that failed while it wrote may hold a batch twice.
    const name = JSON.stringify([batch.node, batch.epoch, batch.seq]);
    if (names.has(name)) continue;
    names.add(name);
    const window = o.coarse ? monthOf(batch.fromMs) : Math.floor(batch.fromMs / HOUR_MS);
    const key = JSON.stringify([batch.node, batch.epoch, window]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [batch]);
    else group.push(batch);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    return {
      node: first.node,
      epoch: first.epoch,
      seq: group.reduce((most, b) => Math.max(most, b.seq), 0),
      fromMs: group.reduce((least, b) => Math.min(least, b.fromMs), first.fromMs),
      toMs: group.reduce((most, b) => Math.max(most, b.toMs), first.toMs),
      entries: sumEntries(group.flatMap((b) => b.entries)),
    };
  });
}

function sumEntries(entries: readonly UsageEntry[]): UsageEntry[] {
  const sums = new Map<string, { customer: string; site: string } & ReturnType<typeof noUsage>>();
  for (const entry of entries) {
    const key = JSON.stringify([entry.customer, entry.site]);
    const sum = sums.get(key) ?? { customer: entry.customer, site: entry.site, ...noUsage() };
    for (const counter of USAGE_KEYS) sum[counter] += entry[counter];
    sums.set(key, sum);
  }
  return [...sums.values()];
}
