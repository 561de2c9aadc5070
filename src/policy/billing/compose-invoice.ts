import { assert } from "../../base/assert.ts";
import type { BilledUsage, InvoiceBody, InvoiceMonth } from "../../model/invoice.ts";
import type { Plan } from "../../model/plan.ts";
import { type BillingContext, invoiceLines, totalOf } from "./invoice-lines.ts";

/** A month's usage before an invoice (in earlier ones) and with it. */
export interface MonthUsage {
  readonly month: string;
  readonly before: BilledUsage;
  readonly now: BilledUsage;
}

export interface InvoiceFacts {
  readonly number: number;
  readonly customer: string;
  readonly period: string;
  readonly issuedAtMs: number;
  /** What it covers, less what the last of `earlier` covered. */
  readonly upTo: InvoiceBody["upTo"];
  /** The customer's plan at present. */
  readonly plan: Plan;
  /** All invoices of the customer so far, oldest first. */
  readonly earlier: readonly InvoiceBody[];
  readonly usage: readonly MonthUsage[];
}

/**
 * The invoice that follows from these facts; null when the month has one and nothing came since.
 *
 * - It touches its own month, and earlier ones whose usage arrived after their invoice.
 * - A month keeps the plan of the first invoice that touched it, so a change of plan or price
 *   holds from the next month on (at once, if the currency is another one).
 * - Monthly fees are asked for whole, by the first invoice of the month; a lump sum by the first
 *   invoice under that plan.
 *
 * @example composeInvoice({ number: 1, customer: "shop", period: "2026-11", ... })
 */
export function composeInvoice(facts: InvoiceFacts): InvoiceBody | null {
  const { period, earlier, plan } = facts;
  const last = earlier.at(-1);
  assert(last === undefined || last.period <= period, "Invoices go forward in time");
  assert(last === undefined || last.upTo.ms <= facts.upTo.ms, "Invoices go forward in time");
  const part = earlier.filter((invoice) => invoice.period === period).length + 1;
  const months = monthsOf(facts);
  const own = months.find((m) => m.month === period);
  const lines = invoiceLines(months, {
    period,
    first: part === 1,
    lumpSumDue: !lumpSumBilled(own?.plan ?? plan, earlier),
  } satisfies BillingContext);
  if (part > 1 && lines.length === 0) return null;
  return {
    number: facts.number,
    customer: facts.customer,
    period,
    part,
    previous: last?.number ?? null,
    after: { batch: last?.upTo.batch ?? 0, ms: last?.upTo.ms ?? 0 },
    upTo: facts.upTo,
    currency: plan.currency,
    months,
    lines,
    total: totalOf(lines),
    issuedAtMs: facts.issuedAtMs,
  };
}

const NONE: BilledUsage = { bytesOut: "0", requests: "0", queries: "0" };

function monthsOf(facts: InvoiceFacts): InvoiceMonth[] {
  const { period, plan, earlier } = facts;
  const touched = facts.usage.filter((u) => u.month === period || grew(u));
  if (!touched.some((u) => u.month === period))
    touched.push({ month: period, before: NONE, now: NONE });
  return touched
    .toSorted((a, b) => (a.month < b.month ? -1 : 1))
    .map(({ month, before, now }) => {
      const pinned = earlier.flatMap((i) => i.months).find((m) => m.month === month)?.plan;
      const applies = pinned?.currency === plan.currency ? pinned : plan;
      return { month, plan: applies, before, now };
    });
}

function grew({ before, now }: MonthUsage): boolean {
  return (["bytesOut", "requests", "queries"] as const).some((key) => before[key] !== now[key]);
}

function lumpSumBilled(plan: Plan, earlier: readonly InvoiceBody[]): boolean {
  return earlier.some((invoice) =>
    invoice.lines.some(
      (line) =>
        line.kind === "lump-sum" &&
        invoice.months.some((m) => m.month === line.month && m.plan.name === plan.name),
    ),
  );
}
