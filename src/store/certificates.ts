import type { Database } from "bun:sqlite";
import { Fault } from "../base/fault.ts";
import type { Rng } from "../base/rng.ts";
import { masterKey, seal, unseal } from "./sealed.ts";
import { openSealedDatabase } from "./sealed-database.ts";
import { sqliteFault } from "./sqlite/open.ts";

const VERSION = 1;
const TABLES = `
create table certificate (
  customer text not null, name text not null, cert text not null, sealed blob not null,
  added_ms integer not null, primary key (customer, name)
) without rowid;
pragma user_version = 1;
`;

export interface StoredCertificate {
  readonly customer: string;
  readonly name: string;
  /** PEM. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
  readonly addedMs: number;
}

interface Row {
  customer: string;
  name: string;
  cert: string;
  sealed: Uint8Array;
  added_ms: number;
}

/**
 * Customers' certificates; their keys are sealed with a master key from a file of its own. One process
 * owns both. Every method throws Fault `store-busy`, `store-full` or `store-corrupt`.
 */
export class CertificateStore {
  readonly #path: string;
  readonly #database: Database;
  readonly #master: Uint8Array;
  readonly #rng: Rng;

  constructor(o: { readonly path: string; readonly masterPath: string; readonly rng: Rng }) {
    this.#path = o.path;
    this.#rng = o.rng;
    this.#database = openSealedDatabase(o.path, { tables: TABLES, version: VERSION });
    try {
      // What is removed must be gone from the file too.
      this.#database.run("pragma secure_delete = on");
      this.#master = masterKey(o.masterPath, o.rng, this.#rows().length === 0);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** By customer and name. */
  list(): readonly StoredCertificate[] {
    return this.#rows().map(({ customer, name, cert, sealed, added_ms: addedMs }) => {
      try {
        const key = Buffer.from(unseal(this.#master, nameOf({ customer, name }), sealed));
        return { customer, name, cert, key: key.toString(), addedMs };
      } catch {
        const detail = `${this.#path}: the master key does not open ${name} of ${customer}`;
        throw new Fault("store-corrupt", detail);
      }
    });
  }

  /** Adds the certificate, or takes its namesake's place. */
  put({ customer, name, cert, key, addedMs }: StoredCertificate): void {
    const sealed = seal(this.#master, {
      ...{ name: nameOf({ customer, name }), secret: Buffer.from(key), rng: this.#rng },
    });
    const put = "insert or replace into certificate values (?, ?, ?, ?, ?)";
    this.#guarded(() => this.#database.query(put).run(customer, name, cert, sealed, addedMs));
  }

  /** True when there was one. */
  remove(customer: string, name: string): boolean {
    const remove = "delete from certificate where customer = ? and name = ?";
    return this.#guarded(() => this.#database.query(remove).run(customer, name).changes > 0);
  }

  close(): void {
    this.#database.close();
  }

  #rows(): readonly Row[] {
    const all = "select * from certificate order by customer, name";
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

function nameOf(of: { readonly customer: string; readonly name: string }): string {
  return `certificate ${of.customer} ${of.name}`;
}
