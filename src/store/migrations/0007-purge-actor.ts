import { type Kysely, sql } from "kysely";

/** Who asked for a purge stands beside it. Of those of before only the audit says it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`alter table purge add column actor text not null default ''`.execute(db);
}
