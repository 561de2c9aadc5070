import { expect, test } from "bun:test";
import type { Clock } from "../../base/clock.ts";
import { startDeadline } from "./deadline.ts";

/** A clock that is `stepMs` further each time it is asked: by beats of 50 ms, the rest is a pause. */
function stepping(stepMs: number): Clock & { readonly turns: number } {
  let turns = -1;
  const monoMs = () => ++turns * stepMs;
  return {
    monoMs,
    wallMs: monoMs,
    get turns() {
      return turns;
    },
  };
}

/** After how many turns of the process a deadline of 300 ms ends. */
async function turnsOf(stepMs: number): Promise<number> {
  const clock = stepping(stepMs);
  const { promise, resolve } = Promise.withResolvers<void>();
  startDeadline(300, clock, resolve);
  await promise;
  return clock.turns;
}

test("a deadline ends at its time where the process gets its turns", async () => {
  expect(await turnsOf(50)).toBe(6);
});

test("many small pauses of the process do not count against whoever is waited for", async () => {
  expect(await turnsOf(65)).toBe(6);
});

test("pauses lengthen a deadline by half at most, and what arrived is read before it ends", async () => {
  expect(await turnsOf(100)).toBe(6);
  expect(await turnsOf(150)).toBe(4);
  expect(await turnsOf(1000)).toBe(2);
});

test("a deadline that was stopped never ends", async () => {
  const clock = stepping(50);
  let ended = false;
  startDeadline(100, clock, () => {
    ended = true;
  }).stop();
  await turnsOf(50);
  expect(ended).toBe(false);
});
