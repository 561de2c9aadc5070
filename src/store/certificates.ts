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
  readonly #sealed: SealedDatabase;

  constructor(place: SealedPlace) {
    const schema = { tables: TABLES, version: VERSION, secureDelete: true } as const;
    this.#sealed = new SealedDatabase(place, { ...schema, sealed: "select 1 from certificate" });
  }

  /** By customer and name. */
  list(): readonly StoredCertificate[] {
    return this.#rows().map(({ customer, name, cert, sealed, added_ms: addedMs }) => {
      const of = { name: nameOf({ customer, name }), what: `${name} of ${customer}` };
      const key = this.#sealed.open(sealed, of).toString();
      return { customer, name, cert, key, addedMs };
    });
  }

  /** Adds the certificate, or takes its namesake's place. */
  put({ customer, name, cert, key, addedMs }: StoredCertificate): void {
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

  #rows(): readonly Row[] {
    const all = "select * from certificate order by customer, name";
    return this.#sealed.guarded((database) => database.query(all).all() as Row[]);
  }
}

function nameOf(of: { readonly customer: string; readonly name: string }): string {
  return `certificate ${of.customer} ${of.name}`;
}
