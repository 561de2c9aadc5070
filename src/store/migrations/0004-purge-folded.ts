import { type Kysely, sql } from "kysely";

/** What is left of purges that are no longer kept one by one: the last of each site stands for all of them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(db);
}

const STATEMENTS = [
  `create table purge_folded (
    customer text not null, site text not null, number integer not null, at_ms integer not null,
    soft integer not null, primary key (customer, site))`,
  "create index purge_folded_number on purge_folded (number)",
];
