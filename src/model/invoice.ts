import { z } from "zod";
import { amount, meteredUnit, plan } from "./plan.ts";

/** A calendar month in UTC. */
export const period = z
  .string()
  .regex(/^20\d\d-(0[1-9]|1[0-2])$/, { message: "expected a month such as 2026-11" });

/** An exact count or number of bytes: digits, because it may exceed 2^53. */
const exact = z.string().regex(/^\d{1,30}$/, { message: "expected a whole number in quotes" });

const money = z.string().regex(/^\d{1,15}\.\d{2}$/, { message: 'expected an amount: "12.50"' });

/** What plans rate, summed over a calendar month: exact counts. */
export const billedUsage = z.strictObject({ bytesOut: exact, requests: exact, queries: exact });
export type BilledUsage = z.infer<typeof billedUsage>;

/** One line. `amount` = cents(all of the month so far) - cents(what earlier invoices of it took). */
export const invoiceLine = z.strictObject({
  kind: z.enum(["fixed", "subscription", "lump-sum", "usage"]),
  text: z.string(),
  /** The month it belongs to: an earlier one than the invoice's when usage arrived late. */
  month: period,
  unit: meteredUnit.nullable(),
  /** Exact, in `unit`; "1" for fees. */
  quantity: z.string(),
  unitPrice: amount,
  amount: money,
});
export type InvoiceLine = z.infer<typeof invoiceLine>;

/** One month an invoice touches: its plan, and usage before this invoice and with it. */
export const invoiceMonth = z.strictObject({
  month: period,
  plan,
  before: billedUsage,
  now: billedUsage,
});
export type InvoiceMonth = z.infer<typeof invoiceMonth>;

/**
 * An invoice as issued: never changed. It covers all usage of the customer in ledger batches up to
 * `upTo.batch` and in hours that began before `upTo.ms`, less what the one before it covered.
 */
export const invoiceBody = z.strictObject({
  /** Sequential over all customers, without gaps. */
  number: z.int().min(1),
  customer: z.string(),
  period,
  /** 1 for the first invoice of that month; more only after one issued before the month's end. */
  part: z.int().min(1),
  /** The customer's invoice before this one. */
  previous: z.int().min(1).nullable(),
  after: z.strictObject({ batch: z.int().min(0), ms: z.int().min(0) }),
  /** `hash` is the ledger's chain at that batch. */
  upTo: z.strictObject({ batch: z.int().min(0), ms: z.int().min(0), hash: z.string() }),
  currency: z.enum(["EUR", "USD"]),
  months: z.array(invoiceMonth),
  lines: z.array(invoiceLine),
  total: money,
  issuedAtMs: z.int().min(0),
});
export type InvoiceBody = z.infer<typeof invoiceBody>;

export const invoice = invoiceBody.extend({
  /** SHA-256 of the canonical JSON of the body, 64 hex digits. */
  hash: z.string(),
  state: z.enum(["open", "paid"]),
  paidAtMs: z.int().min(0).nullable(),
});
export type Invoice = z.infer<typeof invoice>;
