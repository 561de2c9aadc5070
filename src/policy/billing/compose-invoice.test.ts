import { expect, test } from "bun:test";
import fc from "fast-check";
import type { InvoiceBody } from "../../model/invoice.ts";
import { plan as planShape } from "../../model/plan.ts";
import { composeInvoice, type InvoiceFacts } from "./compose-invoice.ts";
import { periodEndMs } from "./month.ts";
import { verifyInvoice } from "./verify-invoice.ts";

const head = { name: "p", title: "Plan", currency: "EUR" } as const;
const subscription = planShape.parse({
  ...head,
  kind: "subscription",
  monthly: "49",
  rates: [{ unit: "gigabytes", included: 100, tiers: [{ price: "0.10" }] }],
});
const lumpSum = planShape.parse({ ...head, name: "once", kind: "lump-sum", once: "5000" });

const counts = (gigabytes: number, requests = 0) => ({
  bytesOut: `${BigInt(gigabytes) * 1_000_000_000n}`,
  requests: `${requests}`,
  queries: "0",
});

function facts(more: Partial<InvoiceFacts> & { period: string }): InvoiceFacts {
  const last = more.earlier?.at(-1);
  return {
    number: (last?.number ?? 0) + 1,
    customer: "shop",
    issuedAtMs: 1,
    upTo: { batch: (last?.upTo.batch ?? 0) + 10, ms: periodEndMs(more.period), hash: "h" },
    plan: subscription,
    earlier: [],
    usage: [],
    ...more,
  };
}

function compose(more: Partial<InvoiceFacts> & { period: string }): InvoiceBody {
  const body = composeInvoice(facts(more));
  if (body === null) throw new Error("expected an invoice");
  return body;
}

test("a month without usage still asks for its fee, once", () => {
  const first = compose({ period: "2026-11" });
  expect([first.total, first.part, first.previous]).toEqual(["49.00", 1, null]);
  expect(composeInvoice(facts({ period: "2026-11", earlier: [first] }))).toBeNull();
});

test("a second part of a month holds only what came since, at the month's own tiers", () => {
  const one = [{ month: "2026-11", before: counts(0), now: counts(90) }];
  const first = compose({ period: "2026-11", usage: one });
  const two = [{ month: "2026-11", before: counts(90), now: counts(130) }];
  const second = compose({ period: "2026-11", usage: two, earlier: [first] });
  expect(second.lines.map((l) => [l.kind, l.quantity, l.amount])).toEqual([
    ["usage", "10", "0.00"],
    ["usage", "30", "3.00"],
  ]);
  expect([second.part, second.previous, second.after.batch]).toEqual([2, 1, 10]);
});

test("usage that arrives after its month's invoice is on the next one, by the old month's plan", () => {
  const october = compose({
    period: "2026-10",
    usage: [{ month: "2026-10", before: counts(0), now: counts(100) }],
  });
  const dearer = { ...subscription, monthly: "99", name: "q" };
  const november = compose({
    period: "2026-11",
    plan: dearer,
    earlier: [october],
    usage: [
      { month: "2026-10", before: counts(100), now: counts(150) },
      { month: "2026-11", before: counts(0), now: counts(10) },
    ],
  });
  expect(november.lines.map((l) => [l.month, l.kind, l.amount])).toEqual([
    ["2026-10", "usage", "5.00"],
    ["2026-11", "subscription", "99.00"],
    ["2026-11", "usage", "0.00"],
  ]);
});

test("a lump sum is asked for once under its plan, and later invoices have no lines", () => {
  const first = compose({ period: "2026-10", plan: lumpSum });
  const second = compose({ period: "2026-11", plan: lumpSum, earlier: [first] });
  expect([first.total, second.total, second.lines]).toEqual(["5000.00", "0.00", []]);
});

const anyPart = fc.record({
  gigabytes: fc.integer({ min: 0, max: 90 }),
  late: fc.integer({ min: 0, max: 20 }),
  step: fc.constantFrom(0, 1),
});

test("any run of invoices is found right again, and a changed one is not", () => {
  fc.assert(
    fc.property(fc.array(anyPart, { minLength: 1, maxLength: 6 }), (parts) => {
      const earlier: InvoiceBody[] = [];
      const sums = new Map<string, number>();
      let month = 1;
      for (const part of parts) {
        month += part.step;
        const period = `2026-${String(month).padStart(2, "0")}`;
        const before = new Map(sums);
        sums.set(period, (sums.get(period) ?? 0) + part.gigabytes);
        if (sums.has("2026-01")) sums.set("2026-01", (sums.get("2026-01") ?? 0) + part.late);
        const usage = [...sums].map(([m, gb]) => ({
          month: m,
          before: counts(before.get(m) ?? 0),
          now: counts(gb),
        }));
        const body = composeInvoice(facts({ period, earlier: [...earlier], usage }));
        if (body === null) {
          for (const [m, gb] of before) sums.set(m, gb);
          continue;
        }
        const recount = { earlier: [...earlier], usage, hash: "h" };
        expect(verifyInvoice(body, recount)).toEqual([]);
        expect(verifyInvoice({ ...body, total: "1.23" }, recount)).toHaveLength(1);
        expect(verifyInvoice(body, { ...recount, hash: "x" })[0]).toStartWith("upTo: ");
        earlier.push(body);
      }
    }),
  );
});

test("verifyInvoice() names the counter, the line and the total that differ", () => {
  const usage = [{ month: "2026-11", before: counts(0), now: counts(130) }];
  const body = compose({ period: "2026-11", usage });
  const lines = body.lines.map((l, i) => (i === 2 ? { ...l, amount: "2.00" } : l));
  const changed = { ...body, lines, total: "51.00" };
  expect(verifyInvoice(changed, { earlier: [], usage, hash: "h" })).toEqual([
    'line 3 amount: the invoice says "2.00", the ledger gives "3.00"',
    'total: the invoice says "51.00", the ledger gives "52.00"',
  ]);
  const one = [{ month: "2026-11", before: counts(0), now: counts(130, 1) }];
  expect(verifyInvoice(body, { earlier: [], usage: one, hash: "h" })).toEqual([
    '2026-11 requests now: the invoice says "0", the ledger gives "1"',
  ]);
});
