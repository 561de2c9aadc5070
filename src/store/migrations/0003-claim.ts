import { type Kysely, sql } from "kysely";

/** What waits for a proof that its customer may have the names, and names that somebody once had. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `create table claim (
    customer text not null, name text not null, kind text not null, body text not null,
    names text not null, token text not null, created_ms integer not null,
    checked_ms integer, problem text, primary key (customer, name))`,
  `create table former_name (
    name text not null, customer text not null, kind text not null, dropped_ms integer not null,
    primary key (name, customer))`,
];
