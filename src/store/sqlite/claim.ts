import type { ClaimStore, StoredClaim } from "../store.ts";
import { appendAudit } from "./audit.ts";
import type { Db, Schema } from "./schema.ts";

export function claimStore(db: Db): ClaimStore {
  return {
    async list() {
      const rows = await db.selectFrom("claim").selectAll().orderBy("created_ms").execute();
      return rows.map(claimOf);
    },
    async formerNames() {
      const rows = await db.selectFrom("former_name").selectAll().execute();
      return rows.map(({ name, customer, kind }) => {
        return { name, customer, kind: kind === "zone" ? "zone" : "host" };
      });
    },
    put: (claim, audit) =>
      db.transaction().execute(async (tx) => {
        const row = rowOf(claim);
        await tx
          .insertInto("claim")
          .values(row)
          .onConflict((c) => c.columns(["customer", "name"]).doUpdateSet(row))
          .execute();
        await appendAudit(tx, audit);
      }),
    async checked({ customer, name }, checkedMs, problem) {
      await db
        .updateTable("claim")
        .set({ checked_ms: checkedMs, problem })
        .where("customer", "=", customer)
        .where("name", "=", name)
        .execute();
    },
    drop: ({ customer, name }, audit) =>
      db.transaction().execute(async (tx) => {
        await tx
          .deleteFrom("claim")
          .where("customer", "=", customer)
          .where("name", "=", name)
          .execute();
        await appendAudit(tx, audit);
      }),
  };
}

function claimOf(row: Schema["claim"]): StoredClaim {
  return {
    customer: row.customer,
    name: row.name,
    kind: row.kind === "zone" ? "zone" : "site",
    body: JSON.parse(row.body),
    names: JSON.parse(row.names) as StoredClaim["names"],
    token: row.token,
    createdMs: row.created_ms,
    checkedMs: row.checked_ms,
    problem: row.problem,
  };
}

function rowOf(claim: StoredClaim): Schema["claim"] {
  const { customer, name, kind, token, problem } = claim;
  return {
    ...{ customer, name, kind, token, problem },
    body: JSON.stringify(claim.body),
    names: JSON.stringify(claim.names),
    created_ms: claim.createdMs,
    checked_ms: claim.checkedMs,
  };
}
