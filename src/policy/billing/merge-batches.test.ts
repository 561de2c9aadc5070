import { expect, test } from "bun:test";
import fc from "fast-check";
import { USAGE_KEYS, type UsageBatch } from "../../model/usage.ts";
import { mergeBatches } from "./merge-batches.ts";

const anyEntry = fc.record({
  customer: fc.constantFrom("shop", "news"),
  site: fc.constantFrom("www.shop.example", "www.news.example"),
  requests: fc.nat(1000),
  hits: fc.nat(1000),
  bytesOut: fc.nat(1_000_000),
  bytesIn: fc.nat(1_000_000),
  queries: fc.nat(1000),
});
const anyBatches = fc
  .array(
    fc.record({
      epoch: fc.constantFrom("e1", "e2"),
      fromMs: fc.integer({ min: 1_790_000_000_000, max: 1_800_000_000_000 }),
      entries: fc.array(anyEntry, { maxLength: 4 }),
    }),
    { maxLength: 30 },
  )
  .map((list) => list.map((b, i): UsageBatch => ({ ...b, node: "n", seq: i + 1, toMs: b.fromMs })));

function sums(batches: readonly UsageBatch[]): Map<string, number> {
  const all = new Map<string, number>();
  for (const batch of batches)
    for (const entry of batch.entries)
      for (const key of USAGE_KEYS) {
        const hour = Math.floor(batch.fromMs / 3_600_000);
        const name = `${batch.epoch} ${hour} ${entry.customer} ${entry.site} ${key}`;
        if (entry[key] > 0) all.set(name, (all.get(name) ?? 0) + entry[key]);
      }
  return all;
}

test("merging keeps every sum by customer, site and hour, and names stay apart", () => {
  fc.assert(
    fc.property(anyBatches, (batches) => {
      const merged = mergeBatches(batches, { coarse: false });
      expect(sums(merged)).toEqual(sums(batches));
      expect(mergeBatches([...batches, ...batches], { coarse: false })).toEqual(merged);
      const names = merged.map((b) => `${b.epoch} ${b.seq}`);
      expect(new Set(names).size).toBe(names.length);
      for (const name of names)
        expect(batches.some((b) => `${b.epoch} ${b.seq}` === name)).toBe(true);
    }),
  );
});

test("coarse merging leaves one batch for each epoch and month", () => {
  const batch = (seq: number, day: number): UsageBatch => ({
    node: "n",
    epoch: "e",
    seq,
    fromMs: Date.UTC(2026, 10, day),
    toMs: Date.UTC(2026, 10, day, 1),
    entries: [],
  });
  const merged = mergeBatches([batch(1, 1), batch(2, 9), batch(3, 31)], { coarse: true });
  expect(merged.map((b) => b.seq)).toEqual([2, 3]);
});
