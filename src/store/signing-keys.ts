import type { Database } from "bun:sqlite";
import { Fault } from "../base/fault.ts";
import type { Rng } from "../base/rng.ts";
import type { SigningKey } from "../model/signing-keys.ts";
import { masterKey, seal, unseal } from "./sealed.ts";
import { openSealedDatabase } from "./sealed-database.ts";
import { sqliteFault } from "./sqlite/open.ts";

const VERSION = 1;
const TABLES = `
create table signing_key (
  customer text not null, name text not null, sealed blob not null, made_ms integer not null,
  primary key (customer, name)
) without rowid;
pragma user_version = 1;
`;

export interface StoredSigningKey extends SigningKey {
  readonly madeMs: number;
}

interface Row {
  customer: string;
  name: string;
  sealed: Uint8Array;
  made_ms: number;
}

/**
 * Customers' keys for signed addresses, sealed with a master key from a file of its own. One process
 * owns both. Every method throws Fault `store-busy`, `store-full` or `store-corrupt`.
 */
export class SigningKeyStore {
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
      // A wrong master key must be noticed at the start, not when an address is to be checked.
      this.list();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** By customer and name. */
  list(): readonly StoredSigningKey[] {
    return this.#rows().map(({ customer, name, sealed, made_ms: madeMs }) => {
      try {
        const secret = Buffer.from(unseal(this.#master, nameOf({ customer, name }), sealed));
        return { customer, name, secret: secret.toString("base64"), madeMs };
      } catch {
        const detail = `${this.#path}: the master key does not open ${name} of ${customer}`;
        throw new Fault("store-corrupt", detail);
      }
    });
  }

  /** Adds the key, or takes its namesake's place. */
  put({ customer, name, secret, madeMs }: StoredSigningKey): void {
    const plain = Buffer.from(secret, "base64");
    const sealed = seal(this.#master, {
      ...{ name: nameOf({ customer, name }), secret: plain, rng: this.#rng },
    });
    const put = "insert or replace into signing_key values (?, ?, ?, ?)";
    this.#guarded(() => this.#database.query(put).run(customer, name, sealed, madeMs));
  }

  /** True when there was one. */
  remove(customer: string, name: string): boolean {
    const remove = "delete from signing_key where customer = ? and name = ?";
    return this.#guarded(() => this.#database.query(remove).run(customer, name).changes > 0);
  }

  close(): void {
    this.#database.close();
  }

  #rows(): readonly Row[] {
    const all = "select * from signing_key order by customer, name";
    return this.#guarded(() => this.#database.query(all).all() as Row[]);
  }

  #guarded<T>(act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw sqliteFault(error, this.#path);
    }
  }
}

function nameOf(key: { readonly customer: string; readonly name: string }): string {
  return `signing ${key.customer} ${key.name}`;
}
