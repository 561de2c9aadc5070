import type { Database } from "bun:sqlite";
import { Fault } from "../base/fault.ts";
import type { Rng } from "../base/rng.ts";
import { masterKey, seal, unseal } from "./sealed.ts";
import { openSealedDatabase } from "./sealed-database.ts";
import { sqliteFault } from "./sqlite/open.ts";

const VERSION = 1;

export interface SealedSecret {
  readonly customer: string;
  readonly name: string;
  readonly secret: Uint8Array;
  readonly madeMs: number;
}

export interface SealedSecretsOptions {
  readonly path: string;
  readonly masterPath: string;
  readonly rng: Rng;
}

interface Row {
  customer: string;
  name: string;
  sealed: Uint8Array;
  made_ms: number;
}

/**
 * Customers' secrets of one kind by name, sealed with a master key from a file of its own. One process
 * owns both. Every method throws Fault `store-busy`, `store-full` or `store-corrupt`.
 */
export class SealedSecrets {
  readonly #path: string;
  readonly #database: Database;
  readonly #master: Uint8Array;
  readonly #rng: Rng;
  readonly #kind: string;
  readonly #table: string;

  /** @param kind what they are, in lower case: the table's name, and bound to each envelope */
  constructor(kind: string, o: SealedSecretsOptions) {
    this.#path = o.path;
    this.#rng = o.rng;
    this.#kind = kind;
    this.#table = `${kind}_key`;
    const tables = `
create table ${this.#table} (
  customer text not null, name text not null, sealed blob not null, made_ms integer not null,
  primary key (customer, name)
) without rowid;
pragma user_version = ${VERSION};
`;
    this.#database = openSealedDatabase(o.path, { tables, version: VERSION });
    try {
      this.#master = masterKey(o.masterPath, o.rng, this.#rows().length === 0);
      // A wrong master key must be noticed at the start, not when a secret is needed.
      this.list();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** By customer and name. */
  list(): readonly SealedSecret[] {
    return this.#rows().map(({ customer, name, sealed, made_ms: madeMs }) => {
      try {
        const secret = unseal(this.#master, this.#nameOf(customer, name), sealed);
        return { customer, name, secret, madeMs };
      } catch {
        const detail = `${this.#path}: the master key does not open ${name} of ${customer}`;
        throw new Fault("store-corrupt", detail);
      }
    });
  }

  /** Adds it, or takes its namesake's place. */
  put({ customer, name, secret, madeMs }: SealedSecret): void {
    const named = { name: this.#nameOf(customer, name), secret, rng: this.#rng };
    const sealed = seal(this.#master, named);
    const put = `insert or replace into ${this.#table} values (?, ?, ?, ?)`;
    this.#guarded(() => this.#database.query(put).run(customer, name, sealed, madeMs));
  }

  /** True when there was one. */
  remove(customer: string, name: string): boolean {
    const remove = `delete from ${this.#table} where customer = ? and name = ?`;
    return this.#guarded(() => this.#database.query(remove).run(customer, name).changes > 0);
  }

  close(): void {
    this.#database.close();
  }

  #rows(): readonly Row[] {
    const all = `select * from ${this.#table} order by customer, name`;
    return this.#guarded(() => this.#database.query(all).all() as Row[]);
  }

  #nameOf(customer: string, name: string): string {
    return `${this.#kind} ${customer} ${name}`;
  }

  #guarded<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw sqliteFault(error, this.#path);
    }
  }
}
