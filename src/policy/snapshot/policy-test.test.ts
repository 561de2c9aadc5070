import { expect, test } from "bun:test";
import { fakeSha256, intentOf, SMALL } from "../../../test/fixtures/network.ts";
import { compile } from "./compile.ts";
import { diffIntent } from "./diff.ts";

function problems(tests: readonly object[], steering: object = { margin: 0 }) {
  const file = structuredClone(SMALL) as Record<string, unknown> & typeof SMALL;
  (file.customers[0]!.sites[0]! as Record<string, unknown>).steering = steering;
  file.tests = tests;
  const made = compile({ intent: intentOf(file), number: 1, createdAtMs: 0, sha256: fakeSha256 });
  return made.ok ? [] : made.problems.map(({ path, received }) => `${path}: ${received}`);
}

const WWW = { name: "www.shop.example", client: "203.0.113.7" };

test("a policy test that holds lets a network be compiled", () => {
  const tests = [
    { ...WWW, expect: "a" },
    { ...WWW, given: { a: "down" }, expect: "b" },
    { ...WWW, given: { a: { load: 0.9 }, b: { load: 0.5 } }, expect: ["b", "c"] },
    { ...WWW, use: "miss", given: { a: "draining", c: { state: "up", load: 0.1 } }, expect: "b" },
    { ...WWW, name: "c.cdn.example", expect: "fra-1" },
    { ...WWW, name: "c.cdn.example", given: { "fra-1": "down" }, expect: "nyc-1" },
    { name: "www.shop.example.cdn.example", client: "198.51.100.9", expect: "nyc-1" },
  ];
  expect(problems(tests)).toEqual([]);
});

test("one that fails refuses it with the path of the test and who was answered", () => {
  const tests = [
    { ...WWW, expect: "a" },
    { ...WWW, given: { a: "down" }, expect: "c" },
    { ...WWW, given: { ghost: "down" }, expect: "c" },
    { ...WWW, expect: "ghost" },
    { ...WWW, name: "www.else.example", expect: "a" },
    { ...WWW, expect: [] },
  ];
  expect(problems(tests)).toEqual([
    "tests.1.expect: b",
    "tests.2.given.ghost: ghost",
    "tests.3.expect: ghost",
    "tests.4.name: www.else.example",
    "tests.5.expect: a",
  ]);
});

test("a draw holds only if every server that it can fall on is expected", () => {
  const all = { ...WWW, expect: ["a", "b", "c"] };
  expect(problems([all], { preset: "weighted" })).toEqual([]);
  const some = { ...WWW, expect: ["a", "b"] };
  expect(problems([some], { preset: "weighted" })).toEqual(["tests.0.expect: a, b, c"]);
  const none = { ...WWW, given: { a: "down", b: "down", c: "down" }, expect: [] };
  expect(problems([none], { allDown: "none" })).toEqual([]);
});

test("diffIntent() sees a changed test although tests share names", () => {
  const withTests = (expected: string) => {
    const tests = [
      { ...WWW, expect: "a" },
      { ...WWW, expect: expected },
    ];
    return intentOf({ ...structuredClone(SMALL), tests }).network;
  };
  expect(diffIntent(withTests("b"), withTests("c")).map((c) => c.path)).toEqual(["tests"]);
});
