import { expect, test } from "bun:test";
import { Room } from "./room.ts";

/** What a probe sees whose timers all come so late: `count` of them, one each 10 ms. */
function turns(room: Room, lateMs: number, count: number, fromMs: number): number {
  for (let i = 0; i < count; i++) room.late(lateMs, fromMs + 10 * i);
  return fromMs + 10 * count;
}

test("a probe that gets its turns has up to 512 checks under way, the others begin in order", () => {
  const room = new Room();
  const begun: number[] = [];
  for (let i = 0; i < 600; i++) room.enter(() => begun.push(i));
  expect(begun).toEqual(Array.from({ length: 512 }, (_, i) => i));
  expect(room.tryEnter()).toBe(false);
  room.leave();
  expect(begun.at(-1)).toBe(512);
  for (let i = 0; i < 599; i++) room.leave();
  expect(begun).toEqual(Array.from({ length: 600 }, (_, i) => i));
  expect(room.tryEnter()).toBe(true);
});

test("one whose turns come late has fewer under way, and as many as before once they do not", () => {
  const room = new Room();
  let begun = 0;
  for (let i = 0; i < 200; i++) room.enter(() => begun++);
  const nowMs = turns(room, 400, 500, 0);
  expect(room.limit).toBe(16);
  const before = begun;
  for (let i = 0; i < 100; i++) room.enter(() => begun++);
  expect(begun).toBe(before);
  for (let i = 0; i < 185; i++) room.leave();
  expect(begun).toBe(before + 1);
  turns(room, 0, 2000, nowMs);
  expect(room.limit).toBe(512);
  expect(begun).toBe(300);
});

test("turns that come a little late are no reason to check less", () => {
  const room = new Room();
  turns(room, 60, 500, 0);
  expect(room.limit).toBe(512);
});
