import { afterAll, beforeAll, expect, test } from "bun:test";
import fc from "fast-check";
import { seededRng } from "../../base/rng.ts";
import type { PurgeScope } from "../../model/purge.ts";
import { type Ban, banned } from "../../policy/caching/mod.ts";
import type { Store } from "../store.ts";
import { openSqliteStore } from "./store.ts";

let store: Store;
beforeAll(async () => {
  store = await openSqliteStore(":memory:", seededRng(1));
});
afterAll(() => store.close());

const SITES = 3;
const AUDIT = { atMs: 0, actor: "ops", customer: "shop", action: "purge.create", changes: [] };

/** A cache as far as the log goes: what it has heard, and what it stored when. */
class Node {
  applied: number;
  readonly bans = new Map<string, Ban[]>();
  readonly objects: { readonly site: string; readonly path: string; readonly purge: number }[] = [];

  constructor(applied: number) {
    this.applied = applied;
  }

  async catchUp(most: number): Promise<void> {
    for (;;) {
      const { latest, purges } = await store.purges.since({ after: this.applied }, most);
      for (const { site, number, scope = "url", path: of, soft = false } of purges) {
        expect(number).toBeGreaterThan(this.applied);
        this.applied = number;
        const bans = this.bans.get(site) ?? [];
        this.bans.set(site, [...bans, { number, scope, of, soft }]);
      }
      if (purges.length === 0) {
        expect(this.applied).toBe(latest);
        return;
      }
    }
  }
}

const WEIGHT = { hard: 2, soft: 1 };
function weightOf(bans: readonly Ban[], object: Node["objects"][number]): number {
  const said = banned(bans, { ...object, fields: [["xkey", "tag"]] });
  return said === null ? 0 : WEIGHT[said];
}

const site = fc.nat(SITES - 1);
const path = fc.constantFrom("/a", "/b/c", "/b/d");
const target = fc.oneof(
  fc.record({ scope: fc.constant<PurgeScope>("url"), path }),
  fc.constantFrom<{ scope: PurgeScope; path: string }>(
    ...[
      { scope: "prefix" as const, path: "/b/" },
      { scope: "tag" as const, path: "tag" },
    ],
    ...[
      { scope: "tag" as const, path: "other" },
      { scope: "site" as const, path: "/" },
    ],
  ),
);
const node = fc.nat(1);
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("purge" as const), site, target, soft: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("store" as const), site, path, node }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("fold" as const),
      keep: fc.integer({ min: 1, max: 4 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("hear" as const),
      node,
      most: fc.integer({ min: 1, max: 3 }),
    }),
  },
);

let runs = 0;
test("however a log is folded, who hears of it later lets nothing through that the whole log forbids", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: "max" }), async (steps) => {
      const run = ++runs;
      const nameOf = (n: number) => `s${n}.run-${run}.example`;
      const { latest: began } = await store.purges.since({ after: 0 }, 1);
      const nodes = [new Node(began), new Node(began)];
      const whole = new Map<string, Ban[]>();
      for (const one of steps) {
        if (one.kind === "fold") await store.purges.fold(one.keep);
        else if (one.kind === "hear") await nodes[one.node]!.catchUp(one.most);
        else if (one.kind === "store") {
          const { applied: purge, objects } = nodes[one.node]!;
          objects.push({ site: nameOf(one.site), path: one.path, purge });
        } else {
          const name = nameOf(one.site);
          const of = { atMs: 0, customer: "shop", site: name, ...one.target, soft: one.soft };
          const { number } = await store.purges.add(of, { ...AUDIT, subject: name });
          const { scope, path: what } = one.target;
          const bans = whole.get(name) ?? [];
          whole.set(name, [...bans, { number, scope, of: what, soft: one.soft }]);
        }
      }
      for (const one of nodes) {
        await one.catchUp(2);
        for (const object of one.objects) {
          const all = whole.get(object.site) ?? [];
          const said = weightOf(one.bans.get(object.site) ?? [], object);
          expect(said).toBeGreaterThanOrEqual(weightOf(all, object));
          // And what no purge came for since it was stored stays.
          if (all.every((ban) => ban.number <= object.purge)) expect(said).toBe(0);
        }
      }
    }),
    { numRuns: 100 },
  );
}, 60_000);
