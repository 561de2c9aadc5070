import { afterEach, expect, test } from "bun:test";
import { FakeClock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import { silentLog } from "../base/log.ts";
import { LocalBus } from "../bus/mod.ts";
import { noUsage, type UsageBatch } from "../model/usage.ts";
import { UsageLedger } from "../store/usage-ledger.ts";
import { mountMeter } from "./meter.ts";

const open: UsageLedger[] = [];
afterEach(() => {
  for (const ledger of open.splice(0)) ledger.close();
});

function setUp() {
  const bus = new LocalBus();
  const clock = new FakeClock();
  const ledger = new UsageLedger(":memory:");
  open.push(ledger);
  const errors: string[] = [];
  const log = { ...silentLog, error: (words: string) => void errors.push(words) };
  mountMeter({ bus, ledger, clock, log });
  const send = (batch: unknown) => bus.request("usage.batch", batch as UsageBatch, 1000);
  return { bus, clock, ledger, errors, send };
}

function batch(seq: number, bytesOut: number): UsageBatch {
  const entries = [{ customer: "shop", site: "www.shop.example", ...noUsage(), bytesOut }];
  return { node: "tokyo-1", epoch: "e", seq, fromMs: 1, toMs: 2, entries };
}

async function faultOf(doing: Promise<unknown>): Promise<Fault> {
  const error = await doing.then(
    () => null,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(Fault);
  return error as Fault;
}

test("batches that arrive together are all taken, and known when they come again", async () => {
  const { ledger, send } = setUp();
  const all = [1, 2, 3, 4].map((seq) => batch(seq, seq));
  for (let i = 0; i < 2; i++)
    expect(await Promise.all(all.map(send))).toEqual(all.map(() => ({ taken: true })));
  expect(ledger.head().batch).toBe(4);
});

test("a batch that contradicts one of its name is refused for good, and the others taken", async () => {
  const { ledger, errors, send } = setUp();
  const [, refused] = await Promise.allSettled([send(batch(1, 5)), send(batch(1, 6))]);
  expect(refused?.status).toBe("rejected");
  expect(await faultOf(send(batch(1, 6)))).toMatchObject({ code: "conflict", retry: "no" });
  await send(batch(2, 1));
  expect([ledger.head().batch, ledger.quarantined(), errors.length]).toEqual([2, 1, 2]);
});

test("a malformed batch is refused with all its problems", async () => {
  const { ledger, send } = setUp();
  const entries = [{ ...batch(1, -1).entries[0], requests: 1.5, customer: "" }];
  const fault = await faultOf(send({ ...batch(1, 1), seq: 0, entries }));
  expect(fault.code).toBe("bad-input");
  expect(fault.problems.map((p) => p.path).sort()).toEqual([
    "entries.0.bytesOut",
    "entries.0.customer",
    "entries.0.requests",
    "seq",
  ]);
  for (const nonsense of [null, 7, {}, { ...batch(1, 1), more: 1 }])
    expect((await faultOf(send(nonsense))).code).toBe("bad-input");
  expect(ledger.head().batch).toBe(0);
});

test("a ledger that cannot write is the world's fault: to be tried again", async () => {
  const { ledger, errors, send } = setUp();
  ledger.database.run("pragma max_page_count = 1");
  const big = { ...batch(1, 1), epoch: "e".repeat(200) };
  let fault: Fault | null = null;
  for (let seq = 1; fault === null && seq < 2000; seq++)
    fault = await send({ ...big, seq }).then(
      () => null,
      (e: unknown) => e as Fault,
    );
  expect(fault).toMatchObject({ code: "store-full", source: "store" });
  expect(errors).toHaveLength(1);
});
