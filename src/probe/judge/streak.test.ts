import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { NO_STREAK, step } from "./streak.ts";

const limits = { fall: 2, rise: 3 };
const states = (outcomes: string) => {
  let streak = NO_STREAK;
  return [...outcomes]
    .map((outcome) => {
      streak = step(streak, outcome === "+", limits);
      return { unknown: "?", up: "U", down: "D" }[streak.verdict];
    })
    .join("");
};

describe("step()", () => {
  test.each([
    ["+", "U"],
    ["-", "?"],
    ["--", "?D"],
    ["-+", "?U"],
    ["+-+-+-", "UUUUUU"],
    ["+--", "UUD"],
    ["+--+++", "UUDDDU"],
    ["+--++-+++", "UUDDDDDDU"],
  ])("outcomes %s make %s with fall 2 and rise 3", (outcomes, expected) => {
    expect(states(outcomes)).toBe(expected);
  });

  test("a verdict never changes on fewer outcomes in a row than its limit", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean()), fc.integer({ min: 1, max: 5 }), (outcomes, most) => {
        let streak = NO_STREAK;
        let row = 0;
        let last: boolean | null = null;
        for (const ok of outcomes) {
          row = ok === last ? row + 1 : 1;
          last = ok;
          const before = streak.verdict;
          streak = step(streak, ok, { fall: most, rise: most });
          if (before !== "unknown" && streak.verdict !== before) {
            expect(row).toBeGreaterThanOrEqual(most);
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
