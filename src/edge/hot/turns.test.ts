import { describe, expect, test } from "bun:test";
import { TURNS_MAX, TURNS_WAITING_MAX } from "./limits.ts";
import { type Turn, Turns } from "./turns.ts";

const A = "192.0.2.1 1000";
const B = "192.0.2.1 1001";

function taken(turns: Turns, connection: string, count: number): Turn[] {
  const all = Array.from({ length: count }, () => turns.of(connection));
  for (const turn of all) expect(turn.takeNow()).toBe(true);
  return all;
}

describe("turns of one connection", () => {
  test("are a hundred at once, whatever another connection of the same address has", async () => {
    const turns = new Turns();
    taken(turns, A, TURNS_MAX);
    expect(turns.of(A).takeNow()).toBe(false);
    taken(turns, B, TURNS_MAX);
  });

  test("go on in the order in which they were asked for", async () => {
    const turns = new Turns();
    const [first, second, third] = taken(turns, A, TURNS_MAX);
    const had: string[] = [];
    const waits = ["c", "d", "e"].map(async (name) => {
      expect(await turns.of(A).take()).toBe(true);
      had.push(name);
    });
    first!.give();
    second!.give();
    await Promise.all(waits.slice(0, 2));
    expect(had).toEqual(["c", "d"]);
    third!.give();
    await Promise.all(waits);
    expect(had).toEqual(["c", "d", "e"]);
  });

  test("are held until the last step of the request gave its own back", async () => {
    const turns = new Turns();
    const [first] = taken(turns, A, TURNS_MAX);
    expect(first!.takeNow()).toBe(true);
    first!.hold();
    first!.give();
    first!.give();
    expect(turns.of(A).takeNow()).toBe(false);
    first!.give();
    expect(turns.of(A).takeNow()).toBe(true);
  });

  test("are not waited for by more than may be open", async () => {
    const turns = new Turns();
    const all = taken(turns, A, TURNS_MAX);
    const waits = Array.from({ length: TURNS_WAITING_MAX }, () => turns.of(A).take());
    expect(await turns.of(A).take()).toBe(false);
    for (const turn of all) turn.give();
    expect(await Promise.all(waits.slice(0, TURNS_MAX))).not.toContain(false);
  });

  test("count one where two steps of a request waited for it", async () => {
    const turns = new Turns();
    const [first, second] = taken(turns, A, TURNS_MAX);
    const one = turns.of(A);
    const both = [one.take(), one.take()];
    first!.give();
    second!.give();
    expect(await Promise.all(both)).toEqual([true, true]);
    expect(turns.of(A).takeNow()).toBe(true);
    one.give();
    expect(turns.of(A).takeNow()).toBe(false);
    one.give();
    expect(turns.of(A).takeNow()).toBe(true);
  });

  test("are one more for a second exchange, if one is free", () => {
    const turns = new Turns();
    const [first] = taken(turns, A, TURNS_MAX - 1);
    const another = first!.another();
    expect(another).not.toBeNull();
    expect(first!.another()).toBeNull();
    another!.give();
    expect(turns.of(A).takeNow()).toBe(true);
  });
});
