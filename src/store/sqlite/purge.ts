import type { Purge, PurgeScope } from "../../model/purge.ts";
import type { PurgeStore } from "../store.ts";
import { appendAudit } from "./audit.ts";
import type { Db, Schema } from "./schema.ts";

export function purgeStore(db: Db): PurgeStore {
  return {
    add: (purge, audit) =>
      db.transaction().execute(async (tx) => {
        const { atMs, customer, site, path, scope = "url", soft = false } = purge;
        const { number } = await tx
          .insertInto("purge")
          .values({ at_ms: atMs, customer, site, path, scope, soft: soft ? 1 : 0 })
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
    async since(after, most) {
      const query = db.selectFrom("purge").selectAll().where("number", ">", after);
      const rows = await query.orderBy("number").limit(most).execute();
      return { latest: await latest(db), purges: rows.map((row) => purgeOf(row as Row)) };
    },
    async ack({ number, node, atMs }) {
      await db
        .insertInto("purge_ack")
        .values({ number, node, at_ms: atMs })
        .onConflict((c) => c.columns(["number", "node"]).doNothing())
        .execute();
    },
    async acks(number) {
      const query = db.selectFrom("purge_ack").selectAll().where("number", "=", number);
      const rows = await query.orderBy("node").execute();
      return rows.map((row) => ({ number, node: row.node, atMs: row.at_ms }));
    },
  };
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

async function latest(db: Db): Promise<number> {
  const query = db.selectFrom("purge").select((e) => e.fn.max("number").as("number"));
  return (await query.executeTakeFirst())?.number ?? 0;
}
