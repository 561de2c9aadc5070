import type { InvoiceBody, InvoiceMonth } from "../../model/invoice.ts";
import { type BillingContext, invoiceLines, totalOf } from "./invoice-lines.ts";

/**
 * An invoice against the months counted again from the ledger: every difference in words, none if
 * it is right. The plan of each month is the one the invoice froze, or an earlier one of it did.
 *
 * @example verifyInvoice(invoice, recounted, context) // []
 */
export function verifyInvoice(
  invoice: InvoiceBody,
  recounted: readonly InvoiceMonth[],
  context: BillingContext,
): string[] {
  const differences: string[] = [];
  const compare = (what: string, stands: unknown, computed: unknown) => {
    const [a, b] = [JSON.stringify(stands), JSON.stringify(computed)];
    if (a !== b) differences.push(`${what}: the invoice says ${a}, the ledger gives ${b}`);
  };
  const months = new Set([...invoice.months, ...recounted].map((m) => m.month));
  for (const month of [...months].sort()) {
    const stands = invoice.months.find((m) => m.month === month);
    const computed = recounted.find((m) => m.month === month);
    for (const when of ["before", "now"] as const)
      for (const counter of ["bytesOut", "requests", "queries"] as const)
        compare(
          `${month} ${counter} ${when}`,
          stands?.[when][counter] ?? "0",
          computed?.[when][counter] ?? "0",
        );
  }
  const lines = invoiceLines(recounted, context);
  const count = Math.max(lines.length, invoice.lines.length);
  for (let i = 0; i < count; i++) {
    const computed = lines[i];
    const stands = invoice.lines[i];
    if (stands === undefined || computed === undefined) {
      compare(`line ${i + 1}`, stands ?? null, computed ?? null);
      continue;
    }
    for (const key of ["kind", "text", "month", "unit", "quantity", "unitPrice", "amount"] as const)
      compare(`line ${i + 1} ${key}`, stands[key], computed[key]);
  }
  compare("total", invoice.total, totalOf(lines));
  return differences;
}
