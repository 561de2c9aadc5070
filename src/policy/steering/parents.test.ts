import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { healthOf, SMALL, snapshotOf } from "../../../test/fixtures/network.ts";
import { NO_ASSIGNMENT } from "../../model/assignment.ts";
import { NO_HEALTH, type TargetState } from "../../model/health.ts";
import { assign } from "./assign.ts";
import { parentsOf, TIERS_ABOVE_MAX } from "./parents.ts";
import { shelfOf } from "./shelves.ts";
import type { View } from "./steer.ts";

const NAMES = ["mid-1", "mid-2", "mid-3", "out-1", "out-2", "top-1"];
const POPS = [{ name: "top" }, { name: "mid", parent: "top" }, { name: "out", parent: "mid" }];

function viewOf(
  pops: readonly unknown[] = POPS,
  states: Readonly<Record<string, TargetState>> = {},
): View {
  const nodes = NAMES.map((name, i) => ({
    ...{ name, pop: name.slice(0, 3), roles: ["edge"] },
    addresses: { v4: `192.0.2.${i + 1}` },
  }));
  const snapshot = snapshotOf({ ...SMALL, pops, nodes, clientGroups: [] });
  const targets = Object.entries(states).map(([name, state]) => {
    return [`node/${name}`, { state, v4Up: state === "up" }] as const;
  });
  const health = { ...NO_HEALTH, ...healthOf(Object.fromEntries(targets)) };
  return { snapshot, health, assignment: NO_ASSIGNMENT };
}

const names = (view: View, node: string, key: string, from: readonly string[] = []) =>
  parentsOf(view, { node, key, from }).choices.map(({ id }) => id.slice("node/".length));

describe("parentsOf()", () => {
  test("names the parent pop's caches, and each object the same one first at every cache", () => {
    const view = viewOf();
    const firsts = new Map<string, number>();
    for (let i = 0; i < 600; i++) {
      const key = `shop www.shop.example /${i}`;
      const parents = names(view, "out-1", key);
      expect(parents.toSorted()).toEqual(["mid-1", "mid-2", "mid-3"]);
      expect(names(view, "out-2", key)).toEqual(parents);
      firsts.set(parents[0]!, (firsts.get(parents[0]!) ?? 0) + 1);
    }
    for (const count of firsts.values()) expect(count).toBeGreaterThan(100);
  });

  test("follows the assignment's shelves, with their bounded loads", () => {
    const plain = viewOf();
    const states = Object.fromEntries(NAMES.map((name) => [name, "up" as const]));
    const view = viewOf(POPS, states);
    const { snapshot, health } = view;
    const assignment = assign({
      ...{ snapshot, health, demand: { sites: {}, edges: {} }, previous: NO_ASSIGNMENT },
      atMs: 0,
    });
    const shelves = assignment.shelves!.mid!;
    for (let i = 0; i < 200; i++) {
      const key = `shop www.shop.example /${i}`;
      const holder = shelves.caches[shelves.at[shelfOf(key)]!]!;
      const found = parentsOf({ ...view, assignment }, { node: "out-1", key, from: [] });
      expect(found.choices[0]!.id).toBe(holder);
      expect(found.reasons[0]!.verdicts.at(-1)!.reason).toBe("hashed");
    }
    expect(plain.assignment.shelves).toBeUndefined();
  });

  test("leaves out who is down or draining, and an object of one who stays does not move for it", () => {
    const all = viewOf();
    const less = viewOf(POPS, { "mid-2": "down", "mid-1": "up", "mid-3": "up" });
    for (let i = 0; i < 200; i++) {
      const key = `shop www.shop.example /${i}`;
      const before = names(all, "out-1", key);
      expect(names(less, "out-1", key)).toEqual(before.filter((name) => name !== "mid-2"));
    }
    const none = viewOf(POPS, { "mid-1": "draining", "mid-2": "down", "mid-3": "down" });
    const decision = parentsOf(none, { node: "out-1", key: "k", from: [] });
    expect(decision.choices).toEqual([]);
    expect(decision.reasons.map((one) => one.verdicts[0]!.reason).toSorted()).toEqual([
      ...["down", "down", "draining"],
    ] as never);
  });

  test("in a pop that is tier: inside names the one that holds the object, then the parent's", () => {
    const inside = viewOf([POPS[0]!, { ...POPS[1]!, tier: "inside" }, POPS[2]!]);
    for (let i = 0; i < 100; i++) {
      const key = `shop www.shop.example /${i}`;
      const [holder] = names(inside, "out-1", key);
      expect(names(inside, holder!, key, ["out-1"])).toEqual(["top-1"]);
      const other = ["mid-1", "mid-2", "mid-3"].find((name) => name !== holder)!;
      const asked = names(inside, other, key);
      expect([asked[0], asked.at(-1)]).toEqual([holder, "top-1"]);
      expect(asked).not.toContain(other);
      // Whoever came from inside goes up, not around.
      expect(names(inside, holder!, key, [other])).toEqual(["top-1"]);
    }
  });

  test("no request goes through more than two caches above the first, nor through one twice, whatever each of them believes (H13)", () => {
    const parent = fc.constantFrom(undefined, "top", "mid", "out");
    const pops = fc.tuple(parent, parent, parent, fc.boolean(), fc.boolean()).map((of) =>
      ["top", "mid", "out"].map((name, i) => ({
        name,
        ...(of[i] === undefined || of[i] === name ? {} : { parent: of[i] }),
        ...(of[3 + (i % 2)] === true ? { tier: "inside" } : {}),
      })),
    );
    // Every cache has a snapshot of its own, and their parents may even be in a circle together.
    const beliefs = fc.array(pops, { minLength: NAMES.length, maxLength: NAMES.length });
    fc.assert(
      fc.property(beliefs, fc.nat({ max: 5 }), fc.string(), fc.nat(), (all, first, key, pick) => {
        let at = NAMES[first]!;
        const from: string[] = [];
        for (;;) {
          const view = safeView(all[NAMES.indexOf(at)]!);
          const parents = names(view, at, key, from);
          expect(parents).not.toContain(at);
          for (const passed of from) expect(parents).not.toContain(passed);
          if (parents.length === 0) break;
          from.push(at);
          at = parents[pick % parents.length]!;
          expect(from.length).toBeLessThanOrEqual(TIERS_ABOVE_MAX);
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** A view with these pops, which no check has seen: circles are left in. */
function safeView(pops: readonly { readonly name: string }[]): View {
  const view = viewOf(POPS.map(({ name }) => ({ name })));
  return { ...view, snapshot: { ...view.snapshot, pops: pops as never } };
}
