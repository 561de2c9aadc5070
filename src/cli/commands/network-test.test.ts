import { expect, test } from "bun:test";
import { stringify } from "yaml";
import { SMALL } from "../../../test/fixtures/network.ts";
import { testNetwork, testWords } from "./network-test.ts";

const HOLDS = { name: "www.shop.example", client: "203.0.113.7", expect: "a" };

test("testNetwork() says how many hold, and of the others where they stand and what came", () => {
  const all = testNetwork(stringify({ ...SMALL, tests: [HOLDS] }));
  expect(all).toEqual({ passed: 1, failed: 0, problems: [] });
  expect(testWords(all, "n.yaml")).toEqual(["1 passed, 0 failed"]);
  const text = stringify({ ...SMALL, tests: [HOLDS, { ...HOLDS, expect: "b" }] });
  const some = testNetwork(text);
  const line = text.split("\n").length - 1;
  const words = "tests.1.expect: expected b for 203.0.113.7 at www.shop.example: received a";
  expect(testWords(some, "n.yaml")).toEqual([`n.yaml:${line}:5: ${words}`, "1 passed, 1 failed"]);
});

test("testNetwork() reports a file that is none", () => {
  const none = testNetwork("zone: 7");
  expect(none).toMatchObject({ passed: null, failed: null });
  expect(testWords(none, "n.yaml").at(0)).toStartWith("n.yaml:1:1: zone: ");
  expect(testWords(none, "n.yaml").at(-1)).toBe("not tried");
});
