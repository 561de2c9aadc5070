import { createHash } from "node:crypto";
import type { Transaction } from "kysely";
import type { Audit, AuditStore, NewAudit } from "../store.ts";
import type { Db, Schema } from "./schema.ts";

/** Rows walked at a time by `verify`. */
const PAGE = 1000;

/** Appends to the chain; called inside the transaction of the change that it records. */
export async function appendAudit(tx: Transaction<Schema>, entry: NewAudit): Promise<void> {
  const head = await tx.selectFrom("audit_head").selectAll().executeTakeFirstOrThrow();
  const seq = head.seq + 1;
  const hash = chainHash(head.hash, { ...entry, seq });
  await tx
    .insertInto("audit")
    .values({
      seq,
      at_ms: entry.atMs,
      actor: entry.actor,
      customer: entry.customer,
      action: entry.action,
      subject: entry.subject,
      changes: JSON.stringify(entry.changes),
      hash,
    })
    .execute();
  await tx.updateTable("audit_head").set({ seq, hash }).where("id", "=", 1).execute();
}

export function auditStore(db: Db): AuditStore {
  return {
    add: (entry) => db.transaction().execute((tx) => appendAudit(tx, entry)),
    async list({ customer, before, limit }) {
      let query = db.selectFrom("audit").selectAll().orderBy("seq", "desc").limit(limit);
      if (customer !== null) query = query.where("customer", "=", customer);
      if (before !== null) query = query.where("seq", "<", before);
      return (await query.execute()).map(entryOf);
    },
    verify: () => verify(db),
  };
}

async function verify(db: Db): Promise<number | null> {
  let seq = 0;
  let hash = "";
  for (;;) {
    const query = db.selectFrom("audit").selectAll().where("seq", ">", seq).orderBy("seq");
    const rows = await query.limit(PAGE).execute();
    for (const row of rows) {
      const entry = entryOf(row);
      if (entry.seq !== seq + 1 || chainHash(hash, entry) !== entry.hash) return seq + 1;
      seq = entry.seq;
      hash = entry.hash;
    }
    if (rows.length < PAGE) break;
  }
  const head = await db.selectFrom("audit_head").selectAll().executeTakeFirstOrThrow();
  return head.seq === seq && head.hash === hash ? null : seq + 1;
}

function entryOf(row: Schema["audit"]): Audit {
  return {
    seq: row.seq,
    atMs: row.at_ms,
    actor: row.actor,
    customer: row.customer,
    action: row.action,
    subject: row.subject,
    changes: JSON.parse(row.changes) as string[],
    hash: row.hash,
  };
}

function chainHash(previous: string, e: NewAudit & { readonly seq: number }): string {
  const fields = [previous, e.seq, e.atMs, e.actor, e.customer, e.action, e.subject, e.changes];
  return createHash("sha256").update(JSON.stringify(fields)).digest("hex");
}
