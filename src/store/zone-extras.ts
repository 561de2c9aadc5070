import type { Database } from "bun:sqlite";
import { Fault } from "../base/fault.ts";
import type { Rng } from "../base/rng.ts";
import type { Challenge, TsigSecret, TsigUse } from "../model/zone-extras.ts";
import type { TsigAlgorithm } from "../wire/dns/mod.ts";
import { masterKey, seal, unseal } from "./sealed.ts";
import { openSealedDatabase } from "./sealed-database.ts";
import { sqliteFault } from "./sqlite/open.ts";

const TABLES = `
create table tsig_key (
  name text primary key, customer text not null, use text not null, algorithm text not null,
  sealed blob not null, created_ms integer not null
);
create table challenge (
  customer text not null, name text not null, value text not null, expires_ms integer not null,
  primary key (name, value)
);
pragma user_version = 1;
`;
const VERSION = 1;

export interface StoredTsig extends TsigSecret {
  readonly createdMs: number;
}

interface TsigRow {
  name: string;
  customer: string;
  use: string;
  algorithm: string;
  sealed: Uint8Array;
  created_ms: number;
}

/**
 * TSIG keys, sealed with a master key from a file of its own, and challenges that updates have set.
 * One process owns both. Every method throws Fault `store-busy`, `store-full` or `store-corrupt`.
 */
export class ZoneExtraStore {
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
      this.listTsig();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** By name. */
  listTsig(): readonly StoredTsig[] {
    return this.#rows().map((row) => ({
      name: row.name,
      customer: row.customer,
      use: row.use as TsigUse,
      algorithm: row.algorithm as TsigAlgorithm,
      secret: this.#open(row),
      createdMs: row.created_ms,
    }));
  }

  /** @throws Fault `conflict` when there is one of this name */
  addTsig(key: StoredTsig): void {
    const { name, customer, use, algorithm, createdMs } = key;
    if (this.#rows().some((row) => row.name === name)) throw new Fault("conflict", name);
    const secret = Buffer.from(key.secret, "base64");
    const sealed = seal(this.#master, { name, secret, rng: this.#rng });
    const insert = "insert into tsig_key values (?, ?, ?, ?, ?, ?)";
    this.#guarded(() => {
      this.#database.query(insert).run(name, customer, use, algorithm, sealed, createdMs);
    });
  }

  dropTsig(name: string): void {
    this.#guarded(() => this.#database.query("delete from tsig_key where name = ?").run(name));
  }

  listChallenges(): readonly Challenge[] {
    const select = "select * from challenge order by name, value";
    const rows = this.#guarded(() => this.#database.query(select).all()) as {
      customer: string;
      name: string;
      value: string;
      expires_ms: number;
    }[];
    return rows.map(({ customer, name, value, expires_ms }) => {
      return { customer, name, value, expiresMs: expires_ms };
    });
  }

  /** Makes these all there are. */
  putChallenges(challenges: readonly Challenge[]): void {
    const run = this.#database.transaction(() => {
      this.#database.run("delete from challenge");
      const insert = this.#database.query("insert into challenge values (?, ?, ?, ?)");
      for (const { customer, name, value, expiresMs } of challenges) {
        insert.run(customer, name, value, expiresMs);
      }
    });
    this.#guarded(() => run());
  }

  close(): void {
    this.#database.close();
  }

  #rows(): readonly TsigRow[] {
    return this.#guarded(() => {
      return this.#database.query("select * from tsig_key order by name").all() as TsigRow[];
    });
  }

  #open(row: TsigRow): string {
    try {
      return Buffer.from(unseal(this.#master, row.name, row.sealed)).toString("base64");
    } catch {
      const detail = `${this.#path}: the master key does not open the TSIG key ${row.name}`;
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
