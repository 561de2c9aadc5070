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
});

export const invoice = z
  .object({
    id: z.string(),
    number: z.string(),
    customer: z.string(),
    period: z.string().meta({ description: "A month: `2026-11`" }),
    plan: z.string(),
    currency: z.string(),
    lines: z.array(invoiceLine),
    total: money,
    state: z.enum(["open", "paid"]),
    issuedAt: z.string(),
    paidAt: z.string().nullable(),
  })
  .meta({ id: "Invoice" });
export type Invoice = z.infer<typeof invoice>;

export const invoiceCreate = z.strictObject({
  period: z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/, { message: "expected a month: 2026-11" }),
});

export const invoiceParams = z.object({ id: z.string().min(1).max(80) });
