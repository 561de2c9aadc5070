import { expect, test } from "bun:test";
import fc from "fast-check";
import { mergeTexts } from "./app/parts/text-merge.ts";

test("what was typed stays, and what was left as it was becomes what others made of it", () => {
  const was = { ttl: "20", margin: "0.05", path: "/", limit: "500" };
  const yours = { ...was, ttl: "30", path: "/up" };
  const is = { ...was, ttl: "60", margin: "0", path: "/up" };
  expect(mergeTexts({ was, yours, is })).toEqual({
    texts: { ttl: "30", margin: "0", path: "/up", limit: "500" },
    changed: [
      { field: "ttl", was: "20", is: "60", yours: "30" },
      { field: "margin", was: "0.05", is: "0", yours: null },
      { field: "path", was: "/", is: "/up", yours: null },
    ],
  });
});

test("no text that was typed is ever lost, and nothing of others but under what was typed", () => {
  const text = fc.constantFrom("", "1", "2", "3");
  const texts = fc.record({ a: text, b: text });
  fc.assert(
    fc.property(texts, texts, texts, (was, yours, is) => {
      const merged = mergeTexts({ was, yours, is });
      for (const field of ["a", "b"] as const) {
        const own = yours[field] !== was[field];
        expect(merged.texts[field]).toBe(own ? yours[field] : is[field]);
        const told = merged.changed.find((one) => one.field === field);
        expect(told !== undefined).toBe(is[field] !== was[field]);
        if (told?.yours != null) expect(told.yours).toBe(yours[field]);
      }
    }),
  );
});
