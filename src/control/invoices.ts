import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { Problem } from "../base/result.ts";
import type { BillingMonth } from "../model/api/mod.ts";
import type { Invoice } from "../model/invoice.ts";
import type { Plan } from "../model/plan.ts";
import {
  composeInvoice,
  type MonthUsage,
  monthOf,
  periodEndMs,
  periodStartMs,
  verifyInvoice,
} from "../policy/billing/mod.ts";
import type { HourlyUsage, InvoiceBook } from "../store/usage-invoices.ts";
import { LedgerBroken, type UsageLedger } from "../store/usage-ledger.ts";

export interface IssueOrder {
  readonly customer: string;
  readonly plan: Plan;
  /** A month: `2026-11`. */
  readonly period: string;
  /** Bills the running month as far as it went. */
  readonly upToNow: boolean;
}

export interface Issued {
  readonly invoice: Invoice;
  /** False when it had been issued before. */
  readonly fresh: boolean;
}

/** How a month stands with its invoice: see `issueInvoice`. */
type Standing = BillingMonth["standing"] | "to-come";

function closingOf(all: readonly Invoice[], period: string): Invoice | undefined {
  const endMs = periodEndMs(period);
  return all.find((invoice) => invoice.period === period && invoice.upTo.ms >= endMs);
}

function standingOf(all: readonly Invoice[], period: string, nowMs: number): Standing {
  if (closingOf(all, period) !== undefined) return "billed";
  const last = all.at(-1);
  if (last !== undefined && last.period > period) return "passed";
  if (periodEndMs(period) <= nowMs) return "over";
  return period === monthOf(nowMs) ? "running" : "to-come";
}

/**
 * The months of a customer that are billed or may be, newest first: from the first that has usage or an
 * invoice to the running one. The one before that is always there: a fee may be due for it.
 */
export function billingMonths(
  from: { readonly ledger: UsageLedger; readonly book: InvoiceBook; readonly clock: Clock },
  customer: string,
): BillingMonth[] {
  const nowMs = from.clock.wallMs();
  const all = from.book.list(customer);
  const metered = new Set(from.ledger.months(customer));
  const running = monthOf(nowMs);
  const before = monthOf(periodStartMs(running) - 1);
  const known = [before, ...metered, ...all.map((invoice) => invoice.period)].sort();
  const months: BillingMonth[] = [];
  for (let month = known[0] ?? before; month <= running; month = monthOf(periodEndMs(month))) {
    const standing = standingOf(all, month, nowMs);
    assert(standing !== "to-come", "Months up to the running one have begun");
    const invoices = all.filter((invoice) => invoice.period === month).map((i) => i.number);
    months.push({
      month,
      standing,
      metered: metered.has(month),
      invoices: invoices.map(invoiceId),
    });
  }
  return months.reverse();
}

/** @example invoiceId(42) // "TP-000042" */
export function invoiceId(number: number): string {
  return `TP-${String(number).padStart(6, "0")}`;
}

/**
 * Issues the invoice of a month, or gives the one there is: asking twice bills once.
 *
 *     billed    closed by an invoice: that one
 *     passed    before a billed one: refused, for invoices go forward in time
 *     over      an invoice up to its end; what a part of it had billed is left out
 *     running   refused, unless up to now is asked for: then a part of it, up to the last batch in
 *               the ledger; the last part again if nothing came since
 *     to come   refused
 *
 * @throws Fault `bad-input` or `conflict`
 */
export function issueInvoice(book: InvoiceBook, clock: Clock, order: IssueOrder): Issued {
  const { customer, plan, period } = order;
  const nowMs = clock.wallMs();
  const endMs = periodEndMs(period);
  const all = book.list(customer);
  const closing = closingOf(all, period);
  if (closing !== undefined) return { invoice: closing, fresh: false };
  const standing = standingOf(all, period, nowMs);
  const last = all.at(-1);
  if (standing === "passed")
    throw new Fault("conflict", `${last?.period} is billed, and what ${period} lacks with it`);
  if (standing === "to-come" || (standing === "running" && !order.upToNow))
    throw notOver(period, nowMs);
  const upToMs = Math.max(Math.min(endMs, nowMs + 1), last?.upTo.ms ?? 0);
  const issued = book.issue(customer, upToMs, (material) =>
    composeInvoice({
      number: material.number,
      customer,
      period,
      issuedAtMs: nowMs,
      upTo: { ...material.head, ms: upToMs },
      plan,
      earlier: material.earlier,
      usage: byMonth(material.usage),
    }),
  );
  const invoice = issued ?? all.findLast((one) => one.period === period);
  if (invoice === undefined) throw new Fault("conflict", `nothing to bill for ${period}`);
  return { invoice, fresh: issued !== null };
}

function notOver(period: string, nowMs: number): Fault {
  const running = period === monthOf(nowMs);
  const problem: Problem = {
    path: "period",
    message: running
      ? "expected a month that is over, or upTo: now for the running one as far as it went"
      : "expected a month that has begun",
    received: period,
  };
  return new Fault("bad-input", "", { problems: [problem] });
}

export interface Check {
  readonly batches: number;
  readonly differences: readonly string[];
}

/** Computes an invoice again from the ledger's batches and says whatever differs. */
export async function checkInvoice(book: InvoiceBook, invoice: Invoice): Promise<Check> {
  const differences: string[] = [];
  if (!book.intact(invoice.number)) differences.push("the invoice's text is not the one issued");
  const all = book.list(invoice.customer);
  const earlier = all.filter((other) => other.number < invoice.number);
  try {
    const { usage, hash, batches } = await book.recount(invoice);
    differences.push(...verifyInvoice(invoice, { earlier, usage: byMonth(usage), hash }));
    return { batches, differences };
  } catch (error) {
    if (!(error instanceof LedgerBroken)) throw error;
    differences.push(`the usage ledger was changed at batch ${error.batch}`);
    return { batches: error.batch, differences };
  }
}

function byMonth(hours: readonly HourlyUsage[]): MonthUsage[] {
  const months = new Map<string, MonthUsage>();
  for (const hour of hours) {
    const month = monthOf(hour.hourMs);
    const sum = months.get(month);
    months.set(month, {
      month,
      before: plus(sum?.before, hour.before),
      now: plus(sum?.now, hour.now),
    });
  }
  return [...months.values()];
}

function plus(a: MonthUsage["now"] | undefined, b: MonthUsage["now"]): MonthUsage["now"] {
  if (a === undefined) return b;
  return {
    bytesOut: `${BigInt(a.bytesOut) + BigInt(b.bytesOut)}`,
    requests: `${BigInt(a.requests) + BigInt(b.requests)}`,
    queries: `${BigInt(a.queries) + BigInt(b.queries)}`,
  };
}
