import { SealedDatabase, type SealedPlace } from "./sealed-database.ts";

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
  readonly addedMs: number;
}

interface Row {
  customer: string;
  name: string;
  cert: string;
  added_ms: number;
}

type Named = Pick<StoredCertificate, "customer" | "name">;

/**
 * Customers' certificates; their keys are sealed with a master key from a file of its own. One process
 * owns both. Every method throws Fault `store-busy`, `store-full` or `store-corrupt`.
 */
export class CertificateStore {
  readonly #sealed: SealedDatabase;

  constructor(place: SealedPlace) {
    const schema = { tables: TABLES, version: VERSION, secureDelete: true } as const;
    this.#sealed = new SealedDatabase(place, { ...schema, sealed: "select 1 from certificate" });
    // A wrong master key must be noticed at the start, not when a cache asks.
    this.#sealed.closedUnless(() => this.#openAny());
  }

  /** By customer and name, without their keys: these are opened for caches only. */
  list(): readonly StoredCertificate[] {
    const all = "select customer, name, cert, added_ms from certificate order by customer, name";
    const rows = this.#sealed.guarded((database) => database.query(all).all() as Row[]);
    return rows.map(({ added_ms: addedMs, ...rest }) => ({ ...rest, addedMs }));
  }

  /** PEM, PKCS #8; null where there is no such certificate. */
  key({ customer, name }: Named): string | null {
    const one = "select sealed from certificate where customer = ? and name = ?";
    const row = this.#sealed.guarded((database) => database.query(one).get(customer, name)) as {
      sealed: Uint8Array;
    } | null;
    return row === null ? null : this.#open({ customer, name }, row.sealed);
  }

  /** Adds the certificate with its key, or takes its namesake's place. */
  put({ customer, name, cert, addedMs }: StoredCertificate, key: string): void {
    const sealed = this.#sealed.seal(nameOf({ customer, name }), Buffer.from(key));
    const put = "insert or replace into certificate values (?, ?, ?, ?, ?)";
    this.#sealed.guarded((database) =>
      database.query(put).run(customer, name, cert, sealed, addedMs),
    );
  }

  /** True when there was one. */
  remove(customer: string, name: string): boolean {
    const remove = "delete from certificate where customer = ? and name = ?";
    return this.#sealed.guarded(
      (database) => database.query(remove).run(customer, name).changes > 0,
    );
  }

  close(): void {
    this.#sealed.close();
  }

  #openAny(): void {
    const any = "select customer, name, sealed from certificate limit 1";
    const row = this.#sealed.guarded((database) => database.query(any).get()) as
      | (Named & { sealed: Uint8Array })
      | null;
    if (row !== null) this.#open(row, row.sealed);
  }

  #open({ customer, name }: Named, sealed: Uint8Array): string {
    const of = { name: nameOf({ customer, name }), what: `${name} of ${customer}` };
    return this.#sealed.open(sealed, of).toString();
  }
}

function nameOf(of: { readonly customer: string; readonly name: string }): string {
  return `certificate ${of.customer} ${of.name}`;
}
