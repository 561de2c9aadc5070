import type { Database } from "bun:sqlite";
import type { ZoneKey, ZoneKeyAlgorithm, ZoneKeyState } from "../model/zone-keys.ts";
import { SealedDatabase, type SealedPlace } from "./sealed-database.ts";

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
  readonly #sealed: SealedDatabase;

  constructor(place: SealedPlace) {
    const schema = { tables: TABLES, version: VERSION };
    this.#sealed = new SealedDatabase(place, { ...schema, sealed: "select 1 from zone_key" });
    // A wrong master key must be noticed at the start, not when a zone is to be signed.
    this.#sealed.closedUnless(() => this.list());
  }

  /** In the order in which they were made. */
  list(): readonly StoredZoneKey[] {
    return this.#rows().map((row) => this.#open(row));
  }

  step(step: KeyStep, nowMs: number): void {
    this.#sealed.guarded((database) => {
      const run = database.transaction(() => {
        for (const id of step.remove ?? []) {
          database.query("delete from zone_key where id = ?").run(id);
        }
        for (const { id, state } of step.move ?? []) {
          const update = "update zone_key set state = ?, changed_ms = ? where id = ?";
          database.query(update).run(state, nowMs, id);
        }
        if (step.add !== undefined) this.#insert(database, step.add, nowMs);
      });
      run();
    });
  }

  close(): void {
    this.#sealed.close();
  }

  #rows(): readonly Row[] {
    return this.#sealed.guarded((database) => {
      return database.query("select * from zone_key order by id").all() as Row[];
    });
  }

  #insert(database: Database, key: ZoneKey, nowMs: number): void {
    const sealed = this.#sealed.seal(nameOf(key), Buffer.from(key.privateKey, "base64"));
    const insert = `insert into zone_key (zone, algorithm, state, public_key, sealed, changed_ms)
      values (?, ?, ?, ?, ?, ?)`;
    const { zone, algorithm, state, publicKey } = key;
    database.query(insert).run(zone, algorithm, state, publicKey, sealed, nowMs);
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
    const of = { name: nameOf(key), what: `a key of ${row.zone}` };
    return { ...key, privateKey: this.#sealed.open(row.sealed, of).toString("base64") };
  }
}

function nameOf(key: { readonly zone: string; readonly publicKey: string }): string {
  return `${key.zone} ${key.publicKey}`;
}
