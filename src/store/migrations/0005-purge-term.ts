import { type Kysely, sql } from "kysely";

/** Under which terms purges were numbered, and what was numbered anew. Those of before have the term "". */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  "create table purge_term (first integer primary key, term text)",
  `create table purge_moved (
    id integer primary key, above integer not null, below integer not null, by integer not null)`,
];
