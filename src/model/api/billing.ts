import { z } from "zod";
import { customerParams } from "./customer.ts";
import { route } from "./route.ts";

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
  period: z
    .string()
    .regex(/^\d{4}-(0[1-9]|1[0-2])$/, { message: "expected a month such as 2026-11" }),
  upTo: z.literal("now").optional().meta({
    description: "Bill the running month as far as it went; the rest comes with the next invoice",
  }),
});

/** A month of a customer, from the first with usage or an invoice on, and how it stands. */
export const billingMonth = z
  .object({
    month: z.string().meta({ description: "`2026-11`" }),
    standing: z.enum(["running", "over", "billed", "passed"]).meta({
      description: "running: can be billed up to now; passed: what it lacked is with a later one",
    }),
    metered: z.boolean().meta({ description: "Whether anything was counted in it" }),
    invoices: z.array(z.string()).meta({ description: "Those of it, oldest first" }),
  })
  .meta({ id: "BillingMonth" });
export type BillingMonth = z.infer<typeof billingMonth>;

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

export const billingRoutes = {
  readUsage: route({
    method: "get",
    path: "/customers/{customer}/usage",
    access: "viewer",
    status: 200,
    summary: "What was metered",
    params: customerParams,
    query: usageQuery,
    reply: z.array(usageRow),
  }),
  listBillingMonths: route({
    method: "get",
    path: "/customers/{customer}/billing-months",
    access: "viewer",
    status: 200,
    summary: "The months of a customer that are billed or may be, newest first",
    params: customerParams,
    reply: z.array(billingMonth),
  }),
  listInvoices: route({
    method: "get",
    path: "/customers/{customer}/invoices",
    access: "viewer",
    status: 200,
    summary: "A customer's invoices, newest first",
    params: customerParams,
    reply: z.array(invoice),
  }),
  createInvoice: route({
    method: "post",
    path: "/customers/{customer}/invoices",
    access: "operator",
    status: 201,
    summary: "Issue the invoice of a month",
    params: customerParams,
    body: invoiceCreate,
    reply: invoice,
  }),
  readInvoice: route({
    method: "get",
    path: "/invoices/{id}",
    access: "signed-in",
    status: 200,
    summary: "One invoice; another customer's is not found",
    params: invoiceParams,
    reply: invoice,
  }),
  checkInvoice: route({
    method: "get",
    path: "/invoices/{id}/check",
    access: "signed-in",
    status: 200,
    summary: "Compute an invoice again from the usage ledger",
    params: invoiceParams,
    reply: invoiceCheck,
  }),
  payInvoice: route({
    method: "post",
    path: "/invoices/{id}/paid",
    access: "operator",
    status: 200,
    summary: "Mark an invoice paid",
    params: invoiceParams,
    reply: invoice,
  }),
} as const;
