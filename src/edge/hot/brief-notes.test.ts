import { expect, test } from "bun:test";
import { BriefNotes } from "./brief-notes.ts";

test("a name counts for its time and no longer, from when it was noted last", () => {
  const notes = new BriefNotes({ ms: 10, most: 100, lengthMax: 1000 });
  notes.note("a", 0);
  expect([notes.has("a", 9), notes.has("a", 10), notes.has("b", 0)]).toEqual([true, false, false]);
  notes.note("a", 20);
  notes.note("a", 25);
  expect([notes.has("a", 34), notes.size]).toEqual([true, 1]);
  notes.forget("a");
  expect([notes.has("a", 26), notes.size]).toEqual([false, 0]);
});

test("the oldest go where there are too many, or they are too long together", () => {
  const many = new BriefNotes({ ms: 10, most: 3, lengthMax: 1000 });
  for (const name of ["a", "b", "c", "d"]) many.note(name, 0);
  expect(["a", "b", "c", "d"].map((name) => many.has(name, 1))).toEqual([false, true, true, true]);
  const long = new BriefNotes({ ms: 10, most: 10_000, lengthMax: 100_000 });
  for (let i = 0; i < 10_000; i++) long.note(`${i}`.padStart(8_000, "x"), 0);
  expect(long.size).toBe(12);
  expect(long.has("9999".padStart(8_000, "x"), 1)).toBe(true);
  long.note("y".repeat(100_001), 1);
  expect(long.size).toBe(12);
});

test("what has ended goes with the next that is noted", () => {
  const notes = new BriefNotes({ ms: 10, most: 100, lengthMax: 1000 });
  for (let i = 0; i < 50; i++) notes.note(`n${i}`, i < 40 ? 0 : 5);
  notes.note("last", 12);
  expect(notes.size).toBe(11);
});

test("who floods makes nobody else's names be forgotten, neither by many nor by long ones (T10)", () => {
  for (const long of ["", "x".repeat(3_000)]) {
    const notes = new BriefNotes({ ms: 10, most: 100, lengthMax: 100_000 });
    const few = ["shop a", "shop b", "news a"];
    for (const name of few) notes.note(name, 0);
    for (let i = 0; i < 1_000; i++) notes.note(`noisy ${i}${long}`, 1);
    expect(few.filter((name) => !notes.has(name, 2))).toEqual([]);
    // Who comes later has its part of what the most had.
    const late = Array.from({ length: 20 }, (_, i) => `late ${i}`);
    for (const name of late) notes.note(name, 3);
    expect([...few, ...late].filter((name) => !notes.has(name, 4))).toEqual([]);
    expect(notes.size).toBeLessThanOrEqual(100);
  }
});
