import { createHash } from "node:crypto";
import type { BilledUsage, Invoice, InvoiceBody } from "../model/invoice.ts";
import type { UsageBatch } from "../model/usage.ts";
import { billedHour, SUMS, sumOf, type UsageLedger, type UsageSum } from "./usage-ledger.ts";

/** What an invoice is composed from, read in the transaction that stores it. */
export interface InvoiceMaterial {
  readonly number: number;
  readonly earlier: readonly InvoiceBody[];
  readonly head: { readonly batch: number; readonly hash: string };
  readonly usage: readonly HourlyUsage[];
}

/** One hour of a customer, over all sites and nodes. */
export interface HourlyUsage {
  readonly hourMs: number;
  /** In an earlier invoice. */
  readonly before: BilledUsage;
  /** With what this invoice takes. */
  readonly now: BilledUsage;
}

interface InvoiceRow {
  number: number;
  body: string;
  hash: string;
  paid_ms: number | null;
}

/**
 * Invoices as issued, beside the ledger and in one transaction with what they take of it: a sum of
 * the ledger carries the number of the invoice that took it, so nothing is on two of them.
 */
export class InvoiceBook {
  readonly #ledger: UsageLedger;

  constructor(ledger: UsageLedger) {
    this.#ledger = ledger;
  }

  /**
   * Stores what `compose` makes of the customer's usage in hours that begin before `untilMs`, and
   * marks that usage as taken; or nothing at all, when it gives null or throws.
   */
  issue(
    customer: string,
    untilMs: number,
    compose: (material: InvoiceMaterial) => InvoiceBody | null,
  ): Invoice | null {
    const { database } = this.#ledger;
    return this.#ledger.run(() => {
      const last = database.query("select max(number) as n from invoice").get() as {
        n: number | null;
      };
      const number = (last.n ?? 0) + 1;
      const earlier = this.#rows(customer).map((row) => JSON.parse(row.body) as InvoiceBody);
      const usage = this.#hours(customer, untilMs);
      const body = compose({ number, earlier, head: this.#ledger.head(), usage });
      if (body === null) return null;
      const text = JSON.stringify(body);
      database
        .query("insert into invoice values (?, ?, ?, ?, ?, ?, null)")
        .run(number, customer, body.period, body.part, text, hashOf(text));
      const take =
        "update rollup set invoice = ? where customer = ? and invoice = 0 and hour_ms < ?";
      database.query(take).run(number, customer, untilMs);
      return this.read(number);
    });
  }

  /** A customer's invoices, oldest first. */
  list(customer: string): readonly Invoice[] {
    return this.#rows(customer).map(invoiceOf);
  }

  read(number: number): Invoice | null {
    const sql = "select number, body, hash, paid_ms from invoice where number = ?";
    const row = this.#ledger.read(() => this.#ledger.database.query(sql).get(number));
    return row === null ? null : invoiceOf(row as InvoiceRow);
  }

  /** Whether the text of an invoice is the one that was issued. */
  intact(number: number): boolean {
    const sql = "select body, hash from invoice where number = ?";
    const row = this.#ledger.read(() => this.#ledger.database.query(sql).get(number));
    const { body, hash } = (row ?? { body: "", hash: "" }) as { body: string; hash: string };
    return hashOf(body) === hash;
  }

  /** Marks an invoice paid, once: the first time stands. Null if there is none. */
  pay(number: number, paidMs: number): Invoice | null {
    const sql = "update invoice set paid_ms = ? where number = ? and paid_ms is null";
    this.#ledger.run(() => this.#ledger.database.query(sql).run(paidMs, number));
    return this.read(number);
  }

  /**
   * Counts an invoice's usage again from the ledger's batches themselves, each checked against the
   * chain. Throws `LedgerBroken` where the ledger does not fit.
   */
  async recount(invoice: InvoiceBody): Promise<{
    readonly usage: readonly HourlyUsage[];
    readonly hash: string;
    readonly batches: number;
  }> {
    const before = new Map<number, Tally>();
    const now = new Map<number, Tally>();
    let hash = "";
    for await (const { id, batch, receivedMs, hash: link } of this.#ledger.walk(
      invoice.upTo.batch,
    )) {
      hash = link;
      const hour = billedHour(batch.fromMs, receivedMs);
      if (hour >= invoice.upTo.ms) continue;
      tally(now, hour, batch, invoice.customer);
      const taken = id <= invoice.after.batch && hour < invoice.after.ms;
      if (taken) tally(before, hour, batch, invoice.customer);
    }
    const usage = [...now].map(([hourMs, sum]) => ({
      hourMs,
      before: billed(before.get(hourMs) ?? ZERO),
      now: billed(sum),
    }));
    return { usage, hash, batches: invoice.upTo.batch };
  }

  #rows(customer: string): InvoiceRow[] {
    const sql =
      "select number, body, hash, paid_ms from invoice where customer = ? order by number";
    return this.#ledger.read(() => this.#ledger.database.query(sql).all(customer)) as InvoiceRow[];
  }

  #hours(customer: string, untilMs: number): HourlyUsage[] {
    const sql = `select cast(hour_ms as text) as hour, invoice > 0 as taken, ${SUMS} from rollup
      where customer = ? and hour_ms < ? group by hour_ms, invoice > 0`;
    const rows = this.#ledger.database.query(sql).all(customer, untilMs);
    const hours = new Map<number, { before: Tally; now: Tally }>();
    for (const row of rows as (Record<string, string> & { taken: string | number })[]) {
      const hour = hours.get(Number(row.hour)) ?? { before: ZERO, now: ZERO };
      const sum = sumOf(row);
      if (Number(row.taken) === 1) hour.before = sum;
      hour.now = plus(hour.now, sum);
      hours.set(Number(row.hour), hour);
    }
    return [...hours].map(([hourMs, { before, now }]) => ({
      hourMs,
      before: billed(before),
      now: billed(now),
    }));
  }
}

type Tally = Pick<UsageSum, "bytesOut" | "requests" | "queries">;

const ZERO: Tally = { bytesOut: 0n, requests: 0n, queries: 0n };

function plus(a: Tally, b: Tally): Tally {
  return {
    bytesOut: a.bytesOut + b.bytesOut,
    requests: a.requests + b.requests,
    queries: a.queries + b.queries,
  };
}

function tally(sums: Map<number, Tally>, hour: number, batch: UsageBatch, customer: string): void {
  for (const entry of batch.entries) {
    if (entry.customer !== customer) continue;
    const { bytesOut, requests, queries } = entry;
    const more = {
      bytesOut: BigInt(bytesOut),
      requests: BigInt(requests),
      queries: BigInt(queries),
    };
    sums.set(hour, plus(sums.get(hour) ?? ZERO, more));
  }
}

function billed(sum: Tally): BilledUsage {
  return {
    bytesOut: `${sum.bytesOut}`,
    requests: `${sum.requests}`,
    queries: `${sum.queries}`,
  };
}

/** Of the body's text as stored: keys keep the order they were issued in. */
function hashOf(body: string): string {
  return createHash("sha256").update(body).digest("hex");
}

function invoiceOf(row: InvoiceRow): Invoice {
  const body = JSON.parse(row.body) as InvoiceBody;
  const state = row.paid_ms === null ? "open" : "paid";
  return { ...body, hash: row.hash, state, paidAtMs: row.paid_ms };
}
