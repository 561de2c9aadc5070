import { expect, test } from "bun:test";
import {
  type BenchCase,
  type BenchFigure,
  growthExponents,
  growthOf,
  median,
  ratioToBest,
} from "./result.ts";
import { formatResult } from "./table.ts";

function figure(name: string, cpuUs: readonly number[], ours = false): BenchFigure {
  return { name, ours, cpuUs, perSec: [1000], rssBytes: 50_000_000, failed: 0 };
}

const CASE: BenchCase = {
  name: "A",
  load: "UDP",
  goalRatio: 0.95,
  figures: [figure("nsd", [6, 5, 7]), figure("turnpike", [4, 3], true), figure("knot", [10])],
};

test("median() of odd, even and no counts", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test("ratioToBest() is our median over the lowest peer's; null without a peer", () => {
  expect(ratioToBest(CASE)).toBeCloseTo(3.5 / 6);
  expect(ratioToBest({ ...CASE, figures: [figure("turnpike", [4], true)] })).toBeNull();
  expect(ratioToBest({ ...CASE, figures: [figure("nsd", [4])] })).toBeNull();
});

test("what ours stands on is shown beside the peers, and is none of them", () => {
  const bare = { ...figure("bare runtime", [2]), reference: true } as const;
  const one = { ...CASE, figures: [...CASE.figures, bare] };
  expect(ratioToBest(one)).toBe(ratioToBest(CASE));
  const lines = formatResult({ bench: "dns", rounds: 1, cases: [one], missing: [] }).split("\n");
  expect(lines.filter((line) => line.startsWith("bare runtime")).join()).toEndWith("1.75");
});

test("growthExponents() are 0 for the same cost and 1 for a cost in proportion", () => {
  const figures = [figure("a", [5]), figure("b", [5]), figure("c", [50], true)];
  const grown = { ...CASE, figures, sizes: [1, 100, 1000] };
  expect(growthExponents(grown)).toEqual([0, expect.closeTo(1)]);
  expect(growthExponents(CASE)).toEqual([]);
});

test("growthOf() follows our cost over cases, and is null where one was not measured", () => {
  const small = { ...CASE, figures: [figure("nsd", [9]), figure("turnpike", [4], true)] };
  const large = { ...CASE, figures: [figure("turnpike", [8], true)] };
  const sizes = [1, 4];
  expect(growthOf("A", { sizes, cases: [small, large] })).toEqual({
    name: "A",
    sizes,
    cpuUs: [4, 8],
    exponents: [expect.closeTo(0.5)],
  });
  expect(growthOf("A", { sizes, cases: [small, undefined] })).toBeNull();
});

test("formatResult() puts ours first and each peer's ratio beside it", () => {
  const result = { bench: "dns", rounds: 3, cases: [CASE], missing: ["gdnsd: not installed"] };
  const lines = formatResult(result).split("\n");
  expect(lines[2]).toBe("A (UDP): 0.58 of the best peer; the goal is at most 0.95");
  expect(lines[4]).toStartWith("turnpike");
  expect(lines[5]).toMatch(/^nsd .* 6\.00 .* 5\.0-7\.0 .* 0\.58$/);
  expect(lines[6]).toEndWith("0.35");
  expect(lines[7]).toBe("not measured: gdnsd: not installed");
});
