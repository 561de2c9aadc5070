import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { healthOf, SMALL, snapshotOf } from "../../../test/fixtures/network.ts";
import { NO_ASSIGNMENT, NO_DEMAND, type Shelves } from "../../model/assignment.ts";
import type { TargetHealth } from "../../model/health.ts";
import { KEEP_LOAD } from "./allocate.ts";
import { assign } from "./assign.ts";
import { placeShelves, SHELVES, type ShelfCache, shelfOf, shelvesMost } from "./shelves.ts";
import { edgesAsk, steer, type View } from "./steer.ts";
import { whoGets } from "./who.ts";

const HOLD_MS = 22_000;

function place(
  caches: readonly ShelfCache[],
  before?: Shelves,
  atMs = 1_000_000,
): Shelves & { readonly held: number[] } {
  const placed = placeShelves({ caches, before, atMs, holdMs: HOLD_MS });
  const held = caches.map((_, i) => placed.at.filter((at) => at === i).length);
  return { ...placed, held };
}

function alike(n: number, load = 0.3): ShelfCache[] {
  const name = (i: number) => `node/fra-${String(i).padStart(2, "0")}`;
  return Array.from({ length: n }, (_, i) => ({ id: name(i), capacity: 1000, load }));
}

/** Shelves that are held by another cache than before. */
function moved(a: Shelves, b: Shelves): number {
  return a.at.filter((at, shelf) => a.caches[at] !== b.caches[b.at[shelf]!]).length;
}

const caches = fc
  .uniqueArray(fc.integer({ min: 0, max: 999 }), { minLength: 1, maxLength: 12 })
  .chain((ids) =>
    fc.tuple(
      ...ids
        .sort((a, b) => a - b)
        .map((id) =>
          fc.record({
            id: fc.constant(`node/n${String(id).padStart(3, "0")}`),
            capacity: fc.integer({ min: 1, max: 5000 }),
            load: fc.double({ min: 0, max: 1.5, noNaN: true }),
          }),
        ),
    ),
  );

describe("placeShelves()", () => {
  test("gives no cache more than its share allows, from nothing and from any past, and none to others", () => {
    fc.assert(
      fc.property(caches, caches, (first, second) => {
        let before: Shelves | undefined;
        for (const [i, now] of [first, second, second, first].entries()) {
          const placed = place(now, before, 1_000_000 + i * (HOLD_MS + 1));
          expect(placed.at).toHaveLength(SHELVES);
          expect(placed.caches).toEqual(now.map(({ id }) => id));
          expect(placed.at.every((at) => at >= 0 && at < now.length)).toBe(true);
          const most = shelvesMost(now);
          for (const [k, held] of placed.held.entries()) {
            expect(held).toBeLessThanOrEqual(most[k]!);
          }
          before = placed;
        }
      }),
    );
  });

  test("is the same for the same input, and changes nothing while nothing changes", () => {
    fc.assert(
      fc.property(caches, (now) => {
        const input = { caches: now, before: undefined, atMs: 5, holdMs: HOLD_MS };
        const once = placeShelves(input);
        expect(placeShelves(input)).toEqual(once);
        const calm = now.map((cache) => ({ ...cache, load: 0.4 }));
        expect(placeShelves({ ...input, caches: calm, before: once, atMs: 99_000 })).toBe(once);
      }),
    );
  });

  test.each([
    2, 3, 5, 10, 16,
  ])("of %p caches one that leaves takes few shelves with it, and they return", (n) => {
    const all = alike(n);
    const whole = place(all);
    for (const [i, { id }] of all.entries()) {
      const fewer = place(
        all.filter((cache) => cache.id !== id),
        whole,
      );
      expect(fewer.caches).not.toContain(id);
      // Its own, and about as many again that bounds push on.
      expect(moved(whole, fewer)).toBeLessThanOrEqual(Math.max(2.5 * whole.held[i]!, 10));
      expect(moved(whole, place(all, fewer))).toBe(0);
    }
  });

  test("shelves leave a cache whose load is too high, once, until that could have shown", () => {
    const busy = alike(3).map((cache, i) => ({ ...cache, load: i === 0 ? 0.6 : 0.3 }));
    const before = place(alike(3));
    const after = place(busy, before, 2_000_000);
    const went = moved(before, after);
    expect(went).toBeGreaterThan(0);
    expect(after.held[0]).toBeLessThan(before.held[0]!);
    expect(Object.keys(after.movedAtMs ?? {})).toHaveLength(went);
    // The same loads a moment later: resolvers still give the answers of before.
    expect(place(busy, after, 2_000_000 + HOLD_MS - 1).at).toEqual(after.at);
    expect(place(busy, after, 2_000_000 + HOLD_MS).held[0]).toBeLessThan(after.held[0]!);
  });

  test("a cache that is full from the start holds less than hashing gives it", () => {
    const busy = alike(2).map((cache, i) => ({ ...cache, load: i === 0 ? 0.95 : 0.1 }));
    expect(place(busy).held[0]).toBeLessThan(place(alike(2)).held[0]!);
    // Where one came or went, loads of before say nothing yet.
    const fresh = place(busy, place(alike(3)));
    expect(fresh.movedAtMs).toBeUndefined();
    expect(place(busy, fresh, 1_000_000 + HOLD_MS - 1)).toEqual(fresh);
    expect(place(busy, fresh, 1_000_000 + HOLD_MS).held[0]).toBeLessThan(fresh.held[0]!);
  });

  test("loads within what keeping is worth move nothing", () => {
    const before = place(alike(4));
    // Not even long after.
    const uneven = alike(4).map((cache, i) => ({ ...cache, load: 0.3 + (i * KEEP_LOAD) / 3.01 }));
    expect(place(uneven, before, 2_000_000).at).toEqual(before.at);
  });

  test("what was moved for a load stays moved when another cache comes, and is forgotten in time", () => {
    const busy = alike(3).map((cache, i) => ({ ...cache, load: i === 0 ? 0.6 : 0.3 }));
    const after = place(busy, place(alike(3)), 2_000_000);
    const more = place(alike(4), after, 2_100_000);
    for (const shelf of Object.keys(after.movedAtMs ?? {}).map(Number)) {
      expect(more.caches[more.at[shelf]!]).toBe(after.caches[after.at[shelf]!]!);
    }
    const later = place(alike(4), more, 2_000_000 + 600_001);
    expect(later.movedAtMs).toBeUndefined();
  });

  test("a closed loop with one dear site comes to rest", () => {
    // The dear site's shelf is a third of all work.
    const dear = shelfOf("www.dear.example");
    const weight = (shelf: number) => (shelf === dear ? SHELVES / 3 : 1);
    let placed: Shelves | undefined;
    let last = 0;
    for (let tick = 0; tick < 400; tick++) {
      const loads = [0, 0, 0, 0];
      for (const [shelf, at] of (placed?.at ?? []).entries()) {
        loads[at]! += (1.6 * weight(shelf)) / ((4 / 3) * SHELVES);
      }
      const now = alike(4).map((cache, i) => ({ ...cache, load: loads[i]! }));
      const next: Shelves = place(now, placed, 1_000_000 + tick * HOLD_MS * 1.01);
      if (placed !== undefined && moved(placed, next) > 0) last = tick;
      placed = next;
    }
    expect(last).toBeLessThan(40);
  });
});

describe("a site's own cache name", () => {
  const file = structuredClone(SMALL) as Record<string, unknown> & typeof SMALL;
  const node = structuredClone(file.nodes[0]!);
  file.nodes.push(Object.assign(node, { name: "fra-2", addresses: { v4: "192.0.2.9" } }));
  const snapshot = snapshotOf(file);
  const ids = snapshot.nodes.map(({ id }) => id);
  const health = (more: Record<string, Partial<TargetHealth>> = {}) => ({
    ...healthOf({ ...Object.fromEntries(ids.map((id) => [id, { load: 0.3 }])), ...more }),
    rttMs: { berlin: { fra: 12, nyc: 92 } },
  });
  const view = (of: ReturnType<typeof health>): View => {
    const rest = { demand: NO_DEMAND, previous: NO_ASSIGNMENT, atMs: 0 };
    return { snapshot, health: of, assignment: assign({ snapshot, health: of, ...rest }) };
  };
  const names = Array.from({ length: 40 }, (_, i) => `www.site${i}.example`);
  const cachesOf = (seen: View) =>
    names.map((name) => steer(seen, edgesAsk(snapshot, name), { group: 1 }).choices[0]!.id);

  test("is answered with one cache of the client's pop, others with others, and explained", () => {
    const seen = view(health());
    expect(new Set(cachesOf(seen))).toEqual(new Set(["node/fra-1", "node/fra-2"]));
    // Whatever client group of that pop: the name decides.
    const { assignment } = seen;
    const swapped = { ...seen, assignment: { ...assignment, edges: { berlin: "node/fra-2" } } };
    expect(cachesOf(swapped)).toEqual(cachesOf(seen));
    const reasons = names.map((name) => {
      const { reasons: all, choices } = steer(swapped, edgesAsk(snapshot, name), { group: 1 });
      return all.find((one) => one.id === choices[0]!.id)!.verdicts.at(-1)!;
    });
    const hashed = reasons.filter(({ reason }) => reason === "hashed");
    expect(hashed.length).toBeGreaterThan(0);
    for (const { detail } of hashed) expect(detail).toContain("by consistent hashing");
  });

  test("is among what its cache is said to hold, and no neighbour's", () => {
    const [site] = snapshot.sites;
    const many = { ...snapshot, sites: names.map((hostname) => ({ ...site!, hostname })) };
    const seen = { ...view(health()), snapshot: many };
    const held = ["node/fra-1", "node/fra-2"].map((id) => whoGets(seen, null, id)!.sites!);
    expect(held.flat().sort()).toEqual([...names].sort());
    for (const [i, id] of cachesOf(seen).entries()) {
      expect(held[id === "node/fra-1" ? 0 : 1]).toContain(names[i]!);
    }
    expect(whoGets(seen, null, "node/nyc-1")!.sites).toBeNull();
  });

  test("leaves a cache that is down at once, and the others' names stay", () => {
    const before = cachesOf(view(health()));
    const after = view(health({ "node/fra-1": { state: "down" } }));
    expect(new Set(cachesOf(after))).toEqual(new Set(["node/fra-2"]));
    // Also where nobody assigns any more: by health alone.
    const frozen = { ...view(health()), health: after.health };
    for (const [i, id] of cachesOf(frozen).entries()) {
      expect(id).not.toBe("node/fra-1");
      if (before[i] === "node/fra-2") expect(id).toBe("node/fra-2");
    }
  });

  test("stands on no shelf where no pop has two caches", () => {
    const single = snapshotOf(structuredClone(SMALL));
    expect(edgesAsk(single, "www.shop.example")).toEqual({ for: "edges" });
    const rest = { demand: NO_DEMAND, previous: NO_ASSIGNMENT, atMs: 0 };
    expect(assign({ snapshot: single, health: health(), ...rest }).shelves).toBeUndefined();
  });
});

describe("shelfOf()", () => {
  test("spreads names evenly", () => {
    const counts = new Array<number>(SHELVES).fill(0);
    for (let i = 0; i < 64_000; i++) counts[shelfOf(`www.site${i}.example`)]!++;
    expect(Math.min(...counts)).toBeGreaterThan(850);
    expect(Math.max(...counts)).toBeLessThan(1150);
  });
});
