import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { Fault } from "../base/fault.ts";
import { network } from "../model/network.ts";
import { SNAPSHOT_SCHEMA, type Snapshot } from "../model/snapshot.ts";
import { plain } from "./purge.contract.ts";
import type { NewAudit, NewIntent, Store, StoredMember } from "./store.ts";

export const AT_MS = 1_800_000_000_000;

export function auditOf(action: string, customer: string | null = null): NewAudit {
  const subject = customer ?? "network";
  return { atMs: AT_MS, actor: "ops@cdn.example", customer, action, subject, changes: ["+ x"] };
}

export function intentOf(version: number, more: Partial<NewIntent> = {}): NewIntent {
  return {
    version,
    network: network.parse({ zone: "cdn.example", ttlSec: version }),
    targetsAdded: [],
    targetsDropped: [],
    namesDropped: [],
    members: [],
    ...more,
  };
}

export function snapshotOf(number: number, intentVersion: number): Snapshot {
  return {
    schema: SNAPSHOT_SCHEMA,
    number,
    intentVersion,
    createdAtMs: AT_MS,
    zone: "cdn.example",
    contact: "ops@cdn.example",
    ttlSec: 20,
    allowPrivateOrigins: false,
    allowOriginRanges: [],
    ports: { dns: 53, http: 80, https: 443 },
    pops: [],
    nodes: [],
    groups: [],
    sites: [],
    origins: [],
    zones: [],
    hash: "0".repeat(64),
  };
}

/** What every Store does. `open` gives an empty one; `reopen` the same one after a restart. */
export function storeContract(
  name: string,
  world: { open(): Promise<Store>; reopen(): Promise<Store>; clean(): Promise<void> },
): void {
  describe(name, () => {
    let store: Store;
    beforeEach(async () => {
      store = await world.open();
    });
    afterEach(async () => {
      await store.close();
      await world.clean();
    });
    const save = (intent: NewIntent, snapshot: Snapshot | null = null) =>
      store.intents.commit({
        before: intent.version - 1,
        intent,
        snapshot: snapshot === null ? null : { snapshot, note: "test" },
        audit: auditOf("network.apply"),
      });
    const member = (email: string, customer: string, hash: string | null): StoredMember => {
      return { email, customer, role: "owner", passwordHash: hash };
    };

    /** Without the terms. */
    const toldOf = async (after: number, most: number) => {
      const { latest, purges } = await store.purges.since({ after }, most);
      return { latest, purges: purges.map(plain) };
    };

    test("an empty store is at version 0 and has no snapshot", async () => {
      const empty = { version: 0, network: null, targets: {} };
      expect(await store.intents.read()).toEqual(empty);
      expect(await store.intents.latestSnapshot()).toBeNull();
      expect(await store.purges.since({ after: 0 }, 100)).toEqual({
        ...{ latest: 0, purges: [], term: "" },
      });
      expect(await store.audits.verify()).toBeNull();
    });

    test("what was committed is there after a restart", async () => {
      await save(intentOf(1), snapshotOf(1, 1));
      await store.close();
      store = await world.reopen();
      expect((await store.intents.read()).network?.ttlSec).toBe(1);
      expect(await store.intents.latestSnapshot()).toEqual(snapshotOf(1, 1));
    });

    test("an intent is the same object until there is another, and then as it was given", async () => {
      const target = "b".repeat(32);
      const targetsAdded = [{ hostname: "www.shop.example", customer: "shop", target }];
      const first = intentOf(1, { targetsAdded });
      await save(first);
      const read = await store.intents.read();
      expect(read).toEqual({
        version: 1,
        network: first.network,
        targets: { "www.shop.example": target },
      });
      expect(await store.intents.read()).toBe(read);
      const second = intentOf(2);
      await save(second);
      const next = await store.intents.read();
      expect([next.version, next.network]).toEqual([2, second.network]);
      // Nothing came or went: whoever compiles need not compare them.
      expect(next.targets).toBe(read.targets);
      await store.close();
      store = await world.reopen();
      expect(await store.intents.read()).toEqual(JSON.parse(JSON.stringify(next)));
    });

    test("a commit from an old version is a conflict and leaves no trace", async () => {
      await save(intentOf(1));
      const late = store.intents.commit({
        before: 0,
        intent: intentOf(1),
        snapshot: null,
        audit: auditOf("network.apply"),
      });
      expect(await faultOf(late)).toBe("conflict");
      expect(await listAudit(store)).toHaveLength(1);
    });

    test("a snapshot whose number is not new undoes the whole commit", async () => {
      await save(intentOf(1), snapshotOf(5, 1));
      expect(await faultOf(save(intentOf(2), snapshotOf(5, 2)))).toBe("conflict");
      expect((await store.intents.read()).version).toBe(1);
    });

    test("snapshots stay, with the intents they were made from, and are told page by page", async () => {
      for (let n = 1; n <= 45; n++) await save(intentOf(n), snapshotOf(n, n));
      const numbers = async (before: number | null) =>
        (await store.intents.listSnapshots({ before, limit: 20 })).map((h) => h.number);
      expect(await numbers(null)).toEqual(Array.from({ length: 20 }, (_, i) => 45 - i));
      expect(await numbers(26)).toEqual(Array.from({ length: 20 }, (_, i) => 25 - i));
      expect(await numbers(6)).toEqual([5, 4, 3, 2, 1]);
      expect((await store.intents.readVersion(1))?.ttlSec).toBe(1);
      expect((await store.intents.latestSnapshot())?.number).toBe(45);
    });

    test("an intent that was never published is kept among the last 20 only", async () => {
      await save(intentOf(1));
      for (let n = 2; n <= 21; n++) await save(intentOf(n), snapshotOf(n, n));
      expect(await store.intents.readVersion(1)).toBeNull();
      expect((await store.intents.readVersion(2))?.ttlSec).toBe(2);
    });

    test("a target is never given to another site, and revived only for the same", async () => {
      const target = "a".repeat(32);
      const add = (customer: string) => [{ hostname: "www.shop.example", customer, target }];
      await save(intentOf(1, { targetsAdded: add("shop") }));
      expect((await store.intents.read()).targets).toEqual({ "www.shop.example": target });
      await save(intentOf(2, { targetsDropped: ["www.shop.example"] }));
      expect((await store.intents.read()).targets).toEqual({});
      expect(await store.intents.formerTarget("shop", "www.shop.example")).toBe(target);
      expect(await store.intents.formerTarget("news", "www.shop.example")).toBeNull();
      expect(await faultOf(save(intentOf(3, { targetsAdded: add("news") })))).toBe("conflict");
      await save(intentOf(3, { targetsAdded: add("shop") }));
      expect((await store.intents.read()).targets).toEqual({ "www.shop.example": target });
    });

    test("a member who goes or moves loses sessions and tokens; a null hash keeps", async () => {
      const { people } = store;
      await save(intentOf(1, { members: [member("a@x.example", "shop", "hash-1")] }));
      const session = {
        idHash: "s1",
        kind: "member",
        email: "a@x.example",
        createdMs: AT_MS,
        seenMs: AT_MS,
      } as const;
      await people.addSession(session, auditOf("session.create", "shop"));
      await save(intentOf(2, { members: [member("a@x.example", "shop", null)] }));
      expect((await people.member("a@x.example"))?.passwordHash).toBe("hash-1");
      expect(await people.session("s1")).toEqual(session);
      await save(intentOf(3, { members: [member("a@x.example", "news", null)] }));
      expect(await people.session("s1")).toBeNull();
      await save(intentOf(4));
      expect(await people.members()).toEqual([]);
    });

    test("sessions end by age and by not being seen", async () => {
      const { people } = store;
      const of = (idHash: string, createdMs: number, seenMs: number) =>
        people.addSession(
          { idHash, kind: "operator", email: "ops@cdn.example", createdMs, seenMs },
          auditOf("session.create"),
        );
      await of("old", 10, 100);
      await of("idle", 50, 60);
      await of("fresh", 50, 60);
      await people.seeSession("fresh", 100);
      await people.dropSessions(20, 70);
      expect(await people.session("old")).toBeNull();
      expect(await people.session("idle")).toBeNull();
      expect((await people.session("fresh"))?.seenMs).toBe(100);
    });

    test("purges are numbered without gaps and acknowledged once by each node", async () => {
      const purge = { atMs: AT_MS, customer: "shop", site: "www.shop.example", path: "/a.png" };
      for (let n = 1; n <= 3; n++) {
        const added = await store.purges.add(purge, auditOf("purge.create", "shop"));
        expect(added.number).toBe(n);
      }
      const { latest, purges } = await store.purges.since({ after: 1 }, 100);
      expect([latest, ...purges.map((p) => p.number)]).toEqual([3, 2, 3]);
      expect(await toldOf(3, 100)).toEqual({ latest: 3, purges: [] });
      const some = await store.purges.since({ after: 0 }, 2);
      expect([some.latest, ...some.purges.map((p) => p.number)]).toEqual([3, 1, 2]);
      await store.purges.ack({ number: 2, node: "lon-1", atMs: 7 });
      await store.purges.ack({ number: 2, node: "lon-1", atMs: 9 });
      expect(await store.purges.acks(2)).toEqual([{ number: 2, node: "lon-1", atMs: 7 }]);
    });

    test("purges keep what they are of", async () => {
      const of = { atMs: AT_MS, customer: "shop", site: "www.shop.example" };
      const all = [
        { ...of, path: "/a.png" },
        { ...of, path: "/a.png", soft: true },
        { ...of, path: "logo", scope: "tag" as const },
        { ...of, path: "/img/", scope: "prefix" as const, soft: true },
      ];
      for (const one of all) await store.purges.add(one, auditOf("purge.create", "shop"));
      const numbered = all.map((one, i) => ({ ...one, number: i + 1 }));
      expect((await toldOf(0, 100)).purges).toEqual(numbered);
      expect(await store.purges.read(3)).toEqual(numbered[2]!);
    });

    test("the purges of one site are told newest first, page by page", async () => {
      for (const site of ["a.example", "b.example", "a.example", "a.example"]) {
        const purge = { atMs: AT_MS, customer: "shop", site, path: "/" };
        await store.purges.add(purge, auditOf("purge.create", "shop"));
      }
      const list = async (site: string | null, before: number | null, customer = "shop") => {
        const purges = await store.purges.list({ customer, site, before, limit: 2 });
        return purges.map((purge) => purge.number);
      };
      expect(await list("a.example", null)).toEqual([4, 3]);
      expect(await list("a.example", 3)).toEqual([1]);
      expect(await list("b.example", null)).toEqual([2]);
      expect(await list("a.example", null, "news")).toEqual([]);
      expect(await list(null, null)).toEqual([4, 3]);
      expect(await list(null, 3)).toEqual([2, 1]);
      expect(await list(null, null, "news")).toEqual([]);
      const page = { customer: "shop", site: null, before: null, limit: 1 };
      const [last] = await store.purges.list(page);
      expect(last?.actor).toBe(auditOf("purge.create", "shop").actor);
      // Caches are not told who asked.
      const { purges } = await store.purges.since({ after: 3 }, 1);
      expect(purges[0]).not.toHaveProperty("actor");
    });

    test("of purges that are folded one of each whole site is left, and nothing of who acknowledged them", async () => {
      const of = (site: string, more: object = {}) => {
        const purge = { atMs: AT_MS, customer: "shop", site, path: "/a.png", ...more };
        return store.purges.add(purge, auditOf("purge.create", "shop"));
      };
      await of("a.example");
      await of("b.example", { soft: true });
      await of("a.example", { scope: "tag", path: "logo", soft: true });
      await of("b.example", { soft: true });
      const [fifth, sixth] = [plain(await of("c.example")), plain(await of("a.example"))];
      for (const number of [3, 5]) await store.purges.ack({ number, node: "lon-1", atMs: 7 });
      await store.purges.fold(6);
      expect((await store.purges.since({ after: 0 }, 100)).purges.length).toBe(6);
      await store.purges.fold(2);
      store = await world.reopen();
      const whole = { atMs: AT_MS, customer: "shop", path: "/", scope: "site" as const };
      const a = { ...whole, number: 3, site: "a.example" };
      const b = { ...whole, number: 4, site: "b.example", soft: true };
      const purges = [a, b, fifth, sixth];
      expect(await toldOf(0, 100)).toEqual({ latest: 6, purges });
      expect(await toldOf(0, 3)).toEqual({ latest: 6, purges: purges.slice(0, 3) });
      expect((await toldOf(3, 100)).purges).toEqual(purges.slice(1));
      await store.purges.ack({ number: 4, node: "lon-1", atMs: 7 });
      expect(await Promise.all([3, 4].map((n) => store.purges.read(n)))).toEqual([null, null]);
      expect(await Promise.all([3, 4].map((n) => store.purges.acks(n)))).toEqual([[], []]);
      expect((await store.purges.acks(5)).length).toBe(1);
      const next = plain(await of("b.example"));
      await store.purges.fold(1);
      const left = [
        { ...b, number: 4 },
        { ...whole, number: 5, site: "c.example" },
        { ...whole, number: 6, site: "a.example" },
        next,
      ];
      expect(await toldOf(0, 100)).toEqual({ latest: 7, purges: left });
    });

    test("purges leap over numbers that a lost log gave, with what stands for it, and only then", async () => {
      const of = { atMs: AT_MS, customer: "shop", site: "a.example", path: "/a.png" };
      const audit = auditOf("purge.leap");
      const all = { ...of, path: "/", scope: "site" as const, soft: true };
      const both = [all, { ...all, site: "b.example" }];
      expect((await store.purges.since({ after: 7 }, 100)).parted).toBe(true);
      expect(await store.purges.leap({ after: 7 }, both, audit)).toBe(0);
      const { latest, purges } = await toldOf(7, 100);
      expect(purges).toEqual([
        { ...all, number: latest - 1 },
        { ...all, number: latest, site: "b.example" },
      ]);
      expect(latest).toBeGreaterThan(1_000_007);
      for (const above of [7, latest]) {
        expect(await store.purges.leap({ after: above }, [all], audit)).toBeNull();
      }
      store = await world.reopen();
      const next = await store.purges.add(of, auditOf("purge.create", "shop"));
      expect(next.number).toBe(latest + 1);
      expect(await store.purges.leap({ after: latest + 2 }, [], audit)).toBe(0);
      expect((await store.purges.since({ after: 0 }, 100)).latest).toBe(latest + 1);
      const last = await store.purges.add(of, auditOf("purge.create", "shop"));
      expect(last.number).toBeGreaterThan(latest + 1_000_000);
      expect(await store.audits.verify()).toBeNull();
    });

    test("a node's newest acknowledgement is kept", async () => {
      await store.intents.ack({ node: "lon-1", number: 1, atMs: 1 });
      await store.intents.ack({ node: "lon-1", number: 2, atMs: 5 });
      expect(await store.intents.acks()).toEqual([{ node: "lon-1", number: 2, atMs: 5 }]);
    });

    test("the audit is listed newest first, by customer, in pages", async () => {
      for (const customer of ["shop", "news", "shop"]) {
        const purge = { atMs: AT_MS, customer, site: "www.x.example", path: "/" };
        await store.purges.add(purge, auditOf("purge.create", customer));
      }
      expect((await listAudit(store)).map((a) => a.seq)).toEqual([3, 2, 1]);
      const shop = await store.audits.list({ customer: "shop", before: 3, limit: 10 });
      expect(shop.map((a) => a.seq)).toEqual([1]);
      expect(await store.audits.verify()).toBeNull();
    });
  });
}

function listAudit(store: Store) {
  return store.audits.list({ customer: null, before: null, limit: 100 });
}

/** The code of the Fault that a promise fails with, or `""`. */
export async function faultOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "";
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}
