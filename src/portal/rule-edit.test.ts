import { expect, test } from "bun:test";
import type { Rule } from "../model/rules.ts";
import { isApartFrom, type RuleEdit, theirs, withEdit } from "./app/parts/rule-edit.ts";

const rule = (name: string, more: Partial<Rule> = { https: true }): Rule => {
  return { name, match: {}, ...more };
};
const [a, b, c] = [rule("a"), rule("b"), rule("c")];
const names = (rules: readonly unknown[]) => rules.map((one) => (one as Rule).name).join(" ");

test("an edit is made of whichever place its rule has by then", () => {
  const put = (was: Rule | null): RuleEdit => ({ kind: "put", was, is: rule("x") });
  expect(names(withEdit([a, b], put(b)))).toBe("a x");
  expect(names(withEdit([c, b, a], put(b)))).toBe("c x a");
  expect(names(withEdit([a], put(b)))).toBe("a x");
  expect(names(withEdit([a], put(null)))).toBe("a x");
  expect(names(withEdit([c, a, b], { kind: "remove", was: a }))).toBe("c b");
  expect(names(withEdit([b, c], { kind: "remove", was: a }))).toBe("b c");
  expect(names(withEdit([a, b, c], { kind: "move", was: c, by: -1 }))).toBe("a c b");
  expect(names(withEdit([a, b], { kind: "move", was: c, by: 1 }))).toBe("a b");
  expect(withEdit([a, b], { kind: "all", is: [c] })).toEqual([c]);
});

test("an edit goes on top of what others made of other rules, and of nothing else", () => {
  const changed = rule("b", { https: false });
  const put: RuleEdit = { kind: "put", was: b, is: rule("b", { compress: true }) };
  expect(isApartFrom(put, [a, b], [c, b])).toBe(true);
  expect(isApartFrom(put, [a, b], [a, changed])).toBe(false);
  expect(isApartFrom(put, [a, b], [a])).toBe(false);
  const remove: RuleEdit = { kind: "remove", was: b };
  expect(isApartFrom(remove, [a, b], [b])).toBe(true);
  expect(isApartFrom(remove, [a, b], [a, changed])).toBe(false);
  const add: RuleEdit = { kind: "put", was: null, is: c };
  expect(isApartFrom(add, [a], [a, b])).toBe(true);
  expect(isApartFrom(add, [a], [a, c])).toBe(false);
  const move: RuleEdit = { kind: "move", was: b, by: -1 };
  expect(isApartFrom(move, [a, b], [a, changed])).toBe(true);
  expect(isApartFrom(move, [a, b], [b, a])).toBe(false);
  const all: RuleEdit = { kind: "all", is: [] };
  expect([isApartFrom(all, [a], [a]), isApartFrom(all, [a], [a, b])]).toEqual([true, false]);
  expect([theirs(b, [a, changed]), theirs(b, [a])]).toEqual([changed, null]);
});
