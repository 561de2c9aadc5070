import type { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { USAGE_KEYS, type UsageBatch, type UsageEntry } from "../model/usage.ts";
import { monthOf, periodEndMs } from "../policy/billing/mod.ts";
import { sqliteFault } from "./sqlite/open.ts";
import { openUsageDatabase } from "./usage-schema.ts";

export const HOUR_MS = 3_600_000;
/** Usage older than this counts when it arrives, not when it was: months that old are closed. */
export const LATE_MS_MAX = 35 * 24 * HOUR_MS;
/** Batches that contradict one already taken are kept for a person, up to this many. */
const QUARANTINE_MAX = 1000;
const PAGE = 500;

/**
 * `known`: the very same batch is in the ledger already. `quarantined`: another batch of that name
 * is; this one was not taken.
 */
export type TakeOutcome = "taken" | "known" | "quarantined";

/** Sums as bigint: bytes of a year may exceed 2^53. */
export type UsageSum = Readonly<Record<(typeof USAGE_KEYS)[number], bigint>>;

export interface SiteUsage extends UsageSum {
  readonly site: string;
  readonly node: string;
}

/** A batch as the ledger holds it, its digest and link of the chain checked. */
export interface LedgerBatch {
  readonly id: number;
  readonly batch: UsageBatch;
  readonly receivedMs: number;
  readonly hash: string;
}

interface BatchRow {
  id: number;
  digest: string;
  received_ms: number;
  body: string;
  hash: string;
}

/**
 * The usage ledger: batches in the order they came, each once, chained by hashes, and their sums
 * by hour. One process owns the file. Calls block for one commit (about a millisecond).
 *
 * Every method throws Fault `store-busy`, `store-full` or `store-corrupt`.
 */
export class UsageLedger {
  readonly database: Database;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    this.database = openUsageDatabase(path);
  }

  /** Takes batches in one transaction; each outcome holds once this returns. */
  take(batches: readonly UsageBatch[], receivedMs: number): readonly TakeOutcome[] {
    return this.run(() => batches.map((batch) => this.#takeOne(batch, receivedMs)));
  }

  /** The last batch and the chain up to it. */
  head(): { readonly batch: number; readonly hash: string } {
    const sql = "select id, hash from batch order by id desc limit 1";
    const row = this.database.query(sql).get() as { id: number; hash: string } | null;
    return { batch: row?.id ?? 0, hash: row?.hash ?? "" };
  }

  /** A customer's usage by site and node, in whole hours that begin within [fromMs, toMs). */
  usage(customer: string, fromMs: number, toMs: number): readonly SiteUsage[] {
    const sql = `select site, node, ${SUMS} from rollup
      where customer = ? and hour_ms >= ? and hour_ms < ? group by site, node order by site, node`;
    const from = hourOf(fromMs);
    const rows = this.#all(sql, customer, from, toMs) as Record<string, string>[];
    return rows.map((row) => ({ site: row.site ?? "", node: row.node ?? "", ...sumOf(row) }));
  }

  /** The months, UTC, in which anything of a customer was counted, oldest first. */
  months(customer: string): readonly string[] {
    const sql = "select min(hour_ms) as hour from rollup where customer = ? and hour_ms >= ?";
    const months: string[] = [];
    // One step into the index for each month: a year of many sites has millions of rows.
    for (let fromMs = 0; ; ) {
      const [row] = this.#all(sql, customer, fromMs) as { hour: number | null }[];
      if (row?.hour == null) return months;
      const month = monthOf(row.hour);
      months.push(month);
      fromMs = periodEndMs(month);
    }
  }

  /** When the first batch came; null before. */
  sinceMs(): number | null {
    const row = this.database.query("select received_ms from batch order by id limit 1").get();
    return (row as { received_ms: number } | null)?.received_ms ?? null;
  }

  /** How many batches contradicted one that had been taken. */
  quarantined(): number {
    const row = this.database.query("select count(*) as n from quarantine").get();
    return (row as { n: number }).n;
  }

  /**
   * All batches in order, up to one, each checked against its digest and the chain. Reads in
   * pages and gives way between them. Throws `LedgerBroken` at the first that does not fit.
   */
  async *walk(upTo: number): AsyncGenerator<LedgerBatch> {
    let previous = { id: 0, hash: "" };
    for (;;) {
      const sql = "select * from batch where id > ? and id <= ? order by id limit ?";
      const rows = this.#all(sql, previous.id, upTo, PAGE) as BatchRow[];
      for (const row of rows) {
        const link = linkOf(previous.hash, row.id, digestOf(row.body), row.received_ms);
        if (row.id !== previous.id + 1 || link !== row.hash)
          throw new LedgerBroken(previous.id + 1);
        previous = row;
        const batch = decodeBody(row.body);
        yield { id: row.id, batch, receivedMs: row.received_ms, hash: row.hash };
      }
      if (rows.length < PAGE) break;
      await new Promise((resolve) => setImmediate(resolve));
    }
    if (previous.id < upTo) throw new LedgerBroken(previous.id + 1);
  }

  /** Runs `act` as one transaction that either is on disk when this returns, or never was. */
  run<T>(act: () => T): T {
    return this.read(() => this.database.transaction(act).immediate());
  }

  /** Runs queries; what SQLite says of the world becomes a Fault. */
  read<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw sqliteFault(error, this.#path);
    }
  }

  close(): void {
    this.database.run("pragma wal_checkpoint(truncate)");
    this.database.close();
  }

  #takeOne(batch: UsageBatch, receivedMs: number): TakeOutcome {
    const body = encodeBody(batch);
    const digest = digestOf(body);
    const name = [batch.node, batch.epoch, batch.seq] as const;
    const find = "select digest from batch where node = ? and epoch = ? and seq = ?";
    const known = this.database.query(find).get(...name) as { digest: string } | null;
    if (known !== null) {
      if (known.digest === digest) return "known";
      if (this.quarantined() < QUARANTINE_MAX)
        this.database
          .query("insert or ignore into quarantine values (?, ?, ?, ?, ?, ?)")
          .run(...name, digest, receivedMs, body);
      return "quarantined";
    }
    const head = this.head();
    const id = head.batch + 1;
    this.database
      .query("insert into batch values (?, ?, ?, ?, ?, ?, ?, ?)")
      .run(id, ...name, digest, receivedMs, body, linkOf(head.hash, id, digest, receivedMs));
    const hour = billedHour(batch.fromMs, receivedMs);
    const add = this.database.query(ADD);
    for (const entry of batch.entries) {
      const counts = USAGE_KEYS.map((key) => entry[key]);
      add.run(entry.customer, hour, entry.site, batch.node, ...counts);
    }
    return "taken";
  }

  #all(sql: string, ...values: (string | number)[]): unknown[] {
    return this.read(() => this.database.query(sql).all(...values));
  }
}

/** A batch whose digest or place in the chain is not what was written. */
export class LedgerBroken extends Error {
  override readonly name = "LedgerBroken";
  readonly batch: number;

  constructor(batch: number) {
    super(`The usage ledger does not fit at batch ${batch}`);
    this.batch = batch;
  }
}

const ADD = `insert into rollup values (?, ?, ?, ?, 0, ?, ?, ?, ?, ?)
  on conflict do update set requests = requests + excluded.requests, hits = hits + excluded.hits,
  bytes_out = bytes_out + excluded.bytes_out, bytes_in = bytes_in + excluded.bytes_in,
  queries = queries + excluded.queries`;

/** As text: bun:sqlite would round sums beyond 2^53. */
export const SUMS = [
  "cast(sum(requests) as text) as requests",
  "cast(sum(hits) as text) as hits",
  "cast(sum(bytes_out) as text) as bytesOut",
  "cast(sum(bytes_in) as text) as bytesIn",
  "cast(sum(queries) as text) as queries",
].join(", ");

export function sumOf(row: Readonly<Record<string, string>>): UsageSum {
  return {
    requests: BigInt(row.requests ?? 0),
    hits: BigInt(row.hits ?? 0),
    bytesOut: BigInt(row.bytesOut ?? 0),
    bytesIn: BigInt(row.bytesIn ?? 0),
    queries: BigInt(row.queries ?? 0),
  };
}

/**
 * The hour that a batch counts in: the node's own time, unless its clock is ahead of ours or the
 * batch is too old; then the time of receipt. A wrong clock moves usage, and never loses it.
 */
export function billedHour(fromMs: number, receivedMs: number): number {
  const plausible = fromMs <= receivedMs && fromMs >= receivedMs - LATE_MS_MAX;
  return hourOf(plausible ? fromMs : receivedMs);
}

function hourOf(atMs: number): number {
  return Math.floor(atMs / HOUR_MS) * HOUR_MS;
}

/** One text for one batch, whatever the order of its object's keys was. */
function encodeBody(b: UsageBatch): string {
  const entries = b.entries.map((e) => [e.customer, e.site, ...USAGE_KEYS.map((key) => e[key])]);
  return JSON.stringify([b.node, b.epoch, b.seq, b.fromMs, b.toMs, entries]);
}

type Body = [string, string, number, number, number, [string, string, ...number[]][]];

function decodeBody(text: string): UsageBatch {
  const [node, epoch, seq, fromMs, toMs, rows] = JSON.parse(text) as Body;
  const entries = rows.map(([customer, site, ...counts]) => {
    const counted = USAGE_KEYS.map((key, i) => [key, counts[i] ?? 0]);
    return { customer, site, ...Object.fromEntries(counted) } as UsageEntry;
  });
  return { node, epoch, seq, fromMs, toMs, entries };
}

function digestOf(body: string): string {
  return createHash("sha256").update(body).digest("hex");
}

function linkOf(previous: string, id: number, digest: string, receivedMs: number): string {
  return createHash("sha256").update(`${previous} ${id} ${digest} ${receivedMs}`).digest("hex");
}
