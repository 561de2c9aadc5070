import { SealedDatabase, type SealedPlace } from "./sealed-database.ts";

const VERSION = 1;
const TABLES = `
create table account (
  directory text primary key, url text, sealed blob not null
) without rowid;
create table name (
  customer text not null, host text not null, state text not null, step text not null,
  directory text, order_url text, sealed blob, failures integer not null, next_ms integer not null,
  tried_ms integer, problem text, primary key (customer, host)
) without rowid;
create table ordered (at_ms integer not null, domain text not null, renewal integer not null);
pragma user_version = 1;
`;

/** An account with an authority; `url` is null before it has answered. */
export interface StoredAccount {
  readonly directory: string;
  readonly url: string | null;
  /** PEM, PKCS #8. */
  readonly key: string;
}

/** Where the certificate for one name stands. */
export interface StoredName {
  readonly customer: string;
  readonly host: string;
  readonly state: "waiting" | "ordering" | "obtained" | "failed";
  /** What is being done, while it is ordered. */
  readonly step: string;
  /** With whom; null where nothing was ordered. */
  readonly directory: string | null;
  /** Of the order under way. */
  readonly orderUrl: string | null;
  /** Of the order under way: PEM, PKCS #8. */
  readonly key: string | null;
  /** In a row. */
  readonly failures: number;
  /** When it is ordered, tried again or renewed. */
  readonly nextMs: number;
  readonly triedMs: number | null;
  /** Why the last try failed. */
  readonly problem: string | null;
}

interface OrderedRow {
  readonly atMs: number;
  readonly domain: string;
  readonly renewal: boolean;
}

interface NameRow {
  customer: string;
  host: string;
  state: StoredName["state"];
  step: string;
  directory: string | null;
  order_url: string | null;
  sealed: Uint8Array | null;
  failures: number;
  next_ms: number;
  tried_ms: number | null;
  problem: string | null;
}

/**
 * What is known of certificates that are obtained from an authority: accounts, the state of each name with
 * the order under way, and when orders were sent. Keys are sealed with a master key from a file of its own.
 * One process owns both. Every method throws Fault `store-busy`, `store-full` or `store-corrupt`.
 */
export class AcmeStore {
  readonly #sealed: SealedDatabase;

  constructor(place: SealedPlace) {
    const sealed = "select 1 from account union all select 1 from name where sealed is not null";
    const schema = { tables: TABLES, version: VERSION, secureDelete: true } as const;
    this.#sealed = new SealedDatabase(place, { ...schema, sealed });
    this.#sealed.closedUnless(() => this.list());
  }

  account(directory: string): StoredAccount | null {
    const select = "select url, sealed from account where directory = ?";
    const row = this.#sealed.guarded((database) => database.query(select).get(directory)) as {
      url: string | null;
      sealed: Uint8Array;
    } | null;
    if (row === null) return null;
    return { directory, url: row.url, key: this.#open(`account ${directory}`, row.sealed) };
  }

  putAccount({ directory, url, key }: StoredAccount): void {
    const sealed = this.#seal(`account ${directory}`, key);
    const put = "insert or replace into account values (?, ?, ?)";
    this.#sealed.guarded((database) => database.query(put).run(directory, url, sealed));
  }

  list(): readonly StoredName[] {
    const all = "select * from name order by customer, host";
    const rows = this.#sealed.guarded((database) => database.query(all).all()) as NameRow[];
    return rows.map((row) => ({
      ...{ customer: row.customer, host: row.host, state: row.state, step: row.step },
      ...{ directory: row.directory, orderUrl: row.order_url, failures: row.failures },
      key: row.sealed === null ? null : this.#open(nameOf(row), row.sealed),
      ...{ nextMs: row.next_ms, triedMs: row.tried_ms, problem: row.problem },
    }));
  }

  put(one: StoredName): void {
    const sealed = one.key === null ? null : this.#seal(nameOf(one), one.key);
    const put = "insert or replace into name values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    const { customer, host, state, step, directory, orderUrl, failures, nextMs } = one;
    this.#sealed.guarded((database) =>
      database
        .query(put)
        .run(
          ...[customer, host, state, step, directory, orderUrl, sealed],
          ...[failures, nextMs, one.triedMs, one.problem],
        ),
    );
  }

  remove(customer: string, host: string): void {
    const remove = "delete from name where customer = ? and host = ?";
    this.#sealed.guarded((database) => database.query(remove).run(customer, host));
  }

  ordered(): readonly OrderedRow[] {
    const all = "select at_ms, domain, renewal from ordered";
    const rows = this.#sealed.guarded((database) => database.query(all).all()) as {
      at_ms: number;
      domain: string;
      renewal: number;
    }[];
    return rows.map(({ at_ms, domain, renewal }) => {
      return { atMs: at_ms, domain, renewal: renewal === 1 };
    });
  }

  addOrdered({ atMs, domain, renewal }: OrderedRow): void {
    const add = "insert into ordered values (?, ?, ?)";
    this.#sealed.guarded((database) => database.query(add).run(atMs, domain, renewal ? 1 : 0));
  }

  forgetOrdered(untilMs: number): void {
    this.#sealed.guarded((database) =>
      database.query("delete from ordered where at_ms <= ?").run(untilMs),
    );
  }

  close(): void {
    this.#sealed.close();
  }

  #seal(name: string, key: string): Uint8Array {
    return this.#sealed.seal(name, Buffer.from(key));
  }

  #open(name: string, sealed: Uint8Array): string {
    return this.#sealed.open(sealed, { name, what: `the key of ${name}` }).toString();
  }
}

function nameOf(of: { readonly customer: string; readonly host: string }): string {
  return `order ${of.customer} ${of.host}`;
}
