import { expect, test } from "bun:test";
import { stringify } from "yaml";
import { SMALL } from "../../../test/fixtures/network.ts";
import { testNetwork } from "./network-test.ts";

const HOLDS = { name: "www.shop.example", client: "203.0.113.7", expect: "a" };

test("testNetwork() says how many hold, and of the others where they stand and what came", () => {
  const all = testNetwork(stringify({ ...SMALL, tests: [HOLDS] }), "n.yaml");
  expect(all).toEqual({ lines: ["1 passed, 0 failed"], failed: false });
  const text = stringify({ ...SMALL, tests: [HOLDS, { ...HOLDS, expect: "b" }] });
  const some = testNetwork(text, "n.yaml");
  const line = text.split("\n").length - 1;
  const words = "tests.1.expect: expected b for 203.0.113.7 at www.shop.example: received a";
  expect(some.lines).toEqual([`n.yaml:${line}:5: ${words}`, "1 passed, 1 failed"]);
});

test("testNetwork() reports a file that is none", () => {
  expect(testNetwork("zone: 7", "n.yaml")).toMatchObject({ failed: true });
});
