import { SealedDatabase, type SealedPlace } from "./sealed-database.ts";

const VERSION = 1;

export interface SealedSecret {
  readonly customer: string;
  readonly name: string;
  readonly secret: Uint8Array;
  readonly madeMs: number;
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
  readonly #sealed: SealedDatabase;
  readonly #kind: string;
  readonly #table: string;

  /** @param kind what they are, in lower case: the table's name, and bound to each envelope */
  constructor(kind: string, place: SealedPlace) {
    this.#kind = kind;
    this.#table = `${kind}_key`;
    const tables = `
create table ${this.#table} (
  customer text not null, name text not null, sealed blob not null, made_ms integer not null,
  primary key (customer, name)
) without rowid;
pragma user_version = ${VERSION};
`;
    const schema = { tables, version: VERSION, sealed: `select 1 from ${this.#table}` };
    this.#sealed = new SealedDatabase(place, schema);
    // A wrong master key must be noticed at the start, not when a secret is needed.
    this.#sealed.closedUnless(() => this.list());
  }

  /** By customer and name. */
  list(): readonly SealedSecret[] {
    return this.#rows().map(({ customer, name, sealed, made_ms: madeMs }) => {
      const of = { name: this.#nameOf(customer, name), what: `${name} of ${customer}` };
      return { customer, name, secret: this.#sealed.open(sealed, of), madeMs };
    });
  }

  /** Adds it, or takes its namesake's place. */
  put({ customer, name, secret, madeMs }: SealedSecret): void {
    const sealed = this.#sealed.seal(this.#nameOf(customer, name), secret);
    const put = `insert or replace into ${this.#table} values (?, ?, ?, ?)`;
    this.#sealed.guarded((database) => database.query(put).run(customer, name, sealed, madeMs));
  }

  /** True when there was one. */
  remove(customer: string, name: string): boolean {
    const remove = `delete from ${this.#table} where customer = ? and name = ?`;
    return this.#sealed.guarded(
      (database) => database.query(remove).run(customer, name).changes > 0,
    );
  }

  close(): void {
    this.#sealed.close();
  }

  #rows(): readonly Row[] {
    const all = `select * from ${this.#table} order by customer, name`;
    return this.#sealed.guarded((database) => database.query(all).all() as Row[]);
  }

  #nameOf(customer: string, name: string): string {
    return `${this.#kind} ${customer} ${name}`;
  }
}
