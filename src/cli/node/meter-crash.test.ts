import { afterEach, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "../../base/clock.ts";
import { silentLog } from "../../base/log.ts";
import { seededRng } from "../../base/rng.ts";
import { LocalBus } from "../../bus/mod.ts";
import { mountMeter } from "../../control/meter.ts";
import { noUsage, type UsageBatch } from "../../model/usage.ts";
import { decodeRecords } from "../../store/spool-file.ts";
import { UsageLedger } from "../../store/usage-ledger.ts";
import { type Metering, startMeter } from "./meter.ts";

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "turnpike-crash-"));
  folders.push(folder);
  return folder;
}

const FOREVER = Number.MAX_SAFE_INTEGER;

/** A node and the control role, on the disks in one folder. */
async function startIn(
  folder: string,
  epoch: number,
  around: (o: { batch: UsageBatch; take: () => Promise<unknown> }) => Promise<unknown> = (o) =>
    o.take(),
): Promise<{ metering: Metering; ledger: UsageLedger; clock: FakeClock }> {
  const [inner, bus] = [new LocalBus(), new LocalBus()];
  const clock = new FakeClock();
  const ledger = new UsageLedger(join(folder, "usage.db"));
  mountMeter({ bus: inner, ledger, clock, log: silentLog });
  bus.respond("usage.batch", async (batch) => {
    await around({ batch, take: () => inner.request("usage.batch", batch, 1000) });
    return { taken: true };
  });
  const o = { node: "tokyo-1", dataDir: join(folder, "spool"), bus, clock, log: silentLog };
  const metering = await startMeter({ ...o, rng: seededRng(epoch), intervalMs: 100_000_000 });
  return { metering, ledger, clock };
}

/** What is in the spool on disk or the ledger, each batch once: what no crash may lose any more. */
function durable(folder: string, ledger: UsageLedger, taken: ReadonlySet<string>): number {
  let sum = Number(ledger.usage("shop", 0, FOREVER).reduce((all, r) => all + r.bytesOut, 0n));
  const spool = join(folder, "spool");
  const seen = new Set(taken);
  for (const name of readdirSync(spool).filter((n) => /\.(new|sent)$/.test(n)))
    for (const payload of decodeRecords(readFileSync(join(spool, name))).payloads) {
      const { epoch, seq, entries } = JSON.parse(payload) as UsageBatch;
      if (seen.has(`${epoch} ${seq}`)) continue;
      seen.add(`${epoch} ${seq}`);
      sum += entries.reduce((all, entry) => all + entry.bytesOut, 0);
    }
  return sum;
}

test("a crash before the ledger's commit, after it, or before the answer bills each batch once", async () => {
  const folder = newFolder();
  const images: { folder: string; expected: number; when: string }[] = [];
  const taken = new Set<string>();
  let ledger: UsageLedger | null = null;
  const photograph = (when: string) => {
    if (ledger === null) return;
    const image = newFolder();
    cpSync(folder, image, { recursive: true });
    images.push({ folder: image, expected: durable(folder, ledger, taken), when });
  };
  const world = await startIn(folder, 1, async ({ batch, take }) => {
    photograph("before commit");
    await take();
    taken.add(`${batch.epoch} ${batch.seq}`);
    photograph("before answer");
  });
  ledger = world.ledger;
  const counters = world.metering.meter.of("shop", "www.shop.example");
  let counted = 0;
  for (let i = 1; i <= 12; i++) {
    counters.bytesOut += i * i;
    counted += i * i;
    world.clock.advance(1000);
    if (i % 3 === 0) photograph("after count");
    await world.metering.flush();
    photograph("after flush");
    expect(images.at(-1)?.expected).toBe(counted);
  }
  await world.metering.stop();
  world.ledger.close();
  expect(images.length).toBeGreaterThan(36);
  for (const { folder: image, expected, when } of images) {
    const again = await startIn(image, 2);
    again.metering.meter.of("shop", "www.shop.example").bytesOut += 1000;
    await again.metering.stop();
    const rows = again.ledger.usage("shop", 0, FOREVER);
    const billed = rows.reduce((sum, row) => sum + row.bytesOut, 0n);
    expect([when, Number(billed)]).toEqual([when, expected + 1000]);
    expect(again.ledger.quarantined()).toBe(0);
    again.ledger.close();
  }
}, 30_000);

test("a node put back from an old copy of its disk bills nothing twice", async () => {
  const folder = newFolder();
  const first = await startIn(folder, 1);
  const counters = first.metering.meter.of("shop", "www.shop.example");
  counters.bytesOut += 5;
  await first.metering.flush();
  const old = newFolder();
  cpSync(join(folder, "spool"), join(old, "spool"), { recursive: true });
  counters.bytesOut += 7;
  await first.metering.stop();
  first.ledger.close();
  rmSync(join(folder, "spool"), { recursive: true, force: true });
  cpSync(join(old, "spool"), join(folder, "spool"), { recursive: true });
  const again = await startIn(folder, 3);
  await again.metering.stop();
  const rows = again.ledger.usage("shop", 0, FOREVER);
  expect(rows).toEqual([
    { site: "www.shop.example", node: "tokyo-1", ...bigints(), bytesOut: 12n },
  ]);
  again.ledger.close();
});

function bigints() {
  const zero = Object.keys(noUsage()).map((key) => [key, 0n]);
  return Object.fromEntries(zero) as Record<keyof ReturnType<typeof noUsage>, bigint>;
}
