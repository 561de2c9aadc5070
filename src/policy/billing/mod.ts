/**
 * What usage costs: amounts, units, months, tiers, and an invoice's lines. Pure functions of the
 * plan and of counted usage, so whoever holds the ledger can compute an invoice again and get the
 * same lines to the cent. Not here: counting and keeping usage (store), issuing (control).
 *
 * Rounding, all of it: an amount is an exact fraction until it becomes a line; then it is rounded
 * once, half up, to whole cents. A month's line is the rounded amount of the month so far less
 * what earlier invoices of that month took, so parts of a month add up to the month exactly.
 * Limits of tiers are whole bytes, requests or queries; a fraction of one is rounded half to even.
 */
export { composeInvoice, type InvoiceFacts, type MonthUsage } from "./compose-invoice.ts";
export { type BillingContext, invoiceLines, totalOf } from "./invoice-lines.ts";
export { mergeBatches } from "./merge-batches.ts";
export {
  CENT_MICROS,
  formatCents,
  formatMicros,
  parseCents,
  parseMicros,
  roundHalfEven,
  roundHalfUp,
} from "./money.ts";
export { monthOf, periodEndMs, periodStartMs } from "./month.ts";
export { monthOfUsage, predictCents } from "./predict.ts";
export { formatQuantity, toBase, UNIT_BASE } from "./quantity.ts";
export { chargeMonth, type MonthCharge, type UsageTotal, usageTotal } from "./rate.ts";
export { type FilledTier, fillTiers } from "./tier.ts";
export { type Recount, verifyInvoice } from "./verify-invoice.ts";
