import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Purge } from "../model/purge.ts";
import type { NewAudit, Store } from "./store.ts";

const AT_MS = 1_800_000_000_000;
const AUDIT: NewAudit = {
  ...{ atMs: AT_MS, actor: "ops@cdn.example", customer: "shop", action: "purge.create" },
  ...{ subject: "a.example", changes: [] },
};

/** What a purge is of, without who numbered it. */
export function plain({ term: _, follows: __, ...purge }: Purge): Purge {
  return purge;
}

/** How purges are numbered by a Store that may be a copy. `reopen` gives the same one after a restart. */
export function purgeContract(
  name: string,
  world: { open(): Promise<Store>; reopen(): Promise<Store> },
): void {
  describe(`${name}: terms of purges`, () => {
    let store: Store;
    beforeEach(async () => {
      store = await world.open();
    });
    afterEach(() => store.close());

    function add(path: string): Promise<Purge> {
      return store.purges.add({ atMs: AT_MS, customer: "shop", site: "a.example", path }, AUDIT);
    }

    test("purges tell of which run of the store they are, and of which the one before them", async () => {
      const [first, second] = [await add("/1"), await add("/2")];
      store = await world.reopen();
      const third = await add("/3");
      expect([first.follows, second.follows, third.follows]).toEqual([
        ...["", first.term, first.term],
      ]);
      expect([second.term, third.term === first.term]).toEqual([first.term, false]);
      const { purges } = await store.purges.since({ after: 0 }, 100);
      expect(purges.map(({ term }) => term)).toEqual([first.term, first.term, third.term]);
      const at = (n: number) => store.purges.since({ after: n }, 100);
      expect((await at(2)).term).toBe(first.term);
      expect((await at(3)).term).toBe(third.term);
      for (const term of [first.term!, undefined]) {
        const of = term === undefined ? {} : { term };
        await store.purges.ack({ number: 3, node: `of ${term}`, atMs: 7, ...of });
        await store.purges.ack({ number: 1, node: `of ${term}`, atMs: 7, ...of });
      }
      const acks = async (n: number) => (await store.purges.acks(n)).map(({ node }) => node);
      expect(await acks(1)).toEqual([`of ${first.term}`, "of undefined"].sort());
      expect(await acks(3)).toEqual(["of undefined"]);
    });

    test("what came after another log parted is numbered anew, above both, with its receipts begun anew", async () => {
      const [one, two, three] = [await add("/1"), await add("/2"), await add("/3")];
      const { term } = one as { term: string };
      for (const number of [1, 2]) await store.purges.ack({ number, node: "lon-1", atMs: 7 });
      const lost = { term: "lost", from: 2, to: 9 };
      const place = { after: 9, terms: [{ term, from: 1, to: 1 }, lost] };
      for (const after of [1, 2, 3]) {
        const here = { after, terms: [{ term, from: 1, to: after }] };
        expect(await store.purges.leap(here, [], AUDIT)).toBeNull();
      }
      // Where numbers are lower than the log's own, too.
      const lower = { after: 2, terms: [place.terms[0]!, { ...lost, to: 2 }] };
      expect(await store.purges.since(lower, 100)).toEqual({ latest: 3, purges: [], parted: true });
      const of = { atMs: AT_MS, customer: "shop", site: "a.example", path: "/" };
      const all = [{ ...of, scope: "site", soft: true } as const];
      expect(await store.purges.leap(place, all, AUDIT)).toBe(2);
      for (const parted of [lower, place]) {
        expect(await store.purges.leap(parted, all, AUDIT)).toBeNull();
        const { purges } = await store.purges.since(parted, 100);
        expect(purges.map(({ path }) => path)).toEqual(["/2", "/3", "/"]);
        for (const { number } of purges) expect(number).toBeGreaterThan(1_000_009);
        expect(new Set(purges.map((purge) => purge.term)).has(term)).toBe(false);
      }
      expect((await store.purges.since({ after: 0 }, 100)).purges.length).toBe(4);
      const anew = (await store.purges.read(2))!;
      expect({ ...anew, number: 2 }).toEqual(plain(two));
      expect((await store.purges.read(3))?.number).toBe(anew.number + 1);
      expect((await store.purges.read(1))?.number).toBe(1);
      const acked = async (number: number) => (await store.purges.acks(number)).length;
      expect([await acked(1), await acked(2)]).toEqual([1, 0]);
      await store.purges.ack({ number: 2, node: "lon-1", atMs: 8, term });
      await store.purges.ack({ number: anew.number, node: "lon-1", atMs: 9, term });
      expect(await acked(2)).toBe(0);
      await store.purges.ack({ number: anew.number, node: "lon-1", atMs: 9 });
      expect(await acked(2)).toBe(1);
      // Somebody else has come further still, and parted at the same number.
      const further = { after: anew.number + 9_000_000, terms: [place.terms[0]!, lost] };
      further.terms[1] = { ...lost, to: further.after };
      expect(await store.purges.leap(further, [], AUDIT)).toBe(3);
      expect((await store.purges.read(3))?.number).toBeGreaterThan(further.after);
      expect((await store.purges.read(3))?.path).toBe(three.path);
      const next = await add("/4");
      expect(next.number).toBe((await store.purges.read(3))!.number + 2);
      store = await world.reopen();
      expect((await store.purges.since({ after: 0 }, 100)).purges.length).toBe(5);
      expect(await store.audits.verify()).toBeNull();
    });
  });
}
