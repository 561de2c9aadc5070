import { expect, test } from "bun:test";
import type { PurgePlace } from "../../model/purge.ts";
import { hasLeapt, lastShared, type TermFrom, termOf } from "./purge-terms.ts";

/** Up to 4 from before there were terms, then `a` up to 7, then `b`. */
const LOG: readonly TermFrom[] = [
  { first: 5, term: "a" },
  { first: 8, term: "b" },
];
/** After 6 it parted from another, and leapt. */
const LEAPT: readonly TermFrom[] = [
  { first: 5, term: "a" },
  { first: 7, term: null },
  { first: 1_000, term: "c" },
];

function at(...terms: readonly (readonly [string, number, number])[]): PurgePlace {
  const all = terms.map(([term, from, to]) => ({ term, from, to }));
  return { after: all.at(-1)?.to ?? 0, terms: all };
}

test("a number is of the term that began last before it", () => {
  expect([0, 4, 5, 7, 8, 99].map((n) => termOf(LOG, n))).toEqual(["", "", "a", "a", "b", "b"]);
  expect([6, 7, 999, 1_000].map((n) => termOf(LEAPT, n))).toEqual(["a", null, null, "c"]);
  expect(termOf([], 3)).toBe("");
});

test("two logs are one up to the last number that both gave under one term", () => {
  const cases: [PurgePlace, number][] = [
    [at(), 0],
    [at(["", 1, 4]), 4],
    [at(["", 2, 3]), 3],
    [at(["", 1, 4], ["a", 5, 7], ["b", 8, 9]), 9],
    [at(["b", 9, 9]), 9],
    // Numbers of the same height, of other purges.
    [at(["", 1, 4], ["a", 5, 7], ["x", 8, 9]), 7],
    [at(["", 1, 4], ["x", 5, 9]), 4],
    [at(["", 1, 6]), 4],
    [at(["x", 1, 9]), 0],
    // More of a term than is known here, or from another number on.
    [at(["a", 6, 30]), 7],
    [at(["b", 8, 30]), 10],
    [at(["a", 8, 9]), 0],
    // A term that ended earlier there than here.
    [at(["a", 5, 6], ["x", 900, 901]), 6],
    // Of who knows no terms the number is believed.
    [{ after: 9 }, 9],
    [{ after: 30, terms: [] }, 10],
  ];
  for (const [place, shared] of cases) {
    expect([place, lastShared(LOG, 10, place)]).toEqual([place, shared]);
  }
  expect(lastShared([], 0, at(["x", 1, 3]))).toBe(0);
  expect(lastShared(LEAPT, 1_003, at(["a", 5, 30]))).toBe(6);
  expect(lastShared(LEAPT, 1_003, at(["a", 5, 30], ["c", 1_000, 1_001]))).toBe(1_001);
});

test("who parted is told all by a leap from no later, to above what it knows", () => {
  const told = (after: number, shared: number) => hasLeapt(LEAPT, after, shared);
  expect([told(30, 6), told(999, 6), told(1_000, 6), told(30, 5)]).toEqual([
    ...[true, true, false, false],
  ]);
  expect(hasLeapt(LOG, 30, 7)).toBe(false);
});
