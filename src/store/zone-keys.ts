import type { Database } from "bun:sqlite";
import { Fault } from "../base/fault.ts";
import type { Rng } from "../base/rng.ts";
import type { ZoneKey, ZoneKeyAlgorithm, ZoneKeyState } from "../model/zone-keys.ts";
import { masterKey, seal, unseal } from "./sealed.ts";
import { openSealedDatabase } from "./sealed-database.ts";
import { sqliteFault } from "./sqlite/open.ts";

/** Version 1; `pragma user_version` says which a file has. */
const TABLES = `
create table zone_key (
  id integer primary key autoincrement, zone text not null, algorithm integer not null,
  state text not null, public_key text not null unique, sealed blob not null,
  changed_ms integer not null
);
create index zone_key_zone on zone_key (zone);
pragma user_version = 1;
`;
const VERSION = 1;

export interface StoredZoneKey extends ZoneKey {
  readonly id: number;
  /** When it came into its state. */
  readonly changedMs: number;
}

interface Row {
  id: number;
  zone: string;
  algorithm: number;
  state: string;
  public_key: string;
  sealed: Uint8Array;
  changed_ms: number;
}

/** What a step of a roll changes, all at once. */
export interface KeyStep {
  readonly add?: ZoneKey;
  readonly move?: readonly { readonly id: number; readonly state: ZoneKeyState }[];
  readonly remove?: readonly number[];
}

/**
 * The keys of signed zones, private parts sealed with a master key from a file of its own. One
 * process owns both. Every method throws Fault `store-busy`, `store-full` or `store-corrupt`.
 */
export class ZoneKeyStore {
  readonly #path: string;
  readonly #database: Database;
  readonly #master: Uint8Array;
  readonly #rng: Rng;

  constructor(o: { readonly path: string; readonly masterPath: string; readonly rng: Rng }) {
    this.#path = o.path;
    this.#rng = o.rng;
    this.#database = openSealedDatabase(o.path, { tables: TABLES, version: VERSION });
    try {
      this.#master = masterKey(o.masterPath, o.rng, this.#rows().length === 0);
      // A wrong master key must be noticed at the start, not when a zone is to be signed.
      this.list();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** In the order in which they were made. */
  list(): readonly StoredZoneKey[] {
    return this.#rows().map((row) => this.#open(row));
  }

  step(step: KeyStep, nowMs: number): void {
    const run = this.#database.transaction(() => {
      for (const id of step.remove ?? []) {
        this.#database.query("delete from zone_key where id = ?").run(id);
      }
      for (const { id, state } of step.move ?? []) {
        const update = "update zone_key set state = ?, changed_ms = ? where id = ?";
        this.#database.query(update).run(state, nowMs, id);
      }
      if (step.add !== undefined) this.#insert(step.add, nowMs);
    });
    this.#guarded(() => run());
  }

  close(): void {
    this.#database.close();
  }

  #rows(): readonly Row[] {
    return this.#guarded(() => {
      return this.#database.query("select * from zone_key order by id").all() as Row[];
    });
  }

  #insert(key: ZoneKey, nowMs: number): void {
    const secret = Buffer.from(key.privateKey, "base64");
    const sealed = seal(this.#master, { name: nameOf(key), secret, rng: this.#rng });
    const insert = `insert into zone_key (zone, algorithm, state, public_key, sealed, changed_ms)
      values (?, ?, ?, ?, ?, ?)`;
    const { zone, algorithm, state, publicKey } = key;
    this.#database.query(insert).run(zone, algorithm, state, publicKey, sealed, nowMs);
  }

  #open(row: Row): StoredZoneKey {
    const key = {
      id: row.id,
      zone: row.zone,
      algorithm: row.algorithm as ZoneKeyAlgorithm,
      state: row.state as ZoneKeyState,
      publicKey: row.public_key,
      changedMs: row.changed_ms,
    };
    try {
      const secret = unseal(this.#master, nameOf(key), row.sealed);
      return { ...key, privateKey: Buffer.from(secret).toString("base64") };
    } catch {
      const detail = `${this.#path}: the master key does not open a key of ${row.zone}`;
      throw new Fault("store-corrupt", detail);
    }
  }

  #guarded<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw sqliteFault(error, this.#path);
    }
  }
}

function nameOf(key: { readonly zone: string; readonly publicKey: string }): string {
  return `${key.zone} ${key.publicKey}`;
}
