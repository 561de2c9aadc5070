import { sql } from "kysely";
import { assert } from "../../base/assert.ts";
import type { Purge, PurgeScope } from "../../model/purge.ts";
import type { PurgeStore } from "../store.ts";
import { appendAudit } from "./audit.ts";
import type { Db, Schema } from "./schema.ts";

/** Entries that are folded at once: nobody waits long for a log that was never folded before. */
const FOLDED_AT_ONCE = 20_000;

/** Above any number that other caches may have been told, too. */
const LEAP = 1_000_000;

export function purgeStore(db: Db): PurgeStore {
  return {
    add: (purge, audit) =>
      db.transaction().execute(async (tx) => {
        const { number } = await tx
          .insertInto("purge")
          .values(rowOf(purge))
          .returning("number")
          .executeTakeFirstOrThrow();
        await appendAudit(tx, audit);
        return { ...purge, number };
      }),
    async read(number) {
      const query = db.selectFrom("purge").selectAll().where("number", "=", number);
      const row = await query.executeTakeFirst();
      return row === undefined ? null : purgeOf(row as Row);
    },
    // At once: what is folded between two looks would be in neither.
    since: (after, most) =>
      db.transaction().execute(async (tx) => {
        const folded = tx.selectFrom("purge_folded").selectAll().where("number", ">", after);
        const sites = await folded.orderBy("number").limit(most).execute();
        const query = tx.selectFrom("purge").selectAll().where("number", ">", after);
        const rows = await query.orderBy("number").limit(most).execute();
        // Those that are folded come before all others.
        const purges = [...sites.map(siteOf), ...rows.map((row) => purgeOf(row as Row))];
        return { latest: await latest(tx), purges: purges.slice(0, most) };
      }),
    async ack({ number, node, atMs }) {
      await sql`insert or ignore into purge_ack (number, node, at_ms)
        select number, ${node}, ${atMs} from purge where number = ${number}`.execute(db);
    },
    async acks(number) {
      const query = db.selectFrom("purge_ack").selectAll().where("number", "=", number);
      const rows = await query.orderBy("node").execute();
      return rows.map((row) => ({ number, node: row.node, atMs: row.at_ms }));
    },
    fold: (keep) => fold(db, keep),
    leap: (above, entries, audit) =>
      db.transaction().execute(async (tx) => {
        const given = sql<{ seq: number }>`select seq from sqlite_sequence where name = 'purge'`;
        const [own] = (await given.execute(tx)).rows;
        if ((own?.seq ?? 0) >= above) return false;
        await sql`delete from sqlite_sequence where name = 'purge'`.execute(tx);
        await sql`insert into sqlite_sequence (name, seq) values ('purge', ${above + LEAP})`.execute(
          tx,
        );
        for (const entry of entries) await tx.insertInto("purge").values(rowOf(entry)).execute();
        await appendAudit(tx, audit);
        return true;
      }),
  };
}

function fold(db: Db, keep: number): Promise<void> {
  return db.transaction().execute(async (tx) => {
    assert(keep > 0, "The log's last number is in the log");
    const ends = tx
      .selectFrom("purge")
      .select((e) => [e.fn.min("number").as("first"), e.fn.max("number").as("last")]);
    const { first, last } = await ends.executeTakeFirstOrThrow();
    const to = Math.min(last - keep, first + FOLDED_AT_ONCE - 1);
    if (first === null || to < first) return;
    await sql`insert into purge_folded (customer, site, number, at_ms, soft)
      select customer, site, max(number), max(at_ms), min(soft) from purge
      where number <= ${to} group by customer, site
      on conflict (customer, site) do update set
      number = excluded.number, at_ms = excluded.at_ms, soft = min(soft, excluded.soft)`.execute(
      tx,
    );
    await tx.deleteFrom("purge").where("number", "<=", to).execute();
    await tx.deleteFrom("purge_ack").where("number", "<=", to).execute();
  });
}

function rowOf(purge: Omit<Purge, "number">) {
  const { atMs, customer, site, path, scope = "url", soft = false } = purge;
  return { at_ms: atMs, customer, site, path, scope, soft: soft ? 1 : 0 };
}

function siteOf(row: Schema["purge_folded"]): Purge {
  const { number, customer, site, at_ms: atMs, soft } = row;
  const of = { number, atMs, customer, site, path: "/", scope: "site" } as const;
  return soft === 0 ? of : { ...of, soft: true };
}

type Row = Omit<Schema["purge"], "number" | "scope" | "soft"> & {
  readonly number: number;
  readonly scope: string;
  readonly soft: number;
};

function purgeOf(row: Row): Purge {
  const { number, customer, site, path, scope, soft } = row;
  return {
    ...{ number, atMs: row.at_ms, customer, site, path },
    ...(scope === "url" ? {} : { scope: scope as PurgeScope }),
    ...(soft === 0 ? {} : { soft: true }),
  };
}

async function latest(db: Pick<Db, "selectFrom">): Promise<number> {
  const query = db.selectFrom("purge").select((e) => e.fn.max("number").as("number"));
  return (await query.executeTakeFirst())?.number ?? 0;
}
