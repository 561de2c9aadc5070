import { describe, expect, test } from "bun:test";
import { firstGood, Hedges } from "./hedge.ts";

describe("when a second server is asked", () => {
  test("is later than 95 of 100 answers came, once twenty are known", () => {
    const hedges = new Hedges();
    for (let i = 1; i <= 19; i++) hedges.note("a", 100);
    expect(hedges.waitMs("a", "p95")).toBeNull();
    for (let i = 20; i <= 256; i++) hedges.note("a", i <= 244 ? 100 : 700);
    expect(hedges.waitMs("a", "p95")).toBe(100);
    for (let i = 0; i < 256; i++) hedges.note("a", i % 10 === 0 ? 700 : 100);
    expect(hedges.waitMs("a", "p95")).toBe(700);
  });

  test("is never sooner than there is anything to be won", () => {
    const hedges = new Hedges();
    for (let i = 0; i < 64; i++) hedges.note("a", 1);
    expect(hedges.waitMs("a", "p95")).toBe(10);
  });

  test("is the set time where there is one, and one fetch in twenty at most", () => {
    const hedges = new Hedges();
    let taken = 0;
    for (let i = 0; i < 1000; i++) {
      expect(hedges.waitMs("a", 50)).toBe(50);
      if (hedges.take("a")) taken++;
    }
    expect(taken).toBeLessThanOrEqual(51);
    expect(taken).toBeGreaterThanOrEqual(50);
  });

  test("a calm time saves up ten and no more, and no site takes another's", () => {
    const hedges = new Hedges();
    for (let i = 0; i < 10_000; i++) hedges.waitMs("a", 50);
    let taken = 0;
    while (hedges.take("a")) taken++;
    expect(taken).toBe(10);
    expect(hedges.take("b")).toBe(true);
    expect(hedges.take("b")).toBe(false);
  });

  test("is known of so many sites only", () => {
    const hedges = new Hedges();
    for (let i = 0; i < 64; i++) hedges.note("first", 100);
    for (let i = 0; i < 4_096; i++) hedges.note(`site-${i}`, 100);
    expect(hedges.waitMs("first", "p95")).toBeNull();
  });
});

describe("of two that are asked", () => {
  function asking() {
    const { promise, resolve } = Promise.withResolvers<string>();
    let given = 0;
    return { result: promise, say: resolve, giveUp: () => given++, given: () => given };
  }
  const run = (
    first: ReturnType<typeof asking>,
    second: ReturnType<typeof asking> | null,
    dismissed: string[] = [],
    waitMs = 1,
  ) =>
    firstGood({
      ...{ first, waitMs, second: () => second },
      good: (said: string) => said.startsWith("good"),
      dismiss: (said) => void dismissed.push(said),
    });

  test("only the first is, where it is in time, whatever it says", async () => {
    const [first, second] = [asking(), asking()];
    first.say("bad");
    expect(await run(first, second, [], 60_000)).toEqual(["bad"]);
    expect([first.given(), second.given()]).toEqual([0, 0]);
  });

  test("the faster good one counts, the other is given up and what it says dropped", async () => {
    const [first, second, dismissed] = [asking(), asking(), [] as string[]];
    const all = run(first, second, dismissed);
    second.say("good 2");
    expect(await all).toEqual(["good 2"]);
    expect([first.given(), second.given()]).toEqual([1, 0]);
    first.say("good 1");
    await first.result;
    await Promise.resolve();
    expect(dismissed).toEqual(["good 1"]);
  });

  test("a bad word is followed by the other's, whatever that is", async () => {
    const [first, second] = [asking(), asking()];
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    const all = firstGood({
      ...{ first, waitMs: 1, good: (said: string) => said.startsWith("good"), dismiss: () => {} },
      second: () => {
        resolve();
        return second;
      },
    });
    await asked;
    second.say("bad 2");
    await second.result;
    await Promise.resolve();
    first.say("bad 1");
    expect(await all).toEqual(["bad 2", "bad 1"]);
    expect([first.given(), second.given()]).toEqual([0, 0]);
  });

  test("the first is waited for where nobody else can be asked", async () => {
    const first = asking();
    const all = run(first, null);
    setTimeout(() => first.say("good 1"), 5);
    expect(await all).toEqual(["good 1"]);
  });
});
