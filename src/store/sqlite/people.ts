import type { PeopleStore, StoredMember, StoredToken } from "../store.ts";
import { appendAudit } from "./audit.ts";
import type { Db, Schema } from "./schema.ts";

export function peopleStore(db: Db): PeopleStore {
  return { ...operators(db), ...members(db), ...sessions(db), ...tokens(db) };
}

function operators(db: Db): Pick<PeopleStore, "setOperator" | "operator"> {
  return {
    setOperator: (email, passwordHash) =>
      db.transaction().execute(async (tx) => {
        await tx.deleteFrom("operator").execute();
        await tx.insertInto("operator").values({ email, password_hash: passwordHash }).execute();
        await tx.deleteFrom("session").where("kind", "=", "operator").execute();
      }),
    async operator() {
      const row = await db.selectFrom("operator").selectAll().executeTakeFirst();
      return row === undefined ? null : { email: row.email, passwordHash: row.password_hash };
    },
  };
}

function members(db: Db): Pick<PeopleStore, "member" | "members"> {
  return {
    async member(email) {
      const query = db.selectFrom("member").selectAll().where("email", "=", email);
      const row = await query.executeTakeFirst();
      return row === undefined ? null : memberOf(row);
    },
    async members() {
      const rows = await db.selectFrom("member").selectAll().orderBy("email").execute();
      return rows.map(memberOf);
    },
  };
}

function sessions(
  db: Db,
): Pick<PeopleStore, "addSession" | "session" | "seeSession" | "dropSession" | "dropSessions"> {
  return {
    addSession: (s, audit) =>
      db.transaction().execute(async (tx) => {
        await tx
          .insertInto("session")
          .values({
            id_hash: s.idHash,
            kind: s.kind,
            email: s.email,
            created_ms: s.createdMs,
            seen_ms: s.seenMs,
          })
          .execute();
        await appendAudit(tx, audit);
      }),
    async session(idHash) {
      const query = db.selectFrom("session").selectAll().where("id_hash", "=", idHash);
      const row = await query.executeTakeFirst();
      if (row === undefined) return null;
      const kind = row.kind === "operator" ? "operator" : "member";
      const { email, created_ms: createdMs, seen_ms: seenMs } = row;
      return { idHash, kind, email, createdMs, seenMs };
    },
    async seeSession(idHash, seenMs) {
      const query = db.updateTable("session").set({ seen_ms: seenMs });
      await query.where("id_hash", "=", idHash).execute();
    },
    dropSession: (idHash, audit) =>
      db.transaction().execute(async (tx) => {
        await tx.deleteFrom("session").where("id_hash", "=", idHash).execute();
        await appendAudit(tx, audit);
      }),
    async dropSessions(createdBeforeMs, seenBeforeMs) {
      await db
        .deleteFrom("session")
        .where((e) =>
          e.or([e("created_ms", "<", createdBeforeMs), e("seen_ms", "<", seenBeforeMs)]),
        )
        .execute();
    },
  };
}

function tokens(
  db: Db,
): Pick<PeopleStore, "addToken" | "tokenByHash" | "listTokens" | "seeToken" | "dropToken"> {
  return {
    addToken: (t, audit) =>
      db.transaction().execute(async (tx) => {
        await tx
          .insertInto("token")
          .values({
            id: t.id,
            hash: t.hash,
            name: t.name,
            scope: t.scope,
            customer: t.customer,
            owner: t.owner,
            created_ms: t.createdMs,
            expires_ms: t.expiresMs,
            used_ms: t.usedMs,
          })
          .execute();
        await appendAudit(tx, audit);
      }),
    async tokenByHash(hash) {
      const query = db.selectFrom("token").selectAll().where("hash", "=", hash);
      const row = await query.executeTakeFirst();
      return row === undefined ? null : tokenOf(row);
    },
    async listTokens() {
      const rows = await db.selectFrom("token").selectAll().orderBy("created_ms").execute();
      return rows.map(tokenOf);
    },
    async seeToken(id, usedMs) {
      await db.updateTable("token").set({ used_ms: usedMs }).where("id", "=", id).execute();
    },
    dropToken: (id, audit) =>
      db.transaction().execute(async (tx) => {
        await tx.deleteFrom("token").where("id", "=", id).execute();
        await appendAudit(tx, audit);
      }),
  };
}

function memberOf(row: Schema["member"]): StoredMember {
  const role = row.role === "owner" || row.role === "editor" ? row.role : "viewer";
  return { email: row.email, customer: row.customer, role, passwordHash: row.password_hash };
}

function tokenOf(row: Schema["token"]): StoredToken {
  return {
    id: row.id,
    hash: row.hash,
    name: row.name,
    scope: row.scope === "write" || row.scope === "purge" ? row.scope : "read",
    customer: row.customer,
    owner: row.owner,
    createdMs: row.created_ms,
    expiresMs: row.expires_ms,
    usedMs: row.used_ms,
  };
}
