import { expect, test } from "bun:test";
import fc from "fast-check";
import { type Rule, rules as rulesSchema } from "../../model/rules.ts";
import { type Site, site as siteSchema } from "../../model/site.ts";
import { diffSite } from "./diff.ts";

const siteWith = (rules?: readonly object[]): Site =>
  siteSchema.parse({ hostname: "www.shop.example", ...(rules === undefined ? {} : { rules }) });
const linesOf = (before: Site, after: Site) =>
  diffSite(before, after).map(({ action, path, from, to }) => [action, path, from, to]);

const A = { name: "a", match: { path: ["/a/*"] }, https: true };
const B = { name: "b", match: {}, compress: true };
const C = { name: "c", match: {}, https: false };

test("diffSite() tells of rules by their names, and of their order", () => {
  const before = siteWith([A, B]);
  expect(linesOf(before, siteWith([A, B, C]))).toEqual([
    ["add", "rules.c", undefined, expect.stringContaining('"https":false')],
  ]);
  expect(linesOf(before, siteWith([B]))).toEqual([
    ["remove", "rules.a", expect.stringContaining('"/a/*"'), undefined],
  ]);
  expect(linesOf(before, siteWith([B, A]))).toEqual([["change", "rules in order", "a, b", "b, a"]]);
  expect(linesOf(before, siteWith([{ ...A, match: { path: ["/x/*"] } }, B]))).toEqual([
    ["change", "rules.a.match.path", '["/a/*"]', '["/x/*"]'],
  ]);
  expect(linesOf(siteWith(), siteWith([A])).map(([action, path]) => `${action} ${path}`)).toEqual([
    "add rules.a",
  ]);
  expect(linesOf(siteWith([A]), siteWith()).map(([action, path]) => `${action} ${path}`)).toEqual([
    "remove rules.a",
  ]);
});

test("diffSite() begins within the site", () => {
  const after = siteSchema.parse({ hostname: "www.shop.example", ttlSec: 30 });
  expect(linesOf(siteWith(), after)).toEqual([["change", "ttlSec", "20", "30"]]);
});

test("diffSite() is empty for the same rules in the same order, and for no others", () => {
  const one = fc.record({
    name: fc.constantFrom("a", "b", "c"),
    match: fc.constantFrom({}, { path: ["/a/*"] }),
    https: fc.boolean(),
  });
  const list = fc.uniqueArray(one, { selector: (rule) => rule.name, maxLength: 3 });
  fc.assert(
    fc.property(list, list, (left, right) => {
      const [was, is]: (readonly Rule[])[] = [rulesSchema.parse(left), rulesSchema.parse(right)];
      const same = JSON.stringify(was) === JSON.stringify(is);
      expect(diffSite(siteWith(left), siteWith(right)).length === 0).toBe(same);
    }),
  );
});
