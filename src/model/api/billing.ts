import { z } from "zod";

/** Money as a decimal string, such as `12.50`; may be negative on a credit line. */
const money = z.string();

export const usageQuery = z.object({
  from: z
    .string()
    .max(40)
    .optional()
    .meta({ description: "ISO 8601 time or date; default: this month" }),
  to: z.string().max(40).optional(),
});

export const usageRow = z
  .object({
    customer: z.string(),
    site: z.string(),
    node: z.string().optional(),
    from: z.string(),
    to: z.string(),
    requests: z.number(),
    hits: z.number(),
    bytesOut: z.number(),
    bytesIn: z.number(),
    queries: z.number(),
  })
  .meta({ id: "UsageRow" });
export type UsageRow = z.infer<typeof usageRow>;

export const invoiceLine = z.object({
  text: z.string(),
  quantity: z.string(),
  unit: z.string(),
  unitPrice: money,
  amount: money,
  from: z.string().optional().meta({ description: "What the quantity was computed from" }),
  kind: z.enum(["fixed", "subscription", "lump-sum", "usage"]),
  month: z.string().meta({ description: "The month it belongs to; earlier if usage came late" }),
});

export const invoice = z
  .object({
    id: z.string(),
    number: z.string(),
    customer: z.string(),
    period: z.string().meta({ description: "A month: `2026-11`" }),
    part: z.int().meta({ description: "Above 1 only after one that was issued within the month" }),
    plan: z.string(),
    currency: z.string(),
    lines: z.array(invoiceLine),
    total: money,
    state: z.enum(["open", "paid"]),
    issuedAt: z.string(),
    paidAt: z.string().nullable(),
    covers: z
      .object({ afterBatch: z.int(), upToBatch: z.int(), upToAt: z.string(), chain: z.string() })
      .meta({ description: "The range of the usage ledger, and the ledger's hash at its end" }),
    hash: z.string().meta({ description: "SHA-256 of the invoice as issued" }),
  })
  .meta({ id: "Invoice" });
export type Invoice = z.infer<typeof invoice>;

export const invoiceCreate = z.strictObject({
  period: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/, { message: "expected a month: 2026-11" }),
  upTo: z.literal("now").optional().meta({
    description: "Bill the running month as far as it went; the rest comes with the next invoice",
  }),
});

/** An invoice computed again from the ledger. */
export const invoiceCheck = z
  .object({
    id: z.string(),
    equal: z.boolean(),
    batches: z.int().meta({ description: "Batches of the ledger that were read and checked" }),
    total: money,
    differences: z.array(z.string()),
  })
  .meta({ id: "InvoiceCheck" });
export type InvoiceCheck = z.infer<typeof invoiceCheck>;

export const invoiceParams = z.object({ id: z.string().min(1).max(80) });
