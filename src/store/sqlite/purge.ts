import { sql, type Transaction } from "kysely";
import { assert } from "../../base/assert.ts";
import type { Rng } from "../../base/rng.ts";
import type { Purge, PurgePlace, PurgeScope } from "../../model/purge.ts";
import type { AskedPurge, PurgeStore, PurgesSince } from "../store.ts";
import { appendAudit } from "./audit.ts";
import { eldestKept, hasLeapt, lastShared, type TermFrom, termOf } from "./purge-terms.ts";
import type { Db, Schema } from "./schema.ts";

/** Entries that are folded at once: nobody waits long for a log that was never folded before. */
const FOLDED_AT_ONCE = 20_000;

/** Above any number that other caches may have been told, too. */
const LEAP = 1_000_000;

const TERM_BYTES = 8;

/** Terms that are kept though no entry is of them any more, for caches that were away for long. */
const TERMS_KEPT = 1_000;

export function purgeStore(db: Db, rng: Rng): PurgeStore {
  // Of this run: a restored copy of the file knows nothing of it.
  let term = newTerm(rng);
  return {
    add: (purge, audit) =>
      db.transaction().execute(async (tx) => {
        const { number } = await tx
          .insertInto("purge")
          .values({ ...rowOf(purge), actor: audit.actor })
          .returning("number")
          .executeTakeFirstOrThrow();
        const last = tx.selectFrom("purge_term").select("term").orderBy("first", "desc").limit(1);
        const follows = (await last.executeTakeFirst())?.term ?? "";
        if (follows !== term) await beginTerm(tx, { first: number, term });
        await appendAudit(tx, audit);
        return { ...purge, number, term, follows };
      }),
    async list({ customer, site, before, limit }) {
      let query = db
        .selectFrom("purge")
        .selectAll()
        .where("customer", "=", customer)
        .orderBy("number", "desc")
        .limit(limit);
      if (site !== null) query = query.where("site", "=", site);
      if (before !== null) query = query.where("number", "<", before);
      return (await query.execute()).map((row) => askedOf(row as Row));
    },
    // At once: what is numbered anew between two looks would be under neither number.
    read: (number) =>
      db.transaction().execute(async (tx) => {
        const now = await numberNow(tx, number);
        const query = tx.selectFrom("purge").selectAll().where("number", "=", now);
        const row = await query.executeTakeFirst();
        return row === undefined ? null : purgeOf(row as Row);
      }),
    // And what is folded would be in neither.
    since: (place, most) => db.transaction().execute((tx) => since(tx, place, most)),
    async ack({ number, node, atMs, term: of = null }) {
      await sql`insert or ignore into purge_ack (number, node, at_ms)
        select number, ${node}, ${atMs} from purge where number = ${number} and (${of} is null or
        ${of} = coalesce((select term from purge_term where first <= ${number}
        order by first desc limit 1), ''))`.execute(db);
    },
    acks: (number) =>
      db.transaction().execute(async (tx) => {
        const now = await numberNow(tx, number);
        const query = tx.selectFrom("purge_ack").selectAll().where("number", "=", now);
        const rows = await query.orderBy("node").execute();
        return rows.map((row) => ({ number: now, node: row.node, atMs: row.at_ms }));
      }),
    fold: (keep) => fold(db, keep),
    leap: (place, entries, audit) =>
      db.transaction().execute(async (tx) => {
        const { parted, shared } = await compare(tx, place);
        if (!parted) return null;
        // What was numbered under the last one may have another number now.
        term = newTerm(rng);
        const moved = await leap(tx, { shared, above: place.after, term });
        for (const entry of entries) {
          const row = { ...rowOf(entry), actor: audit.actor };
          await tx.insertInto("purge").values(row).execute();
        }
        await appendAudit(tx, audit);
        return moved;
      }),
  };
}

function newTerm(rng: Rng): string {
  return Buffer.from(rng.bytes(TERM_BYTES)).toString("hex");
}

async function beginTerm(tx: Transaction<Schema>, row: TermFrom): Promise<void> {
  await sql`insert or replace into purge_term (first, term) values (${row.first}, ${row.term})`.execute(
    tx,
  );
}

async function compare(tx: Transaction<Schema>, place: PurgePlace) {
  const log = await tx.selectFrom("purge_term").selectAll().orderBy("first").execute();
  const last = await latest(tx);
  const shared = lastShared(log, last, place);
  const parted = shared < place.after && !hasLeapt(log, place.after, shared);
  return { log, latest: last, shared, parted };
}

async function since(
  tx: Transaction<Schema>,
  place: PurgePlace,
  most: number,
): Promise<PurgesSince> {
  const { log, latest, shared, parted } = await compare(tx, place);
  if (parted) return { latest, purges: [], parted };
  const folded = tx.selectFrom("purge_folded").selectAll().where("number", ">", place.after);
  const sites = await folded.orderBy("number").limit(most).execute();
  const query = tx.selectFrom("purge").selectAll().where("number", ">", place.after);
  const rows = await query.orderBy("number").limit(most).execute();
  // Those that are folded come before all others.
  const all = [...sites.map(siteOf), ...rows.map((row) => purgeOf(row as Row))].slice(0, most);
  const purges = all.map((purge) => ({ ...purge, term: termOf(log, purge.number) ?? "" }));
  const term = shared === place.after ? termOf(log, shared) : null;
  return { latest, purges, ...(term === null ? {} : { term }) };
}

/**
 * Numbers go on above all that anybody may have been told, under a new term, and what came after `shared` first.
 *
 *   before   1 2 | 3 4             shared 2, somebody elsewhere has 9
 *   after    1 2 |     1000010 1000011
 *
 * @returns how many those are
 */
async function leap(
  tx: Transaction<Schema>,
  o: { readonly shared: number; readonly above: number; readonly term: string },
): Promise<number> {
  const { shared } = o;
  const given = sql<{ seq: number }>`select seq from sqlite_sequence where name = 'purge'`;
  const [own] = (await given.execute(tx)).rows;
  const last = Math.max(o.above, own?.seq ?? 0) + LEAP;
  const by = last - shared;
  const moved = sql<{ n: number }>`select count(*) as n from purge where number > ${shared}`;
  const [{ n } = { n: 0 }] = (await moved.execute(tx)).rows;
  const seq = Math.max(last, (await latest(tx)) + by);
  await sql`update purge set number = number + ${by} where number > ${shared}`.execute(tx);
  await sql`update purge_folded set number = number + ${by} where number > ${shared}`.execute(tx);
  await tx.deleteFrom("purge_ack").where("number", ">", shared).execute();
  await tx.deleteFrom("purge_term").where("first", ">", shared).execute();
  await beginTerm(tx, { first: shared + 1, term: null });
  await beginTerm(tx, { first: last + 1, term: o.term });
  const move = tx.insertInto("purge_moved").values({ above: shared, below: last + 1, by });
  if (n > 0) await move.execute();
  await sql`delete from sqlite_sequence where name = 'purge'`.execute(tx);
  await sql`insert into sqlite_sequence (name, seq) values ('purge', ${seq})`.execute(tx);
  return n;
}

/** That of an entry which was told by this number. */
async function numberNow(tx: Transaction<Schema>, told: number): Promise<number> {
  const moves = await tx.selectFrom("purge_moved").selectAll().orderBy("id").execute();
  return moves.reduce((at, { above, below, by }) => at + (at > above && at < below ? by : 0), told);
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
    await dropTerms(tx, to + 1);
  });
}

/** @param first the first entry that is kept one by one */
async function dropTerms(tx: Transaction<Schema>, first: number): Promise<void> {
  const log = await tx.selectFrom("purge_term").selectAll().orderBy("first").execute();
  const kept = log[eldestKept(log, first, TERMS_KEPT)];
  if (kept === undefined || kept === log[0]) return;
  await tx.deleteFrom("purge_term").where("first", "<", kept.first).execute();
  await tx.updateTable("purge_term").set({ first: 1 }).where("first", "=", kept.first).execute();
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

type Row = Omit<Schema["purge"], "number" | "scope" | "soft" | "actor"> & {
  readonly number: number;
  readonly scope: string;
  readonly soft: number;
  readonly actor: string;
};

function askedOf(row: Row): AskedPurge {
  return row.actor === "" ? purgeOf(row) : { ...purgeOf(row), actor: row.actor };
}

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
