import { join } from "node:path";
import { Fault } from "../base/fault.ts";
import type { Problem } from "../base/result.ts";
import type { Invoice as InvoiceView, UsageRow } from "../model/api/mod.ts";
import type { Invoice, InvoiceLine } from "../model/invoice.ts";
import { monthOf, periodStartMs } from "../policy/billing/mod.ts";
import { InvoiceBook } from "../store/usage-invoices.ts";
import { HOUR_MS, UsageLedger } from "../store/usage-ledger.ts";
import type { Handlers } from "./api/serve.ts";
import type { Caller } from "./caller.ts";
import type { Deps } from "./deps.ts";
import { billingMonths, checkInvoice, invoiceId, issueInvoice } from "./invoices.ts";
import { mountMeter } from "./meter.ts";
import type { Counted } from "./predict-bills.ts";

export type BillingHandlers = Pick<
  Handlers,
  | "readUsage"
  | "listBillingMonths"
  | "listInvoices"
  | "createInvoice"
  | "readInvoice"
  | "checkInvoice"
  | "payInvoice"
>;

export interface Billing {
  readonly handlers: BillingHandlers;
  /** What was counted in the last day, or since counting began. */
  counted(): Counted;
  stop(): void;
}

/**
 * Opens the usage ledger, takes usage from the bus into it, and gives the routes that read it.
 *
 * @throws Fault `store-corrupt`, `store-full` or `store-busy`
 */
export function mountBilling(o: { readonly dataDir: string; readonly deps: Deps }): Billing {
  const { bus, clock, log } = o.deps;
  const ledger = new UsageLedger(join(o.dataDir, "usage.db"));
  const unmount = mountMeter({ bus, ledger, clock, log });
  return {
    handlers: billingHandlers(o.deps, ledger, new InvoiceBook(ledger)),
    counted: () => countedLately(ledger, clock.wallMs()),
    stop: () => {
      unmount();
      ledger.close();
    },
  };
}

const COUNTED_MS = 24 * HOUR_MS;

function countedLately(ledger: UsageLedger, nowMs: number): Counted {
  // Whole hours: the first of them begins here.
  const dayMs = Math.floor((nowMs - COUNTED_MS) / HOUR_MS) * HOUR_MS;
  const fromMs = Math.max(dayMs, ledger.sinceMs() ?? dayMs);
  return {
    spanMs: Math.max(1000, nowMs - fromMs),
    sites: (customer) =>
      ledger.usage(customer, fromMs, nowMs).map(({ site, bytesOut, requests, queries }) => ({
        site,
        bytesOut,
        requests,
        queries,
      })),
  };
}

/** Thin: each takes a checked call, asks the ledger or the book, and shapes the answer. */
export function billingHandlers(
  deps: Deps,
  ledger: UsageLedger,
  book: InvoiceBook,
): BillingHandlers {
  // Somebody who is no customer any more is billed by the plan of the last invoice.
  const planOf = async (customer: string) => {
    const { network } = await deps.store.intents.read();
    const found = network?.customers.find((c) => c.name === customer);
    const last = book.list(customer).at(-1)?.months.at(-1);
    const plan = network?.plans.find((p) => p.name === found?.plan) ?? last?.plan;
    if (plan === undefined) throw new Fault("not-found", customer);
    return plan;
  };
  // A check reads all of the ledger: one at a time.
  let checking: Promise<unknown> = Promise.resolve();
  const audit = async (caller: Caller, action: string, invoice: Invoice) => {
    const { customer, number, total, currency } = invoice;
    const changes = [`${invoiceId(number)} ${invoice.period}: ${total} ${currency}`];
    const subject = invoiceId(number);
    const atMs = deps.clock.wallMs();
    await deps.store.audits.add({ atMs, actor: caller.actor, customer, action, subject, changes });
  };
  const readOwn = (caller: Caller, id: string) => {
    const invoice = book.read(invoiceNumber(id));
    const hidden = caller.kind !== "operator" && invoice?.customer !== caller.customer;
    if (invoice === null || hidden) throw new Fault("not-found", id);
    return invoice;
  };
  return {
    readUsage: async ({ params, query }) => {
      await planOf(params.customer);
      const { fromMs, toMs } = spanOf(query, deps.clock.wallMs());
      return usageRows(ledger, params.customer, { fromMs, toMs });
    },
    listInvoices: async ({ params }) => {
      await planOf(params.customer);
      return book.list(params.customer).toReversed().map(invoiceView);
    },
    listBillingMonths: async ({ params }) => {
      await planOf(params.customer);
      return billingMonths({ ledger, book, clock: deps.clock }, params.customer);
    },
    createInvoice: async ({ caller, params, body }) => {
      const { customer } = params;
      const order = { customer, period: body.period, upToNow: body.upTo === "now" };
      const plan = await planOf(customer);
      const { invoice, fresh } = issueInvoice(book, deps.clock, { ...order, plan });
      if (fresh) await audit(caller, "invoice.issue", invoice);
      return invoiceView(invoice);
    },
    readInvoice: async ({ caller, params }) => invoiceView(readOwn(caller, params.id)),
    checkInvoice: async ({ caller, params }) => {
      const invoice = readOwn(caller, params.id);
      const check = checking.then(() => checkInvoice(book, invoice));
      checking = check.catch(() => {});
      const { batches, differences } = await check;
      const equal = differences.length === 0;
      const id = invoiceId(invoice.number);
      return { id, equal, batches, total: invoice.total, differences: [...differences] };
    },
    payInvoice: async ({ caller, params }) => {
      const before = readOwn(caller, params.id);
      const paid = book.pay(before.number, deps.clock.wallMs()) ?? before;
      if (before.state === "open") await audit(caller, "invoice.pay", paid);
      return invoiceView(paid);
    },
  };
}

function usageRows(
  ledger: UsageLedger,
  customer: string,
  span: { readonly fromMs: number; readonly toMs: number },
): UsageRow[] {
  const from = new Date(Math.floor(span.fromMs / HOUR_MS) * HOUR_MS).toISOString();
  const to = new Date(span.toMs).toISOString();
  return ledger.usage(customer, span.fromMs, span.toMs).map((row) => ({
    customer,
    site: row.site,
    node: row.node,
    from,
    to,
    requests: Number(row.requests),
    hits: Number(row.hits),
    bytesOut: Number(row.bytesOut),
    bytesIn: Number(row.bytesIn),
    queries: Number(row.queries),
  }));
}

/** From the first of this month until now, unless told otherwise. */
function spanOf(
  query: { readonly from?: string | undefined; readonly to?: string | undefined },
  nowMs: number,
): { fromMs: number; toMs: number } {
  const problems: Problem[] = [];
  const read = (path: "from" | "to", preset: number) => {
    const text = query[path];
    if (text === undefined) return preset;
    const atMs = Date.parse(text);
    if (!Number.isNaN(atMs)) return atMs;
    problems.push({ path, message: "expected a date or time such as 2026-11-22", received: text });
    return preset;
  };
  const toMs = read("to", nowMs + 1);
  const fromMs = read("from", Math.min(toMs, periodStartMs(monthOf(nowMs))));
  if (problems.length === 0 && fromMs > toMs)
    problems.push({ path: "from", message: "expected a time before to" });
  if (problems.length > 0) throw new Fault("bad-input", "", { problems });
  return { fromMs, toMs };
}

function invoiceNumber(id: string): number {
  const match = /^(?:TP-)?0*(\d{1,12})$/i.exec(id);
  if (match === null) throw new Fault("not-found", id);
  return Number(match[1]);
}

const UNIT_WORDS = {
  gigabytes: "GB",
  "million-requests": "million requests",
  "million-queries": "million lookups",
} as const;

function invoiceView(invoice: Invoice): InvoiceView {
  const { number, customer, period, part, currency, total, state, after, upTo } = invoice;
  const own = invoice.months.find((m) => m.month === period);
  return {
    id: invoiceId(number),
    number: invoiceId(number),
    customer,
    period,
    part,
    plan: own?.plan.name ?? "",
    currency,
    lines: invoice.lines.map((line) => ({
      text: line.text,
      quantity: line.quantity,
      unit: line.unit === null ? "" : UNIT_WORDS[line.unit],
      unitPrice: line.unitPrice,
      amount: line.amount,
      kind: line.kind,
      month: line.month,
      ...fromOf(invoice, line),
    })),
    total,
    state,
    issuedAt: new Date(invoice.issuedAtMs).toISOString(),
    paidAt: invoice.paidAtMs === null ? null : new Date(invoice.paidAtMs).toISOString(),
    covers: {
      afterBatch: after.batch,
      upToBatch: upTo.batch,
      upToAt: new Date(upTo.ms).toISOString(),
      chain: upTo.hash,
    },
    hash: invoice.hash,
  };
}

const COUNTER = {
  gigabytes: ["bytesOut", "bytes"],
  "million-requests": ["requests", "requests"],
  "million-queries": ["queries", "lookups"],
} as const;

/** The counts that a line of usage follows from. */
function fromOf(invoice: Invoice, line: InvoiceLine): { from?: string } {
  const month = invoice.months.find((m) => m.month === line.month);
  if (line.unit === null || month === undefined) return {};
  const [counter, word] = COUNTER[line.unit];
  const billed = BigInt(month.before[counter]);
  const words = `${month.now[counter]} ${word} in ${line.month}`;
  return { from: billed === 0n ? words : `${words}, ${billed} of them billed before` };
}
