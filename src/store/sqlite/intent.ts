import type { Transaction } from "kysely";
import { Fault } from "../../base/fault.ts";
import type { Network } from "../../model/network.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import type {
  IntentStore,
  NewIntent,
  NewSnapshot,
  SnapshotHead,
  StoredIntent,
  StoredMember,
} from "../store.ts";
import { appendAudit } from "./audit.ts";
import { KEEP, prune } from "./prune.ts";
import type { Db, Schema } from "./schema.ts";

type Tx = Transaction<Schema>;

export function intentStore(db: Db, keep = KEEP): IntentStore {
  // What was read or written last: whoever edits it leaves the same objects where nothing changes.
  let newest: StoredIntent | null = null;
  return {
    async read() {
      const version = await newestVersion(db);
      if (newest?.version === version) return newest;
      newest = await readNewest(db);
      return newest;
    },
    async readVersion(version) {
      const query = db.selectFrom("intent").select("network").where("version", "=", version);
      const row = await query.executeTakeFirst();
      return row === undefined ? null : (JSON.parse(row.network) as Network);
    },
    async commit({ before, intent, snapshot, audit }) {
      await db.transaction().execute(async (tx) => {
        const version = await newestVersion(tx);
        if (version !== before) throw new Fault("conflict", `the intent is at version ${version}`);
        if (intent !== null) await saveIntent(tx, intent, audit.atMs);
        if (snapshot !== null) await saveSnapshot(tx, snapshot);
        await prune(tx, keep);
        await appendAudit(tx, audit);
      });
      if (intent !== null) newest = newest?.version === before ? withIntent(newest, intent) : null;
    },
    async latestSnapshot() {
      const query = db.selectFrom("snapshot").select("body").orderBy("number", "desc").limit(1);
      const row = await query.executeTakeFirst();
      return row === undefined ? null : (JSON.parse(row.body) as Snapshot);
    },
    listSnapshots: (page) => listSnapshots(db, page),
    async formerTarget(customer, hostname) {
      const row = await db
        .selectFrom("site_target")
        .select("target")
        .where("customer", "=", customer)
        .where("hostname", "=", hostname)
        .where("dropped", "is not", null)
        .orderBy("dropped", "desc")
        .limit(1)
        .executeTakeFirst();
      return row?.target ?? null;
    },
    async ack({ node, number, atMs }) {
      await db
        .insertInto("node_ack")
        .values({ node, number, at_ms: atMs })
        .onConflict((c) => c.column("node").doUpdateSet({ number, at_ms: atMs }))
        .execute();
    },
    async acks() {
      const rows = await db.selectFrom("node_ack").selectAll().orderBy("node").execute();
      return rows.map((row) => ({ node: row.node, number: row.number, atMs: row.at_ms }));
    },
  };
}

async function listSnapshots(
  db: Db,
  { before, limit }: Parameters<IntentStore["listSnapshots"]>[0],
): Promise<SnapshotHead[]> {
  let query = db
    .selectFrom("snapshot")
    .leftJoin("intent", "intent.version", "snapshot.intent_version")
    .select(["number", "hash", "intent_version", "created_ms", "note", "intent.version"])
    .orderBy("number", "desc")
    .limit(limit);
  if (before !== null) query = query.where("number", "<", before);
  return (await query.execute()).map((row) => ({
    number: row.number,
    hash: row.hash,
    intentVersion: row.intent_version,
    createdAtMs: row.created_ms,
    note: row.note,
    kept: row.version !== null,
  }));
}

async function newestVersion(db: Db | Tx): Promise<number> {
  const query = db.selectFrom("intent").select((e) => e.fn.max("version").as("version"));
  return (await query.executeTakeFirst())?.version ?? 0;
}

function withIntent(before: StoredIntent, intent: NewIntent): StoredIntent {
  const { version, network, targetsAdded, targetsDropped } = intent;
  if (targetsAdded.length + targetsDropped.length === 0) {
    return { version, network, targets: before.targets };
  }
  const targets = new Map(Object.entries(before.targets));
  for (const hostname of targetsDropped) targets.delete(hostname);
  for (const { hostname, target } of targetsAdded) targets.set(hostname, target);
  return { version, network, targets: Object.fromEntries(targets) };
}

async function readNewest(db: Db): Promise<StoredIntent> {
  const query = db.selectFrom("intent").selectAll().orderBy("version", "desc").limit(1);
  const row = await query.executeTakeFirst();
  const targets = await db.selectFrom("site_target").selectAll().where("dropped", "is", null);
  const live = await targets.execute();
  return {
    version: row?.version ?? 0,
    network: row === undefined ? null : (JSON.parse(row.network) as Network),
    targets: Object.fromEntries(live.map((t) => [t.hostname, t.target])),
  };
}

async function saveIntent(tx: Tx, intent: NewIntent, atMs: number): Promise<void> {
  const { version } = intent;
  const row = { version, network: JSON.stringify(intent.network), at_ms: atMs };
  await tx.insertInto("intent").values(row).execute();
  for (const hostname of intent.targetsDropped) {
    await tx
      .updateTable("site_target")
      .set({ dropped: version })
      .where("hostname", "=", hostname)
      .where("dropped", "is", null)
      .execute();
  }
  for (const { hostname, customer, target } of intent.targetsAdded) {
    const done = await tx
      .insertInto("site_target")
      .values({ target, hostname, customer, dropped: null })
      .onConflict((c) =>
        c
          .column("target")
          .doUpdateSet({ dropped: null })
          .where("site_target.hostname", "=", hostname)
          .where("site_target.customer", "=", customer),
      )
      .executeTakeFirst();
    if (done.numInsertedOrUpdatedRows !== 1n) {
      throw new Fault("conflict", `target ${target} belonged to another site`);
    }
  }
  for (const { name, customer, kind } of intent.namesDropped) {
    const gone = { name, customer, kind, dropped_ms: atMs };
    await tx
      .insertInto("former_name")
      .values(gone)
      .onConflict((c) => c.columns(["name", "customer"]).doUpdateSet(gone))
      .execute();
  }
  await saveMembers(tx, intent.members);
}

async function saveMembers(tx: Tx, members: readonly StoredMember[]): Promise<void> {
  const kept = new Set(members.map((m) => m.email));
  for (const { email } of await tx.selectFrom("member").select("email").execute()) {
    if (kept.has(email)) continue;
    await tx.deleteFrom("member").where("email", "=", email).execute();
    await dropAccess(tx, email);
  }
  for (const { email, customer, role, passwordHash } of members) {
    const before = await tx
      .selectFrom("member")
      .selectAll()
      .where("email", "=", email)
      .executeTakeFirst();
    // Somebody who moves to another customer keeps nothing of the former one's.
    if (before !== undefined && before.customer !== customer) await dropAccess(tx, email);
    if (passwordHash !== null) await tx.deleteFrom("session").where("email", "=", email).execute();
    const hash = passwordHash ?? before?.password_hash ?? null;
    await tx
      .insertInto("member")
      .values({ email, customer, role, password_hash: hash })
      .onConflict((c) => c.column("email").doUpdateSet({ customer, role, password_hash: hash }))
      .execute();
  }
}

async function dropAccess(tx: Tx, email: string): Promise<void> {
  await tx.deleteFrom("session").where("email", "=", email).execute();
  await tx.deleteFrom("token").where("owner", "=", email).execute();
}

async function saveSnapshot(tx: Tx, { snapshot, note, replaces }: NewSnapshot): Promise<void> {
  const query = tx.selectFrom("snapshot").select((e) => e.fn.max("number").as("number"));
  const last = (await query.executeTakeFirst())?.number ?? 0;
  if (snapshot.number <= last) throw new Fault("conflict", `snapshot ${last} is there already`);
  if (replaces !== undefined) {
    await tx.deleteFrom("snapshot").where("number", "=", replaces).execute();
  }
  await tx
    .insertInto("snapshot")
    .values({
      number: snapshot.number,
      hash: snapshot.hash,
      body: JSON.stringify(snapshot),
      intent_version: snapshot.intentVersion,
      created_ms: snapshot.createdAtMs,
      note,
    })
    .execute();
}
