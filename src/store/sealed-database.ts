import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Fault } from "../base/fault.ts";
import { sqliteFault } from "./sqlite/open.ts";

/**
 * Opens a database of sealed secrets that one process owns, and makes its tables in a new one.
 *
 * @param o the statements of `version`, the last of which sets `pragma user_version`
 * @throws Fault `store-busy`, `store-full` or `store-corrupt`
 */
export function openSealedDatabase(
  path: string,
  o: { readonly tables: string; readonly version: number },
): Database {
  let database: Database | null = null;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    database = new Database(path, { create: true, strict: true });
    database.run("pragma busy_timeout = 5000");
    database.run("pragma journal_mode = wal");
    database.run("pragma synchronous = full");
    const { user_version: version } = database.query("pragma user_version").get() as {
      user_version: number;
    };
    if (version > o.version) {
      throw new Fault("store-corrupt", `${path} was written by a newer version`);
    }
    if (version === 0) database.run(o.tables);
    return database;
  } catch (error) {
    database?.close();
    throw sqliteFault(error, path);
  }
}
