import { sql } from "kysely";
import type { Rng } from "../../base/rng.ts";
import type { Store } from "../store.ts";
import { auditStore } from "./audit.ts";
import { claimStore } from "./claim.ts";
import { intentStore } from "./intent.ts";
import { openSqlite, sqliteFault } from "./open.ts";
import { peopleStore } from "./people.ts";
import { purgeStore } from "./purge.ts";

/**
 * The store in one SQLite file. One process at a time owns it.
 *
 * @param rng of which nobody has drawn the same: terms are told apart by it
 * @throws Fault `store-corrupt`, `store-full` or `store-busy`; so do all methods
 */
export async function openSqliteStore(path: string, rng: Rng): Promise<Store> {
  const db = await openSqlite(path);
  return {
    intents: guarded(intentStore(db), path),
    people: guarded(peopleStore(db), path),
    purges: guarded(purgeStore(db, rng), path),
    audits: guarded(auditStore(db), path),
    claims: guarded(claimStore(db), path),
    place: path,
    async close() {
      // Statements not yet collected keep the file open: fold the log in now, not then.
      // On a full disk it stays in the log, which is as good.
      await sql`pragma wal_checkpoint(truncate)`.execute(db).catch(() => {});
      await db.destroy();
    },
  };
}

/** The same methods, whose failures of the world are Faults. */
function guarded<T extends object>(store: T, path: string): T {
  const wrap = (method: (...args: unknown[]) => Promise<unknown>) => {
    return async (...args: unknown[]) => {
      try {
        return await method(...args);
      } catch (error) {
        throw sqliteFault(error, path);
      }
    };
  };
  return Object.fromEntries(Object.entries(store).map(([name, m]) => [name, wrap(m)])) as T;
}
