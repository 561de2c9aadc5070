import type { InvoiceBody } from "../../model/invoice.ts";
import { composeInvoice, type MonthUsage } from "./compose-invoice.ts";

/** What an invoice is computed again from. */
export interface Recount {
  /** The customer's invoices before it, oldest first. */
  readonly earlier: readonly InvoiceBody[];
  /** Counted again from the ledger's batches, by the range that the invoice names. */
  readonly usage: readonly MonthUsage[];
  /** The ledger's chain at the invoice's last batch. */
  readonly hash: string;
}

/**
 * Composes an invoice again and says every difference in words; none if it is right. Prices are
 * those of the plan that the invoice itself holds.
 *
 * @example verifyInvoice(invoice, { earlier: [], usage, hash }) // []
 */
export function verifyInvoice(invoice: InvoiceBody, recount: Recount): string[] {
  const differences: string[] = [];
  const compare = (what: string, stands: unknown, computed: unknown) => {
    const [a, b] = [JSON.stringify(stands), JSON.stringify(computed)];
    if (a !== b) differences.push(`${what}: the invoice says ${a}, the ledger gives ${b}`);
  };
  const last = recount.earlier.at(-1);
  if (last !== undefined && (last.period > invoice.period || last.upTo.ms > invoice.upTo.ms))
    return ["the invoice before it covers a later time"];
  const plan = invoice.months.find((m) => m.month === invoice.period)?.plan;
  if (plan === undefined) return ["the invoice does not hold its own month"];
  const { number, customer, period, issuedAtMs } = invoice;
  const upTo = { ...invoice.upTo, hash: recount.hash };
  const { earlier, usage } = recount;
  const facts = { number, customer, period, issuedAtMs, upTo, plan, earlier, usage };
  const computed = composeInvoice(facts);
  if (computed === null) return ["nothing came since the invoice before it"];
  for (const key of ["part", "previous", "after", "upTo", "currency"] as const)
    compare(key, invoice[key], computed[key]);
  const months = new Set([...invoice.months, ...computed.months].map((m) => m.month));
  for (const month of [...months].sort()) {
    const stands = invoice.months.find((m) => m.month === month);
    const again = computed.months.find((m) => m.month === month);
    compare(`${month} plan`, stands?.plan, again?.plan);
    for (const when of ["before", "now"] as const)
      for (const counter of ["bytesOut", "requests", "queries"] as const)
        compare(`${month} ${counter} ${when}`, stands?.[when][counter], again?.[when][counter]);
  }
  const count = Math.max(computed.lines.length, invoice.lines.length);
  for (let i = 0; i < count; i++) compareLine(i, invoice, computed, compare);
  compare("total", invoice.total, computed.total);
  return differences;
}

const LINE_KEYS = ["kind", "text", "month", "unit", "quantity", "unitPrice", "amount"] as const;

function compareLine(
  i: number,
  invoice: InvoiceBody,
  computed: InvoiceBody,
  compare: (what: string, stands: unknown, computed: unknown) => void,
): void {
  const stands = invoice.lines[i];
  const again = computed.lines[i];
  if (stands === undefined || again === undefined) {
    compare(`line ${i + 1}`, stands ?? null, again ?? null);
    return;
  }
  for (const key of LINE_KEYS) compare(`line ${i + 1} ${key}`, stands[key], again[key]);
}
