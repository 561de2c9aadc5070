import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import {
  type Driver,
  Kysely,
  type Migration,
  Migrator,
  type SqliteDatabase,
  SqliteDialect,
} from "kysely";
import { Fault } from "../../base/fault.ts";
import { diskFault } from "../disk-fault.ts";
import * as control0001 from "../migrations/0001-control.ts";
import * as purgeScope0002 from "../migrations/0002-purge-scope.ts";
import * as claim0003 from "../migrations/0003-claim.ts";
import * as purgeFolded0004 from "../migrations/0004-purge-folded.ts";
import * as purgeTerm0005 from "../migrations/0005-purge-term.ts";
import * as purgeSite0006 from "../migrations/0006-purge-site.ts";
import * as purgeActor0007 from "../migrations/0007-purge-actor.ts";
import type { Db, Schema } from "./schema.ts";

const MIGRATIONS: Readonly<Record<string, Migration>> = {
  "0001-control": control0001,
  "0002-purge-scope": purgeScope0002,
  "0003-claim": claim0003,
  "0004-purge-folded": purgeFolded0004,
  "0005-purge-term": purgeTerm0005,
  "0006-purge-site": purgeSite0006,
  "0007-purge-actor": purgeActor0007,
};

/**
 * Opens a database file, checks that it is sound, and brings its tables up to date.
 *
 * A commit is on disk before it is acknowledged (`synchronous=FULL`), so what callers were told
 * survives kill -9 and power loss.
 *
 * @throws Fault `store-corrupt`, `store-full` or `store-busy`
 */
export async function openSqlite(path: string): Promise<Db> {
  const database = openSound(path);
  const db = new Kysely<Schema>({
    // bun:sqlite has the shape that Kysely asks for, but other words for it in its types.
    dialect: new RollingBack({ database: database as unknown as SqliteDatabase }),
  });
  const migrator = new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } });
  const { error } = await migrator.migrateToLatest();
  if (error === undefined) return db;
  await db.destroy();
  const newer = error instanceof Error && error.message.includes("is missing");
  throw newer
    ? new Fault("store-corrupt", `${path} was written by a newer version`, { cause: error })
    : sqliteFault(error, `cannot bring ${path} up to date`);
}

/**
 * A full disk makes SQLite roll back by itself; Kysely's own rollback then fails, and its error
 * would hide the one that matters.
 */
class RollingBack extends SqliteDialect {
  override createDriver(): Driver {
    const driver = super.createDriver();
    const rollBack = driver.rollbackTransaction.bind(driver);
    driver.rollbackTransaction = async (connection) => {
      try {
        await rollBack(connection);
      } catch (error) {
        if (!String(error).includes("no transaction is active")) throw error;
      }
    };
    return driver;
  }
}

function openSound(path: string): Database {
  let database: Database | null = null;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    database = new Database(path, { create: true, strict: false });
    database.run("pragma busy_timeout = 5000");
    database.run("pragma journal_mode = wal");
    database.run("pragma synchronous = full");
    database.run("pragma foreign_keys = on");
    const rows = database.query("pragma integrity_check(1)").all() as { integrity_check: string }[];
    const said = rows[0]?.integrity_check ?? "nothing";
    if (said !== "ok") throw new Fault("store-corrupt", `${path}: ${firstLine(said)}`);
    return database;
  } catch (error) {
    database?.close();
    throw sqliteFault(error, path);
  }
}

/** What SQLite says of the world, as a Fault; a bug of ours as it came. */
export function sqliteFault(error: unknown, where: string): unknown {
  if (error instanceof Fault) return error;
  const code = String((error as { code?: unknown } | null)?.code ?? "");
  const detail = `${where}: ${firstLine((error as Error | null)?.message ?? "")}`;
  if (/^SQLITE_(BUSY|LOCKED)/.test(code)) return new Fault("store-busy", detail, { cause: error });
  if (/^SQLITE_(FULL|IOERR_WRITE|IOERR_FSYNC|IOERR_SHM)/.test(code)) {
    return new Fault("store-full", detail, { cause: error });
  }
  if (/^SQLITE_(CORRUPT|NOTADB|CANTOPEN|IOERR|READONLY|PERM)/.test(code)) {
    return new Fault("store-corrupt", detail, { cause: error });
  }
  return diskFault(error, detail);
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}
