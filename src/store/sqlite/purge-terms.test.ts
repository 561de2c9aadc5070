import { expect, test } from "bun:test";
import type { PurgePlace } from "../../model/purge.ts";
import { eldestKept, hasLeapt, lastShared, type TermFrom, termOf } from "./purge-terms.ts";

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

/** One term after the other, of ten numbers each. */
const LONG: readonly TermFrom[] = ["a", "b", "c", "d", "e"].map((term, i) => {
  return { term, first: 1 + 10 * i };
});
const from = (log: readonly TermFrom[], eldest: number) =>
  log.slice(eldest).map((one, i) => (i === 0 ? { ...one, first: 1 } : one));

test("terms that no entry is of any more are kept as many as is said, and those of entries all", () => {
  const kept = (first: number, most: number) => eldestKept(LONG, first, most);
  expect([kept(1, 0), kept(10, 0), kept(11, 0), kept(25, 0), kept(31, 0)]).toEqual([0, 0, 1, 2, 3]);
  expect([kept(31, 1), kept(31, 2), kept(31, 3), kept(31, 9)]).toEqual([2, 1, 0, 0]);
  expect(kept(999, 0)).toBe(4);
  expect(eldestKept([], 5, 1)).toBe(0);
  // Numbers that nobody is told of stand for no others.
  const leapt = [...LONG.slice(0, 2), { first: 21, term: null }, { first: 31, term: "z" }];
  expect([eldestKept(leapt, 31, 0), eldestKept(leapt, 31, 1)]).toEqual([3, 1]);
});

test("who was told under a term that is kept shares as much as before, and who was not has parted", () => {
  const cut = from(LONG, eldestKept(LONG, 41, 2));
  expect(cut.map(({ term }) => term)).toEqual(["c", "d", "e"]);
  const places = [
    at(["a", 1, 10], ["b", 11, 20], ["c", 21, 25]),
    at(["c", 22, 30], ["d", 31, 31]),
    at(["d", 31, 40], ["x", 41, 44]),
    at(["e", 41, 45]),
  ];
  for (const place of places) expect(lastShared(cut, 45, place)).toBe(lastShared(LONG, 45, place));
  const away = at(["a", 1, 10], ["b", 11, 15]);
  expect([lastShared(LONG, 45, away), lastShared(cut, 45, away)]).toEqual([15, 0]);
  expect(hasLeapt(cut, away.after, 0)).toBe(false);
  // Whoever begins now is told of old sites under the term that stands for theirs.
  const young = at(["c", 4, 4], ["d", 33, 33]);
  expect([termOf(cut, 4), lastShared(cut, 45, young)]).toEqual(["c", 33]);
});
