import { expect, test } from "bun:test";
import { z } from "zod";
import { readDocument } from "./document.ts";
import { network } from "./network.ts";

test("readDocument() reports every problem with line, column, path and what was received", () => {
  const text = `zone: cdn.example
nodes:
  - name: EU 1
    pop: eu
    roles: [dns]
    addresses: {v4: 192.0.2.300}
    colour: red
ttlSec: -1
`;
  const read = readDocument(text, network);
  expect(read.ok).toBe(false);
  if (read.ok) return;
  const seen = read.problems.map((p) => [p.path, p.line, p.column, p.received]);
  expect(seen).toContainEqual(["nodes.0.name", 3, 5, '"EU 1"']);
  expect(seen).toContainEqual(["nodes.0.addresses.v4", 6, 17, '"192.0.2.300"']);
  expect(seen).toContainEqual(["nodes.0.colour", 7, 5, '"red"']);
  expect(seen).toContainEqual(["ttlSec", 8, 1, "-1"]);
  for (const problem of read.problems) expect(problem.message).not.toBe("");
});

test("readDocument() points at the parent when a key is missing", () => {
  const read = readDocument("nodes: []\n", network);
  expect(read.ok).toBe(false);
  if (!read.ok) expect(read.problems[0]).toMatchObject({ path: "zone", line: 1 });
});

test("readDocument() names the place where a text is no YAML", () => {
  const read = readDocument("zone: [a\nb: c", network);
  expect(read.ok).toBe(false);
  if (!read.ok) expect(read.problems[0]?.line).toBeGreaterThan(0);
});

test("of a number, a text or a list that does not fit, a problem says what is expected and nothing else", () => {
  const shape = z.strictObject({ n: z.int().min(1), t: z.string(), l: z.array(z.string()).max(1) });
  const read = readDocument("n: 0\nl: [a, b]\n", shape);
  expect(
    read.ok ? [] : read.problems.map(({ path, message, received }) => [path, message, received]),
  ).toEqual([
    ["n", "expected number to be >=1", "0"],
    ["t", "expected string", "nothing"],
    ["l", "expected array to have <=1 items", '["a","b"]'],
  ]);
});
