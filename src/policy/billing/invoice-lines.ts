import { assert } from "../../base/assert.ts";
import type { InvoiceLine, InvoiceMonth } from "../../model/invoice.ts";
import { formatCents, formatMicros, parseCents } from "./money.ts";
import { formatQuantity } from "./quantity.ts";
import { chargeMonth, type MonthCharge, usageTotal } from "./rate.ts";

/** What the customer's earlier invoices decide about this one. */
export interface BillingContext {
  /** The invoice's own month: the only one whose fees it asks for. */
  readonly period: string;
  /** True on the first invoice of that month. */
  readonly first: boolean;
  /** True if no earlier invoice of the customer asked for this plan's lump sum. */
  readonly lumpSumDue: boolean;
}

/**
 * The lines of an invoice: for each month it touches, what the month costs with its usage now,
 * less what it cost before. Nothing is billed twice, included amounts and tiers count once per
 * month, and parts add up to the whole. Lines without quantity are left out.
 *
 * @example invoiceLines([{ month, plan, before, now }], { period: month, first: true, lumpSumDue })
 */
export function invoiceLines(
  months: readonly InvoiceMonth[],
  context: BillingContext,
): InvoiceLine[] {
  return months.flatMap((month) => {
    const own = month.month === context.period;
    const asked = { monthly: own && context.first, lumpSum: own && context.lumpSumDue };
    const before = chargeMonth(month.plan, usageTotal(month.before), NO_FEES);
    const now = chargeMonth(month.plan, usageTotal(month.now), asked);
    return now.flatMap((charge) => {
      const earlier = before.find((b) => b.key === charge.key);
      const line = lineOf(month.month, charge, earlier);
      return line === null ? [] : [line];
    });
  });
}

const NO_FEES = { monthly: false, lumpSum: false };

function lineOf(
  month: string,
  charge: MonthCharge,
  earlier: MonthCharge | undefined,
): InvoiceLine | null {
  const quantity = charge.quantity - (earlier?.quantity ?? 0n);
  assert(quantity >= 0n, "Usage of a month never shrinks");
  if (quantity === 0n) return null;
  return {
    kind: charge.kind,
    text: charge.text,
    month,
    unit: charge.unit,
    quantity: charge.unit === null ? "1" : formatQuantity(quantity, charge.unit),
    unitPrice: formatMicros(charge.priceMicros),
    amount: formatCents(charge.cents - (earlier?.cents ?? 0n)),
  };
}

/** @example totalOf([{ amount: "1.00" }, { amount: "0.25" }]) // "1.25" */
export function totalOf(lines: readonly Pick<InvoiceLine, "amount">[]): string {
  return formatCents(lines.reduce((sum, line) => sum + parseCents(line.amount), 0n));
}
