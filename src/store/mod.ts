/**
 * Memory that lasts. `Store` is what the control plane keeps: intent by version, snapshots, people,
 * the purge log and the audit chain, in SQLite through Kysely; a change and its audit entry are one
 * transaction. `snapshot-disk` is each node's own copy of the last good snapshots. The spool and
 * the ledger of usage are beside them, in files of their own.
 *
 * No rule about who may do what lives here, and no random number or clock is read here.
 */
export { readLatestSnapshot, writeSnapshot } from "./snapshot-disk.ts";
export { openSqliteStore } from "./sqlite/store.ts";
export type * from "./store.ts";
