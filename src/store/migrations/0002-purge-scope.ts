import { type Kysely, sql } from "kysely";

/** Purges of more than one URL. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  "alter table purge add column scope text not null default 'url'",
  "alter table purge add column soft integer not null default 0",
];
