import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { Problem } from "../base/result.ts";
import type { Invoice } from "../model/invoice.ts";
import type { Plan } from "../model/plan.ts";
import {
  composeInvoice,
  type MonthUsage,
  monthOf,
  periodEndMs,
  verifyInvoice,
} from "../policy/billing/mod.ts";
import type { HourlyUsage, InvoiceBook } from "../store/usage-invoices.ts";
import { LedgerBroken } from "../store/usage-ledger.ts";

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

/**
 * Issues the invoice of a month, or gives the one there is: asking twice bills once.
 *
 *     the month              what happens
 *     closed by an invoice   that invoice
 *     before a billed one    refused: invoices go forward in time
 *     over                   an invoice up to its end; what a part of it had billed is left out
 *     running                refused, unless up to now is asked for: then a part of it, up to the
 *                            last batch in the ledger; the last part again if nothing came since
 *     to come                refused
 *
 * @throws Fault `bad-input` or `conflict`
 */
export function issueInvoice(book: InvoiceBook, clock: Clock, order: IssueOrder): Issued {
  const { customer, plan, period } = order;
  const nowMs = clock.wallMs();
  const endMs = periodEndMs(period);
  const all = book.list(customer);
  const ofPeriod = all.filter((invoice) => invoice.period === period);
  const closing = ofPeriod.find((invoice) => invoice.upTo.ms >= endMs);
  if (closing !== undefined) return { invoice: closing, fresh: false };
  const last = all.at(-1);
  if (last !== undefined && last.period > period)
    throw new Fault("conflict", `${last.period} is billed, and what ${period} lacks with it`);
  if (endMs > nowMs && (period !== monthOf(nowMs) || !order.upToNow)) throw notOver(period, nowMs);
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
  const invoice = issued ?? ofPeriod.at(-1);
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
