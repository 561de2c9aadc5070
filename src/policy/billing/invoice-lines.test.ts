import { expect, test } from "bun:test";
import fc from "fast-check";
import type { InvoiceMonth } from "../../model/invoice.ts";
import { type Plan, plan as planShape } from "../../model/plan.ts";
import { invoiceLines, totalOf } from "./invoice-lines.ts";
import { formatCents, parseCents } from "./money.ts";
import { chargeMonth } from "./rate.ts";
import { fillTiers } from "./tier.ts";

const head = { name: "p", title: "Plan", currency: "EUR" } as const;
const variable = planShape.parse({
  ...head,
  kind: "variable",
  rates: [
    {
      unit: "gigabytes",
      included: 10,
      tiers: [{ upTo: 100, price: "0.08" }, { upTo: 1000, price: "0.05" }, { price: "0.02" }],
    },
    { unit: "million-requests", tiers: [{ price: "0.60" }] },
  ],
});
const subscription = planShape.parse({
  ...head,
  kind: "subscription",
  monthly: "49",
  rates: [{ unit: "gigabytes", included: 100, tiers: [{ price: "0.10" }] }],
});
const fixed = planShape.parse({ ...head, kind: "fixed", monthly: "200.00" });
const lumpSum = planShape.parse({ ...head, kind: "lump-sum", once: "5000" });

const NONE = { bytesOut: "0", requests: "0", queries: "0" };
const gb = (n: number) => ({ ...NONE, bytesOut: `${BigInt(n) * 1_000_000_000n}` });

function month(plan: Plan, now: InvoiceMonth["now"], before: InvoiceMonth["before"] = NONE) {
  return { month: "2026-11", plan, before, now };
}

const FIRST = { period: "2026-11", first: true, lumpSumDue: true };
const LATER = { period: "2026-11", first: false, lumpSumDue: false };

test("a fixed plan costs its fee whatever is used, once a month", () => {
  const lines = invoiceLines([month(fixed, gb(5000))], FIRST);
  expect(lines.map((l) => [l.kind, l.amount])).toEqual([["fixed", "200.00"]]);
  expect(invoiceLines([month(fixed, gb(6000), gb(5000))], LATER)).toEqual([]);
});

test("a variable plan fills its tiers from the bottom", () => {
  const lines = invoiceLines([month(variable, gb(1500))], FIRST);
  expect(lines.map((l) => [l.text, l.quantity, l.unitPrice, l.amount])).toEqual([
    ["Traffic included, 0 to 10 GB", "10", "0.00", "0.00"],
    ["Traffic, 10 to 100 GB", "90", "0.08", "7.20"],
    ["Traffic, 100 to 1000 GB", "900", "0.05", "45.00"],
    ["Traffic, above 1000 GB", "500", "0.02", "10.00"],
  ]);
  expect(totalOf(lines)).toBe("62.20");
});

test("a lump sum is asked for on one invoice only", () => {
  expect(totalOf(invoiceLines([month(lumpSum, gb(1))], FIRST))).toBe("5000.00");
  const next = { period: "2026-12", first: true, lumpSumDue: false };
  expect(invoiceLines([{ ...month(lumpSum, gb(9)), month: "2026-12" }], next)).toEqual([]);
});

test("a subscription is its fee and what goes beyond the included amount", () => {
  const lines = invoiceLines([month(subscription, gb(130))], FIRST);
  expect(lines.map((l) => [l.kind, l.quantity, l.amount])).toEqual([
    ["subscription", "1", "49.00"],
    ["usage", "100", "0.00"],
    ["usage", "30", "3.00"],
  ]);
});

test("usage of an earlier month that arrived late is rated by that month, without its fee", () => {
  const late = { ...month(subscription, gb(110), gb(95)), month: "2026-10" };
  const lines = invoiceLines([late, month(subscription, gb(1))], FIRST);
  expect(lines.map((l) => [l.month, l.kind, l.quantity, l.amount])).toEqual([
    ["2026-10", "usage", "5", "0.00"],
    ["2026-10", "usage", "10", "1.00"],
    ["2026-11", "subscription", "1", "49.00"],
    ["2026-11", "usage", "1", "0.00"],
  ]);
});

const price = fc.integer({ min: 0, max: 5_000_000 }).map((n) => (n / 1e6).toFixed(6));
const anyRate = fc
  .record({
    unit: fc.constantFrom("gigabytes", "million-requests", "million-queries"),
    included: fc.constantFrom(0, 0.5, 7, 0.000000001),
    limits: fc.uniqueArray(fc.integer({ min: 1, max: 50 }), { maxLength: 3 }),
    prices: fc.array(price, { minLength: 4, maxLength: 4 }),
  })
  .map(({ unit, included, limits, prices }) => ({
    unit,
    included,
    tiers: [
      ...limits.sort((a, b) => a - b).map((upTo, i) => ({ upTo, price: prices[i] })),
      { price: prices[3] },
    ],
  }));
const anyPlan = fc.oneof(
  fc.constant(fixed),
  fc.constant(lumpSum),
  fc
    .array(anyRate, { minLength: 1, maxLength: 3 })
    .map((rates) => planShape.parse({ ...head, kind: "variable", rates })),
  fc
    .array(anyRate, { maxLength: 3 })
    .map((rates) => planShape.parse({ ...head, kind: "subscription", monthly: "9.99", rates })),
);
const counts = fc.record({
  bytesOut: fc.bigInt(0n, 10n ** 12n),
  requests: fc.bigInt(0n, 10n ** 9n),
  queries: fc.bigInt(0n, 10n ** 9n),
});
const add = (a: Counts, b: Counts) => ({
  bytesOut: a.bytesOut + b.bytesOut,
  requests: a.requests + b.requests,
  queries: a.queries + b.queries,
});
type Counts = { bytesOut: bigint; requests: bigint; queries: bigint };
const billed = (c: Counts) => ({
  bytesOut: `${c.bytesOut}`,
  requests: `${c.requests}`,
  queries: `${c.queries}`,
});
const ZERO: Counts = { bytesOut: 0n, requests: 0n, queries: 0n };

test("the tiers of a rate hold all usage, each within its limits", () => {
  fc.assert(
    fc.property(anyRate, fc.bigInt(0n, 10n ** 12n), (rate, used) => {
      const tiers = fillTiers(rate as Parameters<typeof fillTiers>[0], used);
      expect(tiers.reduce((sum, t) => sum + t.quantity, 0n)).toBe(used);
      for (const t of tiers) if (t.upTo !== null) expect(t.quantity <= t.upTo - t.from).toBe(true);
    }),
  );
});

test("more usage never costs less", () => {
  fc.assert(
    fc.property(anyPlan, counts, counts, (plan, a, more) => {
      const cost = (c: Counts) =>
        parseCents(totalOf(invoiceLines([month(plan, billed(c))], FIRST)));
      expect(cost(add(a, more)) >= cost(a)).toBe(true);
    }),
  );
});

test("a month billed in parts costs to the cent what it costs as a whole", () => {
  fc.assert(
    fc.property(anyPlan, fc.array(counts, { minLength: 1, maxLength: 6 }), (plan, parts) => {
      let before = ZERO;
      let cents = 0n;
      parts.forEach((part, i) => {
        const now = add(before, part);
        const lines = invoiceLines(
          [month(plan, billed(now), billed(before))],
          i === 0 ? FIRST : LATER,
        );
        cents += parseCents(totalOf(lines));
        before = now;
      });
      const whole = totalOf(invoiceLines([month(plan, billed(before))], FIRST));
      expect(formatCents(cents)).toBe(whole);
      const charged = chargeMonth(plan, before, { monthly: true, lumpSum: true });
      expect(charged.reduce((sum, c) => sum + c.cents, 0n)).toBe(parseCents(whole));
    }),
  );
});
