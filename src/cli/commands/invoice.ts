import type { Command } from "commander";
import type { Invoice, InvoiceCheck } from "../../model/api/mod.ts";
import { noun, table, verb } from "./verb.ts";

export function registerInvoices(program: Command): void {
  const parent = noun(program, "invoice", "Invoices: issue, read, compute again, mark paid");
  registerCreate(parent);
  registerReading(parent);
  registerActs(parent);
}

interface CreateFlags {
  readonly period?: string;
  readonly upToNow?: boolean;
}

function registerCreate(parent: Command): void {
  verb<CreateFlags>(parent, {
    usage: "create <customer>",
    description: "Issue the invoice of a month; the one there is, if it was issued before",
    examples: [
      "turnpike invoice create shop --period 2026-10",
      "turnpike invoice create shop --up-to-now",
    ],
    options: [
      ["--period <month>", "such as 2026-10; default: last month, or this one with --up-to-now"],
      ["--up-to-now", "bill the running month as far as it went; the rest follows"],
    ],
    run: async ({ api, args, flags, print }) => {
      const now = flags.upToNow === true;
      const period = flags.period ?? monthBefore(new Date(), now ? 0 : 1);
      const body = now ? { period, upTo: "now" as const } : { period };
      const invoice = await api.call("createInvoice", {
        params: { customer: args[0] ?? "" },
        body,
      });
      print(invoice, invoiceWords(invoice));
      return 0;
    },
  });
}

/** A month in UTC, so many before the one that an instant is in. */
function monthBefore(at: Date, months: number): string {
  return new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() - months))
    .toISOString()
    .slice(0, 7);
}

function registerReading(parent: Command): void {
  verb(parent, {
    usage: "list <customer>",
    description: "A customer's invoices, newest first",
    examples: ["turnpike invoice list shop"],
    run: async ({ api, args, print }) => {
      const invoices = await api.call("listInvoices", { params: { customer: args[0] ?? "" } });
      const cells = invoices.map((i) => [
        i.id,
        i.part > 1 ? `${i.period} part ${i.part}` : i.period,
        i.plan,
        `${i.total} ${i.currency}`,
        i.state,
        i.issuedAt,
      ]);
      print(
        invoices,
        table(["INVOICE", "PERIOD", "PLAN", "TOTAL", "STATE", "ISSUED"], cells, "No invoices"),
      );
      return 0;
    },
  });
  verb(parent, {
    usage: "show <invoice>",
    description: "One invoice with its lines",
    examples: ["turnpike invoice show TP-000001"],
    run: async ({ api, args, print }) => {
      const invoice = await api.call("readInvoice", { params: { id: args[0] ?? "" } });
      print(invoice, invoiceWords(invoice));
      return 0;
    },
  });
}

function registerActs(parent: Command): void {
  verb(parent, {
    usage: "verify <invoice>",
    description: "Compute an invoice again from the usage ledger. Exit code 1: it differs",
    examples: ["turnpike invoice verify TP-000001"],
    run: async ({ api, args, print }) => {
      const check = await api.call("checkInvoice", { params: { id: args[0] ?? "" } });
      print(check, checkWords(check));
      return check.equal ? 0 : 1;
    },
  });
  verb(parent, {
    usage: "pay <invoice>",
    description: "Mark an invoice paid (operator)",
    examples: ["turnpike invoice pay TP-000001"],
    run: async ({ api, args, print }) => {
      const invoice = await api.call("payInvoice", { params: { id: args[0] ?? "" } });
      print(
        invoice,
        `${invoice.id} is paid: ${invoice.total} ${invoice.currency}, ${invoice.paidAt}`,
      );
      return 0;
    },
  });
}

export function invoiceWords(invoice: Invoice): string[] {
  const part = invoice.part > 1 ? `, part ${invoice.part}` : "";
  const paid = invoice.paidAt === null ? "" : ` ${invoice.paidAt}`;
  const { afterBatch, upToBatch, upToAt } = invoice.covers;
  const cells = invoice.lines.map((line) => [
    line.month === invoice.period ? line.text : `${line.month}: ${line.text}`,
    `${line.quantity} ${line.unit}`.trimEnd(),
    line.unitPrice,
    line.amount,
    line.from ?? "",
  ]);
  const lines =
    cells.length === 0
      ? ["Nothing to pay"]
      : table(["LINE", "QUANTITY", "PRICE", "AMOUNT", "FROM"], cells);
  return [
    `Invoice ${invoice.id}: ${invoice.customer}, ${invoice.period}${part}, plan ${invoice.plan}`,
    `Issued ${invoice.issuedAt}, ${invoice.state}${paid}`,
    `Covers ledger batches ${afterBatch + 1} to ${upToBatch}, hours that began before ${upToAt}`,
    "",
    ...lines,
    "",
    `Total ${invoice.total} ${invoice.currency}`,
  ];
}

export function checkWords(check: InvoiceCheck): string[] {
  if (check.equal)
    return [`${check.id} is equal: ${check.total} from ${check.batches} ledger batches read again`];
  return [`${check.id} differs:`, ...check.differences.map((words) => `  ${words}`)];
}
