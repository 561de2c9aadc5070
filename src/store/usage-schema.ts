import { Database } from "bun:sqlite";
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Fault } from "../base/fault.ts";
import { sqliteFault } from "./sqlite/open.ts";

/** Version 1 of the ledger's tables; `pragma user_version` says which a file has. */
const TABLES = `
create table batch (
  id integer primary key, node text not null, epoch text not null, seq integer not null,
  digest text not null, received_ms integer not null, body text not null, hash text not null,
  unique (node, epoch, seq)
);
create table rollup (
  customer text not null, hour_ms integer not null, site text not null, node text not null,
  invoice integer not null default 0,
  requests integer not null, hits integer not null, bytes_out integer not null,
  bytes_in integer not null, queries integer not null,
  primary key (customer, hour_ms, site, node, invoice)
) without rowid;
create table quarantine (
  node text not null, epoch text not null, seq integer not null, digest text not null,
  received_ms integer not null, body text not null,
  primary key (node, epoch, seq, digest)
) without rowid;
create table invoice (
  number integer primary key, customer text not null, period text not null,
  part integer not null, body text not null, hash text not null, paid_ms integer,
  unique (customer, period, part)
);
create trigger invoice_stays before delete on invoice
  begin select raise(abort, 'An issued invoice is never removed'); end;
create trigger invoice_is_fixed before update of number, customer, period, part, body, hash on invoice
  begin select raise(abort, 'An issued invoice never changes'); end;
pragma user_version = 1;
`;
const VERSION = 1;
/** A whole check of a larger file takes too long at a start; `verify` does it in pieces. */
const CHECK_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Opens the ledger's file. What is committed is on disk (`synchronous=FULL`) before a node may
 * forget it.
 *
 * @throws Fault `store-corrupt`, `store-full` or `store-busy`
 */
export function openUsageDatabase(path: string): Database {
  let database: Database | null = null;
  try {
    if (path !== ":memory:") mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    database = new Database(path, { create: true, strict: true });
    database.run("pragma busy_timeout = 5000");
    database.run("pragma journal_mode = wal");
    database.run("pragma synchronous = full");
    if (path === ":memory:" || statSync(path).size <= CHECK_BYTES_MAX) check(database, path);
    const version = database.query("pragma user_version").get() as { user_version: number };
    if (version.user_version > VERSION)
      throw new Fault("store-corrupt", `${path} was written by a newer version`);
    if (version.user_version === 0) {
      const opened = database;
      opened.transaction(() => opened.run(TABLES))();
    }
    return database;
  } catch (error) {
    database?.close();
    throw sqliteFault(error, path);
  }
}

function check(database: Database, path: string): void {
  const row = database.query("pragma quick_check(1)").get() as { quick_check: string } | null;
  if (row?.quick_check !== "ok")
    throw new Fault("store-corrupt", `${path}: ${row?.quick_check ?? "nothing to read"}`);
}
