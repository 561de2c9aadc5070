import { expect, test } from "bun:test";
import { expectThat, TooLate, until } from "./wait.ts";

test("until() returns what was asked for as soon as it is there", async () => {
  let asked = 0;
  const { value } = await until("the third time", 2000, () => (++asked < 3 ? null : asked));
  expect(value).toBe(3);
});

test("until() says what stood in the way when the bound is over", async () => {
  const late = until("a low load", 60, () => expectThat(false, "load 0.9"));
  expect(late).rejects.toThrow(TooLate);
  expect(late).rejects.toThrow("a low load: not within 60 ms; last seen: load 0.9");
});
