import { Database } from "bun:sqlite";
import { afterAll, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { Fault } from "../../base/fault.ts";
import { seededRng } from "../../base/rng.ts";
import { purgeContract } from "../purge.contract.ts";
import { auditOf, faultOf, intentOf, snapshotOf, storeContract } from "../store.contract.ts";
import { intentStore } from "./intent.ts";
import { openSqlite, sqliteFault } from "./open.ts";
import { openSqliteStore } from "./store.ts";

const dir = mkdtempSync(join(tmpdir(), "turnpike-store-"));
const rng = seededRng(1);
let made = 0;
let path = "";
beforeEach(() => {
  path = join(dir, `${++made}`, "control.db");
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const world = {
  open: () => openSqliteStore(path, rng),
  reopen: () => openSqliteStore(path, rng),
  clean: async () => {},
};
storeContract("sqlite", world);
purgeContract("sqlite", world);

async function filled(): Promise<void> {
  const store = await openSqliteStore(path, rng);
  for (let version = 1; version <= 6; version++) {
    const intent = intentOf(version);
    const audit = auditOf(`change.${version}`);
    await store.intents.commit({ before: version - 1, intent, snapshot: null, audit });
  }
  await store.close();
}

test("a file that is no database is the Fault store-corrupt, naming the file", async () => {
  await filled();
  writeFileSync(path, "not a database, but long enough to be looked at ".repeat(100));
  const failed = await openSqliteStore(path, rng).catch((error: unknown) => error);
  expect(failed).toBeInstanceOf(Fault);
  expect((failed as Fault).code).toBe("store-corrupt");
  expect((failed as Fault).message).toContain(path);
});

test("pages overwritten in the middle are noticed at open", async () => {
  await filled();
  const bytes = readFileSync(path);
  bytes.fill(0xa5, 4096, Math.floor(bytes.length / 2));
  writeFileSync(path, bytes);
  expect(await faultOf(openSqliteStore(path, rng))).toBe("store-corrupt");
});

test("a database of a newer version is refused, not half understood", async () => {
  await filled();
  const raw = new Database(path);
  raw.run("insert into kysely_migration (name, timestamp) values ('9999-later', '2030')");
  raw.close();
  expect(await faultOf(openSqliteStore(path, rng))).toBe("store-corrupt");
});

test("purges of before there were terms are of the term that is empty", async () => {
  const first = await openSqliteStore(path, rng);
  await first.close();
  const raw = new Database(path);
  for (const table of ["purge_term", "purge_moved"]) raw.run(`drop table ${table}`);
  raw.run("drop index purge_site");
  raw.run("alter table purge drop column actor");
  raw.run("delete from kysely_migration where name >= '0005'");
  const row =
    "insert into purge (at_ms, customer, site, path) values (7, 'shop', 'a.example', '/a')";
  for (let n = 1; n <= 3; n++) raw.run(row);
  raw.close();
  const store = await openSqliteStore(path, rng);
  const purge = { atMs: 8, customer: "shop", site: "a.example", path: "/b" };
  const { number, term, follows } = await store.purges.add(purge, auditOf("purge.create", "shop"));
  expect([number, follows]).toEqual([4, ""]);
  const { purges } = await store.purges.since({ after: 0 }, 100);
  expect(purges.map((one) => one.term)).toEqual(["", "", "", term]);
  const place = { after: 3, terms: [{ term: "", from: 2, to: 3 }] };
  expect(await store.purges.since(place, 100)).toMatchObject({ term: "", purges: [{ number: 4 }] });
  const lost = { after: 4, terms: [{ term: "", from: 2, to: 4 }] };
  expect((await store.purges.since(lost, 100)).parted).toBe(true);
  await store.close();
});

test("terms of runs without number do not pile up: those of folded purges go but for the last 1,000", async () => {
  const first = await openSqliteStore(path, rng);
  await first.close();
  const raw = new Database(path);
  const put = raw.prepare("insert into purge_term (first, term) values (?, ?)");
  const add = raw.prepare(
    "insert into purge (at_ms, customer, site, path) values (7, 'shop', 's', '/')",
  );
  raw.transaction(() => {
    for (let n = 1; n <= 1_500; n++) {
      put.run(n, `t${n}`);
      add.run();
    }
  })();
  raw.close();
  const store = await openSqliteStore(path, rng);
  await store.purges.fold(100);
  const told = await store.purges.since({ after: 0 }, 5);
  expect(told.purges.map(({ number, term }) => `${number} ${term}`)).toEqual([
    ...["1400 t1400", "1401 t1401", "1402 t1402", "1403 t1403", "1404 t1404"],
  ]);
  const at = (n: number) => ({ after: n, terms: [{ term: `t${n}`, from: n, to: n }] });
  // A cache that has heard nothing for a thousand runs is told all anew; one that was away for less is not.
  expect((await store.purges.since(at(401), 1)).term).toBe("t401");
  expect((await store.purges.since(at(400), 1)).parted).toBe(true);
  await store.close();
  const after = new Database(path, { readonly: true });
  expect(after.query("select count(*) as n from purge_term").get()).toEqual({ n: 1_100 });
  after.close();
});

test("a full disk undoes the change, says so, and is got over", async () => {
  await filled();
  const db = await openSqlite(path);
  await sql`pragma max_page_count = 1`.execute(db);
  const insert = (title: string) =>
    db.transaction().execute(async (tx) => {
      const row = { email: title, password_hash: "x".repeat(1_000_000) };
      await tx.insertInto("operator").values(row).execute();
    });
  const failed = await insert("a").catch((error: unknown) => sqliteFault(error, path));
  expect((failed as Fault).code).toBe("store-full");
  expect(await db.selectFrom("operator").selectAll().execute()).toEqual([]);
  await sql`pragma max_page_count = 1000000`.execute(db);
  await insert("b");
  expect(await db.selectFrom("operator").select("email").execute()).toEqual([{ email: "b" }]);
  await db.destroy();
});

test("of old snapshots the intents go first, the oldest before, then the snapshots", async () => {
  const db = await openSqlite(path);
  const bytes = JSON.stringify(intentOf(1).network).length;
  const keep = { heads: 8, whole: 2, intentBytesMax: 5 * bytes + 100 };
  const intents = intentStore(db, keep);
  for (let n = 1; n <= 12; n++) {
    const snapshot = { snapshot: snapshotOf(n, n), note: "" };
    const audit = auditOf(`change.${n}`);
    await intents.commit({ before: n - 1, intent: intentOf(n), snapshot, audit });
  }
  const heads = await intents.listSnapshots({ before: null, limit: 100 });
  expect(heads.map(({ number, kept }) => [number, kept])).toEqual([
    ...[12, 11, 10, 9, 8].map((number) => [number, true]),
    ...[7, 6, 5].map((number) => [number, false]),
  ] as [number, boolean][]);
  expect([await intents.readVersion(7), (await intents.readVersion(8))?.ttlSec]).toEqual([null, 8]);
  const bodies = await db.selectFrom("snapshot").select("number").where("body", "<>", "").execute();
  expect(bodies.map(({ number }) => number)).toEqual([11, 12]);
  await db.destroy();
});

test("however large, the intents of the newest snapshots stay", async () => {
  const db = await openSqlite(path);
  const intents = intentStore(db, { heads: 8, whole: 3, intentBytesMax: 1 });
  // Two snapshots of one intent, as when addresses change; then drafts that are not published.
  const commits: readonly (readonly [intent: number | null, snapshot: number | null])[] = [
    ...([
      [1, 1],
      [null, 2],
      [2, 3],
      [3, 4],
    ] as const),
    ...([
      [4, null],
      [5, null],
      [6, null],
      [7, null],
    ] as const),
  ];
  let before = 0;
  for (const [version, number] of commits) {
    const intent = version === null ? null : intentOf(version);
    const made = number === null ? null : snapshotOf(number, version ?? before);
    const snapshot = made === null ? null : { snapshot: made, note: "" };
    await intents.commit({ before, intent, snapshot, audit: auditOf("change") });
    before = version ?? before;
  }
  const heads = await intents.listSnapshots({ before: null, limit: 100 });
  expect(heads.map(({ number, intentVersion, kept }) => [number, intentVersion, kept])).toEqual([
    ...([
      [4, 3, true],
      [3, 2, true],
      [2, 1, true],
      [1, 1, true],
    ] as [number, number, boolean][]),
  ]);
  const versions = await db.selectFrom("intent").select("version").orderBy("version").execute();
  expect(versions.map(({ version }) => version)).toEqual([1, 2, 3, 5, 6, 7]);
  await db.destroy();
});

const TAMPERINGS: readonly (readonly [string, string, number])[] = [
  ["an edited entry", "update audit set actor = 'nobody' where seq = 3", 3],
  ["a deleted entry", "delete from audit where seq = 4", 4],
  ["a deleted last entry", "delete from audit where seq = 6", 6],
  [
    "two entries that changed places",
    "update audit set seq = 99 where seq = 2; update audit set seq = 2 where seq = 3;" +
      "update audit set seq = 3 where seq = 99",
    2,
  ],
];
for (const [what, sql, at] of TAMPERINGS) {
  test(`verify() finds ${what}`, async () => {
    await filled();
    const raw = new Database(path);
    raw.run(sql);
    raw.close();
    const store = await openSqliteStore(path, rng);
    expect(await store.audits.verify()).toBe(at);
    await store.close();
  });
}
