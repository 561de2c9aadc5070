import { afterEach, expect, test } from "bun:test";
import fc from "fast-check";
import { FakeClock } from "../base/clock.ts";
import type { Invoice } from "../model/invoice.ts";
import { type Plan, plan as planShape } from "../model/plan.ts";
import { noUsage, type UsageBatch } from "../model/usage.ts";
import { parseCents } from "../policy/billing/mod.ts";
import { InvoiceBook } from "../store/usage-invoices.ts";
import { UsageLedger } from "../store/usage-ledger.ts";
import { billingMonths, checkInvoice, issueInvoice } from "./invoices.ts";

const GB = 1_000_000_000;
const plan = planShape.parse({
  name: "growth",
  title: "Growth",
  currency: "EUR",
  kind: "subscription",
  monthly: "49",
  rates: [{ unit: "gigabytes", included: 10, tiers: [{ price: "0.10" }] }],
});
const open: UsageLedger[] = [];
afterEach(() => {
  for (const ledger of open.splice(0)) ledger.close();
});

function setUp(startMs = Date.UTC(2026, 10, 22, 15, 30)) {
  const clock = new FakeClock(startMs);
  const ledger = new UsageLedger(":memory:");
  open.push(ledger);
  const book = new InvoiceBook(ledger);
  let seq = 0;
  const use = (bytesOut: number, o: { customer?: string; fromMs?: number } = {}) => {
    const { customer = "shop", fromMs = clock.wallMs() } = o;
    const entries = [{ customer, site: "www.shop.example", ...noUsage(), bytesOut, requests: 1 }];
    const head = { node: "tokyo-1", epoch: "e", seq: ++seq };
    const batch: UsageBatch = { ...head, fromMs, toMs: fromMs + 500, entries };
    ledger.take([batch], clock.wallMs());
  };
  const issue = (period: string, o: { now?: boolean; customer?: string; plan?: Plan } = {}) => {
    const { now = false, customer = "shop" } = o;
    return issueInvoice(book, clock, {
      customer,
      plan: o.plan ?? plan,
      period,
      upToNow: now,
    }).invoice;
  };
  return { clock, ledger, book, use, issue };
}

/** Moves the clock on to an instant. */
function goTo(clock: FakeClock, atMs: number): void {
  clock.advance(atMs - clock.wallMs());
}

const usedOn = (invoice: Invoice) =>
  invoice.months.reduce((s, m) => s + BigInt(m.now.bytesOut) - BigInt(m.before.bytesOut), 0n);

test("a month that is over is billed once, however often it is asked for", async () => {
  const { clock, use, issue, book } = setUp();
  use(12 * GB);
  goTo(clock, Date.UTC(2026, 11, 2));
  use(5 * GB);
  const invoice = issue("2026-11");
  expect(invoice.total).toBe("49.20");
  use(3 * GB, { fromMs: Date.UTC(2026, 10, 30) });
  expect(issue("2026-11")).toEqual(invoice);
  expect(await checkInvoice(book, invoice)).toEqual({ batches: 2, differences: [] });
});

test("usage that came after its month's invoice is on the next one", async () => {
  const { clock, use, issue, book } = setUp();
  use(12 * GB);
  goTo(clock, Date.UTC(2026, 11, 2));
  issue("2026-11");
  use(3 * GB, { fromMs: Date.UTC(2026, 10, 30) });
  use(1 * GB);
  goTo(clock, Date.UTC(2027, 0, 1));
  const december = issue("2026-12");
  expect(december.lines.map((l) => [l.month, l.kind, l.quantity, l.amount])).toEqual([
    ["2026-11", "usage", "3", "0.30"],
    ["2026-12", "subscription", "1", "49.00"],
    ["2026-12", "usage", "1", "0.00"],
  ]);
  expect((await checkInvoice(book, december)).differences).toEqual([]);
});

test("the running month is refused, unless it is asked for up to now", () => {
  const { use, issue } = setUp();
  use(1 * GB);
  expect(() => issue("2026-11")).toThrow("The input has problems");
  expect(() => issue("2026-12", { now: true })).toThrow("The input has problems");
  expect(issue("2026-11", { now: true }).part).toBe(1);
});

test("parts of a running month take each byte once, and the fee once", async () => {
  const { clock, use, issue, book } = setUp();
  use(8 * GB);
  const first = issue("2026-11", { now: true });
  expect(first.total).toBe("49.00");
  expect(issue("2026-11", { now: true })).toEqual(first);
  use(4 * GB);
  const second = issue("2026-11", { now: true });
  expect([second.part, second.total, second.previous]).toEqual([2, "0.20", 1]);
  use(1 * GB);
  goTo(clock, Date.UTC(2026, 11, 1));
  const third = issue("2026-11");
  expect([third.part, third.total, third.number]).toEqual([3, "0.10", 3]);
  expect(issue("2026-11")).toEqual(third);
  for (const invoice of [first, second, third])
    expect((await checkInvoice(book, invoice)).differences).toEqual([]);
});

test("invoices go forward in time", () => {
  const { clock, issue } = setUp();
  goTo(clock, Date.UTC(2027, 1, 1));
  issue("2026-12");
  expect(() => issue("2026-11")).toThrow("2026-12 is billed");
});

test("months stand as their invoices would have it, newest first, from the first with usage on", () => {
  const { clock, ledger, book, use, issue } = setUp(Date.UTC(2026, 7, 30));
  const months = (customer = "shop") =>
    billingMonths({ ledger, book, clock }, customer).map(({ month, standing, metered, invoices }) =>
      `${month} ${standing}${metered ? " metered" : ""} ${invoices.join(" ")}`.trim(),
    );
  expect(months()).toEqual(["2026-08 running", "2026-07 over"]);
  use(GB);
  goTo(clock, Date.UTC(2026, 9, 31, 23));
  use(GB);
  use(GB, { customer: "other" });
  goTo(clock, Date.UTC(2026, 11, 2));
  const first = ["2026-12 running", "2026-11 over", "2026-10 over metered"];
  expect(months()).toEqual([...first, "2026-09 over", "2026-08 over metered"]);
  expect(months("other")).toEqual(first);
  issue("2026-10");
  issue("2026-12", { now: true });
  expect(months()).toEqual([
    "2026-12 running TP-000002",
    "2026-11 passed",
    "2026-10 billed metered TP-000001",
    "2026-09 passed",
    "2026-08 passed metered",
  ]);
  // What the list says of a month is what happens.
  expect(issue("2026-10").number).toBe(1);
  expect(() => issue("2026-11")).toThrow("2026-12 is billed");
});

test("numbers run over all customers without gaps, also after a failure", () => {
  const { use, issue, book } = setUp();
  use(1 * GB);
  expect(issue("2026-11", { now: true }).number).toBe(1);
  expect(() =>
    book.issue("news", Date.UTC(2027, 0, 1), () => {
      throw new Error("no room");
    }),
  ).toThrow("no room");
  expect(issue("2026-11", { now: true, customer: "news" }).number).toBe(2);
});

test("an invoice is paid once, and neither changed nor removed", () => {
  const { clock, issue, book, ledger } = setUp();
  const { number } = issue("2026-11", { now: true });
  const paidMs = clock.wallMs();
  expect(book.pay(number, paidMs)).toMatchObject({ state: "paid", paidAtMs: paidMs });
  expect(book.pay(number, paidMs + 1)).toMatchObject({ paidAtMs: paidMs });
  expect(book.pay(99, paidMs)).toBeNull();
  expect(() => ledger.database.run("update invoice set body = '{}'")).toThrow("never changes");
  expect(() => ledger.database.run("delete from invoice")).toThrow("never removed");
});

test("a check finds a ledger that was changed, and an invoice that was", async () => {
  const { use, issue, book, ledger } = setUp();
  use(20 * GB);
  use(1 * GB);
  const invoice = issue("2026-11", { now: true });
  const forged = { ...invoice, total: "10.00" };
  expect((await checkInvoice(book, forged)).differences).toEqual([
    'total: the invoice says "10.00", the ledger gives "50.10"',
  ]);
  ledger.database.run("update batch set body = replace(body, '20000000000', '30000000000')");
  expect((await checkInvoice(book, invoice)).differences).toEqual([
    "the usage ledger was changed at batch 1",
  ]);
});

const act = fc.oneof(
  fc.record({
    do: fc.constant("use" as const),
    gigabytes: fc.integer({ min: 0, max: 9 }),
    lateDays: fc.constantFrom(0, 0, 0, 3, 20),
    customer: fc.constantFrom("shop", "news"),
  }),
  fc.record({ do: fc.constant("wait" as const), days: fc.integer({ min: 0, max: 20 }) }),
  fc.record({
    do: fc.constant("bill" as const),
    last: fc.boolean(),
    customer: fc.constantFrom("shop", "news"),
  }),
);

/** The month that an instant, or one a month before it, is in. */
function periodAt(atMs: number, last: boolean): string {
  const date = new Date(atMs);
  if (last) date.setUTCDate(0);
  return date.toISOString().slice(0, 7);
}

test("whatever is used and billed in whatever order, each byte is billed once and checks", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (acts) => {
      const { clock, use, issue, book, ledger } = setUp();
      const used = { shop: 0n, news: 0n };
      for (const a of acts) {
        if (a.do === "wait") clock.advance(a.days * 86_400_000);
        else if (a.do === "use") {
          const fromMs = clock.wallMs() - a.lateDays * 86_400_000;
          use(a.gigabytes * GB, { customer: a.customer, fromMs });
          used[a.customer] += BigInt(a.gigabytes * GB);
        } else {
          const period = periodAt(clock.wallMs(), a.last);
          const known = book.list(a.customer).at(-1);
          if (known === undefined || known.period <= period)
            issue(period, { now: !a.last, customer: a.customer });
        }
      }
      // The month after all of it: nothing can be left then.
      clock.advance(70 * 86_400_000);
      for (const customer of ["shop", "news"] as const) {
        issue(periodAt(clock.wallMs(), true), { customer });
        const invoices = book.list(customer);
        expect(invoices.reduce((sum, i) => sum + usedOn(i), 0n)).toBe(used[customer]);
        for (const invoice of invoices) {
          expect((await checkInvoice(book, invoice)).differences).toEqual([]);
          const lines = invoice.lines.reduce((sum, l) => sum + parseCents(l.amount), 0n);
          expect(lines).toBe(parseCents(invoice.total));
        }
      }
      const numbers = [...book.list("shop"), ...book.list("news")].map((i) => i.number);
      expect(numbers.sort((a, b) => a - b)).toEqual(numbers.map((_, i) => i + 1));
      ledger.close();
      open.pop();
    }),
    { numRuns: 60 },
  );
}, 20_000);
