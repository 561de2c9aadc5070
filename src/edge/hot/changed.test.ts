import { expect, test } from "bun:test";
import { Changed } from "./changed.ts";

test("Changed remembers for a while, and a customer's flood takes nobody else's place (T10)", () => {
  const changed = new Changed(100);
  for (let i = 0; i < 20; i++) changed.note("small", `small ${i}`, 1_000);
  for (let i = 0; i < 10_000; i++) changed.note("flood", `flood ${i}`, 1_000);
  for (let i = 0; i < 20; i++) expect(changed.has("small", `small ${i}`, 999)).toBe(true);
  expect(changed.has("small", "small 0", 1_000)).toBe(false);
  expect([changed.has("flood", "flood 9999", 0), changed.has("flood", "flood 0", 0)]).toEqual([
    ...[true, false],
  ]);
  // Whoever comes new finds room, at the cost of who has most.
  for (let i = 0; i < 30; i++) changed.note("late", `late ${i}`, 1_000);
  for (let i = 0; i < 30; i++) expect(changed.has("late", `late ${i}`, 0)).toBe(true);
  for (let i = 0; i < 20; i++) expect(changed.has("small", `small ${i}`, 0)).toBe(true);
});
