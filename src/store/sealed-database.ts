import { Database } from "bun:sqlite";
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Fault } from "../base/fault.ts";
import type { Rng } from "../base/rng.ts";
import { masterKey, seal, unseal } from "./sealed.ts";
import { sqliteFault } from "./sqlite/open.ts";

/** Where a store of secrets is, and the file of its master key. */
export interface SealedPlace {
  readonly path: string;
  readonly masterPath: string;
  readonly rng: Rng;
}

interface SealedSchema {
  /** The statements of `version`, the last of which sets `pragma user_version`. */
  readonly tables: string;
  readonly version: number;
  /** A query with a row wherever something is sealed already. */
  readonly sealed: string;
  /** What is removed must be gone from the file, too. */
  readonly secureDelete?: true;
}

/**
 * A database of secrets that are sealed with a master key from a file of its own; its tables are made in a
 * new one. One process owns both. Every method throws Fault `store-busy`, `store-full` or `store-corrupt`.
 */
export class SealedDatabase {
  readonly #path: string;
  readonly #rng: Rng;
  readonly #database: Database;
  readonly #master: Uint8Array;

  constructor({ path, masterPath, rng }: SealedPlace, schema: SealedSchema) {
    this.#path = path;
    this.#rng = rng;
    this.#database = openDatabase(path, schema);
    this.#master = this.closedUnless(() => {
      if (schema.secureDelete === true) this.#database.run("pragma secure_delete = on");
      const isFresh = this.guarded((database) => database.query(schema.sealed).get() === null);
      return masterKey(masterPath, rng, isFresh);
    });
  }

  /** What it does with the database; what fails is a Fault. */
  guarded<T>(act: (database: Database) => T): T {
    try {
      return act(this.#database);
    } catch (error) {
      throw sqliteFault(error, this.#path);
    }
  }

  /** What a store looks at when it opens, such as that the master key fits; closed if that fails. */
  closedUnless<T>(look: () => T): T {
    try {
      return look();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** @param name bound to the envelope: it passes for no other */
  seal(name: string, secret: Uint8Array): Uint8Array {
    return seal(this.#master, { name, secret, rng: this.#rng });
  }

  /** @param o what it is, in words */
  open(sealed: Uint8Array, o: { readonly name: string; readonly what: string }): Buffer {
    try {
      return Buffer.from(unseal(this.#master, o.name, sealed));
    } catch {
      const detail = `${this.#path}: the master key does not open ${o.what}`;
      throw new Fault("store-corrupt", detail);
    }
  }

  close(): void {
    this.#database.close();
  }
}

function openDatabase(path: string, o: SealedSchema): Database {
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
