import { describe, expect, test } from "bun:test";
import { NO_ASSIGNMENT } from "../../model/assignment.ts";
import { SteeredTable } from "./steered.ts";
import { compileWorld, healthOf } from "./world.fixture.ts";

const SNAPSHOT = compileWorld();
const VIEW = { snapshot: SNAPSHOT, health: healthOf(SNAPSHOT), assignment: NO_ASSIGNMENT };
const OUT = new Uint8Array(64);

describe("SteeredTable", () => {
  test("keeps a bounded number of decisions, and all counts of those it forgot", () => {
    const table = new SteeredTable(VIEW, 3);
    let sizeMost = 0;
    for (let round = 0; round < 5; round++) {
      for (const { index: group } of SNAPSHOT.groups) {
        for (const subject of [0, 1, 2]) {
          expect(table.copy(table.row(subject, group, 4), OUT, 0)).toBe(16);
          sizeMost = Math.max(sizeMost, table.size);
        }
      }
    }
    expect(sizeMost).toBe(3);
    const lookups = table.drain().reduce((sum, set) => sum + set.lookups, 0);
    expect(lookups).toBe(5 * SNAPSHOT.groups.length * 3);
  });

  test("grows without losing a decision", () => {
    const table = new SteeredTable(VIEW);
    const keys = Array.from(
      { length: 2000 },
      (_, i) => [i % 3, i % 1000, i < 1000 ? 4 : 6] as const,
    );
    const rows = keys.map(([subject, group, family]) => table.row(subject, group, family));
    expect(keys.map(([subject, group, family]) => table.row(subject, group, family))).toEqual(rows);
    expect(new Set(rows).size).toBe(2000);
  });

  test("decides anew what is stale and nothing else, keeping what was counted", () => {
    const table = new SteeredTable(VIEW);
    const caches = table.row(0, 1, 4);
    const site = table.row(1, 1, 4);
    table.copy(caches, OUT, 0);
    table.copy(site, OUT, 0);
    const before = [table.set(caches), table.set(site)];
    table.forget({ sites: new Set([0]), edges: false });
    expect([table.row(0, 1, 4), table.row(1, 1, 4)]).toEqual([caches, site]);
    expect(table.set(caches)).toBe(before[0]!);
    expect(table.set(site)).not.toBe(before[1]!);
    table.copy(site, OUT, 0);
    const drained = table.drain();
    expect(drained.map((set) => `${set.site} ${set.lookups}`).sort()).toEqual([
      "0 1",
      "0 1",
      "null 1",
    ]);
  });
});
