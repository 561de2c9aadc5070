import { type Kysely, sql } from "kysely";

/** The last purges of one site are looked up by it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create index purge_site on purge (customer, site, number)`.execute(db);
}
