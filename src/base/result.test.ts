import { expect, test } from "bun:test";
import { formatProblem } from "./result.ts";

const PROBLEM = { path: "zone", message: "expected a domain name", received: "7" };

test("formatProblem() says position, path, message and what was received", () => {
  const at = { line: 3, column: 7 };
  expect(formatProblem({ ...PROBLEM, ...at }, "a.yaml")).toBe(
    "a.yaml:3:7: zone: expected a domain name: received 7",
  );
  expect(formatProblem({ ...PROBLEM, ...at })).toBe(
    "3:7: zone: expected a domain name: received 7",
  );
});

test("formatProblem() leaves out what there is not", () => {
  expect(formatProblem(PROBLEM, "a.yaml")).toBe("a.yaml: zone: expected a domain name: received 7");
  expect(formatProblem({ path: "", message: "expected YAML" })).toBe("expected YAML");
});
