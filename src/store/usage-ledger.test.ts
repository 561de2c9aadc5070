import { Database } from "bun:sqlite";
import { afterEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { noUsage, type UsageBatch } from "../model/usage.ts";
import { billedHour, HOUR_MS, LATE_MS_MAX, LedgerBroken, UsageLedger } from "./usage-ledger.ts";

const NOW = Date.UTC(2026, 10, 22, 15, 30);
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanups.splice(0).reverse()) clean();
});

function open(path = ":memory:"): UsageLedger {
  const ledger = new UsageLedger(path);
  cleanups.push(() => ledger.close());
  return ledger;
}

function newPath(): string {
  const dir = mkdtempSync(join(tmpdir(), "turnpike-ledger-"));
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }));
  return join(dir, "usage.sqlite");
}

function batch(seq: number, bytesOut: number, more: Partial<UsageBatch> = {}): UsageBatch {
  const entry = { customer: "shop", site: "www.shop.example", ...noUsage(), bytesOut };
  const head = { node: "tokyo-1", epoch: "e1", seq, fromMs: NOW - 500, toMs: NOW };
  return { ...head, entries: [entry], ...more };
}

const total = (ledger: UsageLedger, customer = "shop") =>
  ledger.usage(customer, 0, NOW * 2).reduce((sum, row) => sum + row.bytesOut, 0n);

async function walked(ledger: UsageLedger): Promise<number> {
  let count = 0;
  for await (const _ of ledger.walk(ledger.head().batch)) count++;
  return count;
}

test("a batch is taken once, however often and in whatever order it arrives", async () => {
  const arrivals = fc
    .tuple(fc.integer({ min: 1, max: 12 }), fc.infiniteStream(fc.nat()))
    .map(([count, stream]) => {
      const order: number[] = [];
      for (let i = 0; i < count * 3; i++) order.push((stream.next().value ?? 0) % count);
      return { count, order };
    });
  await fc.assert(
    fc.asyncProperty(arrivals, async ({ count, order }) => {
      const ledger = new UsageLedger(":memory:");
      const all = Array.from({ length: count }, (_, i) => batch(i + 1, 1 + i * i));
      const seen = new Set<number>();
      for (const i of order) {
        const outcome = ledger.take([all[i] as UsageBatch], NOW)[0];
        expect(outcome).toBe(seen.has(i) ? "known" : "taken");
        seen.add(i);
      }
      const expected = [...seen].reduce((sum, i) => sum + 1 + i * i, 0);
      expect(total(ledger)).toBe(BigInt(expected));
      expect(await walked(ledger)).toBe(seen.size);
      ledger.close();
    }),
    { numRuns: 50 },
  );
});

test("the same batch twice in one commit counts once", () => {
  const ledger = open();
  expect(ledger.take([batch(1, 5), batch(1, 5)], NOW)).toEqual(["taken", "known"]);
  expect(total(ledger)).toBe(5n);
});

test("another batch of a known name is quarantined and not taken", () => {
  const ledger = open();
  expect(ledger.take([batch(1, 5), batch(1, 6)], NOW)).toEqual(["taken", "quarantined"]);
  expect([total(ledger), ledger.quarantined()]).toEqual([5n, 1]);
  expect(ledger.take([batch(1, 5)], NOW)).toEqual(["known"]);
});

test("the same seq of another node or epoch is another batch", () => {
  const ledger = open();
  ledger.take([batch(1, 1), batch(1, 2, { node: "paris-1" }), batch(1, 4, { epoch: "e2" })], NOW);
  expect(total(ledger)).toBe(7n);
});

test("usage is summed by site and node, over whole hours", () => {
  const ledger = open();
  ledger.take([batch(1, 1, { fromMs: NOW - HOUR_MS }), batch(2, 2), batch(3, 4)], NOW);
  ledger.take([batch(1, 8, { node: "paris-1" })], NOW);
  const rows = ledger.usage("shop", NOW, NOW + 1);
  expect(rows.map((r) => [r.node, r.bytesOut])).toEqual([
    ["paris-1", 8n],
    ["tokyo-1", 6n],
  ]);
  expect(ledger.usage("news", 0, NOW * 2)).toEqual([]);
});

test("sums beyond 2^53 are exact", () => {
  const ledger = open();
  const most = Number.MAX_SAFE_INTEGER;
  ledger.take([batch(1, most), batch(2, most), batch(3, 2)], NOW);
  expect(total(ledger)).toBe(2n ** 54n);
});

test("a wrong clock moves usage to when it arrived, and loses nothing", () => {
  expect(billedHour(NOW - HOUR_MS, NOW)).toBe(Date.UTC(2026, 10, 22, 14));
  for (const wrong of [NOW + 1, NOW + 24 * HOUR_MS, NOW - LATE_MS_MAX - 1, 0])
    expect(billedHour(wrong, NOW)).toBe(Date.UTC(2026, 10, 22, 15));
});

test("what was taken is there after the process has gone without closing", async () => {
  const path = newPath();
  const first = open(path);
  first.take([batch(1, 5)], NOW);
  const second = open(path);
  expect(total(second)).toBe(5n);
  expect(second.take([batch(1, 5)], NOW)).toEqual(["known"]);
  expect(await walked(second)).toBe(1);
});

test("a batch that was changed, taken out or moved breaks the chain at it", async () => {
  const changes = [
    ["update batch set body = replace(body, '300', '301') where id = 3", 3],
    ["update batch set received_ms = received_ms + 1 where id = 2", 2],
    ["delete from batch where id = 4", 4],
    ["update batch set id = 99 where id = 1", 1],
  ] as const;
  for (const [sql, broken] of changes) {
    const path = newPath();
    const ledger = open(path);
    for (let seq = 1; seq <= 5; seq++) ledger.take([batch(seq, seq * 100)], NOW);
    const intruder = new Database(path);
    intruder.run(sql);
    intruder.close();
    const error = await walked(ledger).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(LedgerBroken);
    expect((error as LedgerBroken).batch).toBe(broken);
  }
});

test("a ledger without room takes nothing, says so, and takes it once there is room", async () => {
  const ledger = open(newPath());
  ledger.take([batch(1, 5)], NOW);
  ledger.database.run("pragma max_page_count = 12");
  let seq = 1;
  const fill = () => {
    for (; seq < 1000; seq++) ledger.take([batch(seq + 1, 1, { node: "n".repeat(200) })], NOW);
  };
  expect(fill).toThrow("The disk is full");
  expect(total(ledger)).toBe(BigInt(5 + seq - 1));
  ledger.database.run("pragma max_page_count = 100000");
  fill();
  expect(total(ledger)).toBe(BigInt(5 + 999));
  expect(await walked(ledger)).toBe(1000);
});

test("a file that is no database is said to be corrupt", () => {
  const path = newPath();
  writeFileSync(path, "this is not a database, whatever its name says. ".repeat(100));
  expect(() => new UsageLedger(path)).toThrow("The database cannot be read");
});
