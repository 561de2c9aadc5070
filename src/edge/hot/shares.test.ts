import { expect, test } from "bun:test";
import fc from "fast-check";
import { Shares } from "./shares.ts";

/** How many places a customer gets who takes all it can. */
function takeAll(shares: Shares, customer: string): number {
  let taken = 0;
  while (shares.enter(customer)) taken++;
  return taken;
}

test("one customer alone takes half, and those who come later find room each time", () => {
  const shares = new Shares(1000);
  expect(takeAll(shares, "a")).toBe(500);
  expect(takeAll(shares, "b")).toBe(250);
  expect(takeAll(shares, "c")).toBe(125);
  for (let i = 0; i < 200; i++) shares.leave("a");
  expect(takeAll(shares, "b")).toBeGreaterThan(0);
});

test("whatever customers do, nobody has more than is free, and what was given back is there again", () => {
  const step = fc.record({ who: fc.constantFrom("a", "b", "c"), leaves: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const shares = new Shares(60);
      const held: Record<string, number> = { a: 0, b: 0, c: 0 };
      for (const { who, leaves } of steps) {
        const all = Object.values(held).reduce((sum, n) => sum + n);
        if (leaves && held[who]! > 0) {
          shares.leave(who);
          held[who]!--;
        } else if (!leaves) {
          const entered = shares.enter(who);
          expect(entered).toBe(held[who]! < 60 - all);
          if (entered) held[who]!++;
        }
      }
      for (const [who, n] of Object.entries(held)) for (let i = 0; i < n; i++) shares.leave(who);
      expect(takeAll(shares, "d")).toBe(30);
    }),
  );
});
