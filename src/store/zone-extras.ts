import { Fault } from "../base/fault.ts";
import type { Challenge, TsigSecret, TsigUse } from "../model/zone-extras.ts";
import type { TsigAlgorithm } from "../wire/dns/mod.ts";
import { SealedDatabase, type SealedPlace } from "./sealed-database.ts";

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
  readonly #sealed: SealedDatabase;

  constructor(place: SealedPlace) {
    const schema = { tables: TABLES, version: VERSION };
    this.#sealed = new SealedDatabase(place, { ...schema, sealed: "select 1 from tsig_key" });
    this.#sealed.closedUnless(() => this.listTsig());
  }

  /** By name. */
  listTsig(): readonly StoredTsig[] {
    return this.#rows().map((row) => ({
      name: row.name,
      customer: row.customer,
      use: row.use as TsigUse,
      algorithm: row.algorithm as TsigAlgorithm,
      secret: this.#sealed
        .open(row.sealed, { name: row.name, what: `the TSIG key ${row.name}` })
        .toString("base64"),
      createdMs: row.created_ms,
    }));
  }

  /** @throws Fault `conflict` when there is one of this name */
  addTsig(key: StoredTsig): void {
    const { name, customer, use, algorithm, createdMs } = key;
    if (this.#rows().some((row) => row.name === name)) throw new Fault("conflict", name);
    const sealed = this.#sealed.seal(name, Buffer.from(key.secret, "base64"));
    const insert = "insert into tsig_key values (?, ?, ?, ?, ?, ?)";
    this.#sealed.guarded((database) => {
      database.query(insert).run(name, customer, use, algorithm, sealed, createdMs);
    });
  }

  dropTsig(name: string): void {
    this.#sealed.guarded((database) =>
      database.query("delete from tsig_key where name = ?").run(name),
    );
  }

  listChallenges(): readonly Challenge[] {
    const select = "select * from challenge order by name, value";
    const rows = this.#sealed.guarded((database) => database.query(select).all()) as {
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
    this.#sealed.guarded((database) => {
      const run = database.transaction(() => {
        database.run("delete from challenge");
        const insert = database.query("insert into challenge values (?, ?, ?, ?)");
        for (const { customer, name, value, expiresMs } of challenges) {
          insert.run(customer, name, value, expiresMs);
        }
      });
      run();
    });
  }

  close(): void {
    this.#sealed.close();
  }

  #rows(): readonly TsigRow[] {
    return this.#sealed.guarded((database) => {
      return database.query("select * from tsig_key order by name").all() as TsigRow[];
    });
  }
}
