import { describe, expect, test } from "bun:test";
import { NO_ASSIGNMENT } from "../../model/assignment.ts";
import { SteeredTable } from "./steered.ts";
import { compileWorld, healthOf } from "./world.fixture.ts";

const SNAPSHOT = compileWorld();
const VIEW = { snapshot: SNAPSHOT, health: healthOf(SNAPSHOT), assignment: NO_ASSIGNMENT };
const OF = {
  sites: SNAPSHOT.sites.length,
  origins: SNAPSHOT.origins.length,
  nodes: SNAPSHOT.nodes.length,
};
const OUT = new Uint8Array(64);

/** A table, and how many decisions were asked of it. */
function tableOf(rowsMax?: number) {
  const made = { decisions: 0 };
  const view = () => {
    made.decisions += 1;
    return VIEW;
  };
  return { table: new SteeredTable({ view }, OF, rowsMax), made };
}

/** `subject group lookups` of each, in order. */
function lookupsOf(table: SteeredTable): string[] {
  const { lookups } = table.drain();
  const threes = Array.from({ length: lookups.length / 3 }, (_, i) =>
    lookups.slice(i * 3, i * 3 + 3),
  );
  return threes.map((three) => three.join(" ")).sort();
}

describe("SteeredTable", () => {
  test("keeps a bounded number of decisions, and all counts of those it forgot", () => {
    const { table } = tableOf(3);
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
    const { lookups, answers } = table.drain();
    const total = (list: Uint32Array, from: number, step: number) =>
      list.reduce((sum, n, i) => sum + (i % step === from ? n : 0), 0);
    expect(total(lookups, 2, 3)).toBe(5 * SNAPSHOT.groups.length * 3);
    expect(total(answers, 1, 2)).toBe(5 * SNAPSHOT.groups.length * 3);
    expect(table.drain().lookups.length).toBe(0);
  });

  test("grows without losing a decision", () => {
    const { table } = tableOf();
    const keys = Array.from(
      { length: 2000 },
      (_, i) => [i % 3, i % 1000, i < 1000 ? 4 : 6] as const,
    );
    const rows = keys.map(([subject, group, family]) => table.row(subject, group, family));
    expect(keys.map(([subject, group, family]) => table.row(subject, group, family))).toEqual(rows);
    expect(new Set(rows).size).toBe(2000);
  });

  test("decides anew what is stale and nothing else, keeping what was counted", () => {
    const { table, made } = tableOf();
    const caches = table.row(0, 1, 4);
    const site = table.row(1, 1, 4);
    table.copy(caches, OUT, 0);
    table.copy(site, OUT, 0);
    expect(made.decisions).toBe(2);
    expect(table.forget({ sites: new Set([0]), edges: false })).toBe(1);
    expect([table.row(0, 1, 4), table.row(1, 1, 4)]).toEqual([caches, site]);
    expect(made.decisions).toBe(3);
    table.copy(site, OUT, 0);
    expect(lookupsOf(table)).toEqual(["0 1 1", "1 1 1", "1 1 1"]);
  });
});
