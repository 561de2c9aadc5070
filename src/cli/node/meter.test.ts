import { afterEach, expect, test } from "bun:test";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeClock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import { silentLog } from "../../base/log.ts";
import { seededRng } from "../../base/rng.ts";
import { LocalBus } from "../../bus/mod.ts";
import { mountMeter } from "../../control/meter.ts";
import { noUsage, type UsageBatch } from "../../model/usage.ts";
import { decodeRecords, encodeRecord } from "../../store/spool-file.ts";
import { HOUR_MS, UsageLedger } from "../../store/usage-ledger.ts";
import { type Metering, type MeterOptions, startMeter } from "./meter.ts";

const NEVER_MS = 100_000_000;
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

async function setUp() {
  const dataDir = await mkdtemp(join(tmpdir(), "turnpike-meter-"));
  cleanups.push(() => rm(dataDir, { recursive: true, force: true }));
  const bus = new LocalBus();
  const clock = new FakeClock();
  const ledger = new UsageLedger(":memory:");
  cleanups.push(() => ledger.close());
  const rng = seededRng(1);
  const start = async (more: Partial<MeterOptions> = {}): Promise<Metering> => {
    const o = { node: "tokyo-1", dataDir, bus, clock, rng, log: silentLog, intervalMs: NEVER_MS };
    const metering = await startMeter({ ...o, ...more });
    cleanups.push(() => metering.stop().catch(() => {}));
    return metering;
  };
  const mount = () => mountMeter({ bus, ledger, clock, log: silentLog });
  const billed = () =>
    ledger.usage("shop", 0, Number.MAX_SAFE_INTEGER).reduce((sum, r) => sum + r.bytesOut, 0n);
  return { dataDir, bus, clock, ledger, rng, start, mount, billed };
}

test("what is counted is in the ledger after a flush, and only what was added after the next", async () => {
  const t = await setUp();
  t.mount();
  const { meter, flush } = bound(await t.start());
  const counters = meter.of("shop", "www.shop.example");
  counters.bytesOut += 100;
  counters.requests += 1;
  await flush();
  counters.bytesOut += 23;
  await flush();
  await flush();
  expect(t.billed()).toBe(123n);
  expect(t.ledger.head().batch).toBe(2);
  expect(meter.of("shop", "www.shop.example")).toBe(counters);
});

/** The methods as free functions. */
function bound(metering: Metering) {
  return { meter: metering.meter, flush: () => metering.flush(), stop: () => metering.stop() };
}

test("the timer alone brings usage to the ledger", async () => {
  const t = await setUp();
  t.mount();
  const { meter } = await t.start({ intervalMs: 5 });
  meter.of("shop", "www.shop.example").bytesOut += 7;
  await until(async () => t.billed() === 7n);
});

test("usage waits on disk while nobody answers, across a new start", async () => {
  const t = await setUp();
  const first = await t.start();
  for (let i = 1; i <= 5; i++) {
    first.meter.of("shop", "www.shop.example").bytesOut += i;
    await first.flush();
  }
  await first.stop();
  const second = await t.start();
  second.meter.of("shop", "www.shop.example").bytesOut += 100;
  t.mount();
  await second.flush();
  expect(t.billed()).toBe(115n);
  await second.stop();
  expect(await readdir(t.dataDir)).toEqual([]);
});

/** Fails before the ledger has the batch, or after it has and the answer is lost. */
function unreliable(t: Awaited<ReturnType<typeof setUp>>): void {
  const inner = new LocalBus();
  mountMeter({ bus: inner, ledger: t.ledger, clock: t.clock, log: silentLog });
  const chance = seededRng(5);
  t.bus.respond("usage.batch", async (batch: UsageBatch) => {
    if (chance.float() < 0.3) throw new Fault("bus-timeout");
    const reply = await inner.request("usage.batch", batch, 1000);
    if (chance.float() < 0.3) throw new Fault("bus-timeout");
    return reply;
  });
}

test("a ledger that fails before or after it took a batch bills every byte once", async () => {
  const t = await setUp();
  unreliable(t);
  const draws = seededRng(9);
  let counted = 0n;
  let metering = await t.start();
  for (let i = 0; i < 300; i++) {
    const bytes = Math.floor(draws.float() * 1000);
    metering.meter.of("shop", `www${i % 3}.shop.example`).bytesOut += bytes;
    counted += BigInt(bytes);
    await metering.flush();
    if (draws.float() < 0.05) {
      await metering.stop();
      metering = await t.start();
    }
  }
  for (let i = 0; i < 200 && t.billed() !== counted; i++) await metering.flush();
  expect(t.billed()).toBe(counted);
}, 20_000);

test("a clock that is set forth and back moves usage by no more than that, and loses none", async () => {
  const t = await setUp();
  t.mount();
  const { meter, flush } = bound(await t.start());
  const startMs = t.clock.wallMs();
  for (const ms of [0, -1000, -HOUR_MS, 25 * HOUR_MS, -24 * HOUR_MS]) {
    meter.of("shop", "www.shop.example").bytesOut += 1;
    t.clock.step(ms);
    await flush();
  }
  expect(t.billed()).toBe(5n);
  for await (const { batch } of t.ledger.walk(t.ledger.head().batch))
    expect(batch.fromMs).toBeLessThanOrEqual(batch.toMs);
  const inHours = t.ledger.usage("shop", startMs - 2 * HOUR_MS, startMs + 26 * HOUR_MS);
  expect(inHours.reduce((sum, row) => sum + row.bytesOut, 0n)).toBe(5n);
});

test("flushes that overlap bill once", async () => {
  const t = await setUp();
  t.mount();
  const { meter, flush } = bound(await t.start());
  for (let i = 0; i < 20; i++) {
    meter.of("shop", "www.shop.example").bytesOut += 1;
    await Promise.all([flush(), flush(), flush()]);
  }
  expect(t.billed()).toBe(20n);
});

test("a batch that the ledger refuses is set aside and the next ones go on", async () => {
  const t = await setUp();
  t.mount();
  const { meter, flush } = bound(await t.start());
  meter.of("", "a customer without a name").bytesOut += 1;
  await flush();
  meter.of("shop", "www.shop.example").bytesOut += 2;
  await flush();
  expect(t.billed()).toBe(2n);
  expect(await readdir(t.dataDir)).toContain("rejected.spool");
});

test("two starts with the same randomness do not share an epoch", async () => {
  const t = await setUp();
  t.mount();
  for (const bytes of [1, 2]) {
    const metering = await t.start({ rng: seededRng(3) });
    metering.meter.of("shop", "www.shop.example").bytesOut += bytes;
    await metering.stop();
    t.clock.advance(1);
  }
  expect([t.billed(), t.ledger.quarantined()]).toEqual([3n, 0]);
});

test("a long outage keeps the spool small, and the sums by hour", async () => {
  const t = await setUp();
  const { meter, flush } = bound(await t.start({ spoolBytesMax: 4000 }));
  const counters = meter.of("shop", "www.shop.example");
  const hours = 6;
  for (let i = 0; i < hours * 60; i++) {
    counters.bytesOut += 1;
    t.clock.advance(60_000);
    await flush();
  }
  t.mount();
  await flush();
  expect(t.billed()).toBe(BigInt(hours * 60));
  expect(t.ledger.head().batch).toBeLessThan(60);
}, 20_000);

test("a disk that takes nothing loses nothing once it does again", async () => {
  const t = await setUp();
  t.mount();
  const { meter, flush } = bound(await t.start());
  await rm(t.dataDir, { recursive: true, force: true });
  await writeFile(t.dataDir, "in the way");
  for (let i = 0; i < 3; i++) {
    meter.of("shop", "www.shop.example").bytesOut += 1;
    await flush();
  }
  expect(t.billed()).toBe(0n);
  await rm(t.dataDir);
  await Bun.write(join(t.dataDir, "marker"), "");
  await flush();
  await flush();
  expect(t.billed()).toBe(3n);
});

test("under traffic a batch is filled over many states; at the hour's end it is finished", async () => {
  const t = await setUp();
  t.mount();
  t.clock.advance(HOUR_MS - 2000);
  let counters = noUsage();
  // Something is counted with every look at the clock, so no step finds the batch quiet.
  const wallMs = () => {
    counters.queries += 1;
    return t.clock.wallMs();
  };
  const clock = { wallMs, monoMs: () => t.clock.monoMs() };
  const { meter } = await t.start({ clock, intervalMs: 2, batchMs: 10_000 });
  counters = meter.of("shop", "www.shop.example");
  const step = async (bytes: number, ms: number) => {
    counters.bytesOut += bytes;
    t.clock.advance(ms);
    const path = join(t.dataDir, "journal");
    await until(async () => (await lastState(path))?.entries[0]?.bytesOut === counters.bytesOut);
  };
  await step(1, 500);
  await step(2, 500);
  expect(t.billed()).toBe(0n);
  t.clock.advance(1500);
  await until(async () => t.billed() === 3n);
  expect(t.ledger.usage("shop", t.clock.wallMs(), t.clock.wallMs() + 1)).toEqual([]);
});

test("a batch that a killed process had not finished is taken once by the next", async () => {
  const t = await setUp();
  const entries = [{ customer: "shop", site: "www.shop.example", ...noUsage(), bytesOut: 9 }];
  const head = { node: "tokyo-1", epoch: "before", seq: 7 };
  const batch: UsageBatch = { ...head, fromMs: t.clock.wallMs(), toMs: t.clock.wallMs(), entries };
  const state = encodeRecord(JSON.stringify(batch));
  await writeFile(join(t.dataDir, "journal"), state);
  t.mount();
  await (await t.start()).stop();
  expect(t.billed()).toBe(9n);
  // Killed once more, after it had reached the spool and before the journal was cleared.
  const more = { ...batch, seq: 8 };
  const whole = encodeRecord(JSON.stringify(more));
  const part = { ...more, entries: entries.map((e) => ({ ...e, bytesOut: 4 })) };
  await writeFile(join(t.dataDir, "0000000009-0000000009.new"), whole);
  await writeFile(join(t.dataDir, "journal"), encodeRecord(JSON.stringify(part)));
  await (await t.start()).stop();
  expect([t.billed(), t.ledger.quarantined()]).toEqual([18n, 0]);
});

async function lastState(path: string): Promise<UsageBatch | null> {
  const bytes = await readFile(path).catch(() => new Uint8Array());
  const last = decodeRecords(bytes).payloads.at(-1);
  return last === undefined ? null : (JSON.parse(last) as UsageBatch);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5000;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error("it did not come to hold within 5 s");
    await new Promise((resolve) => setImmediate(resolve));
  }
}
