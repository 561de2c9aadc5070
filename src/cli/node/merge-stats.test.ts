import { expect, test } from "bun:test";
import { mergeTold, type Told } from "./merge-stats.ts";

const NONE: Told = { lookups: {}, edgeLookups: {}, answers: {}, edge: {}, fetches: {} };

test("why requests were no hits is added up by site and reason over all processes", () => {
  const merged = mergeTold([
    { ...NONE, whyNot: { "a.example": { private: 2, stale: 1 } } },
    NONE,
    { ...NONE, whyNot: { "a.example": { private: 3 }, "b.example": { rule: 1 } } },
  ]);
  expect(merged.whyNot).toEqual({
    "a.example": { private: 5, stale: 1 },
    "b.example": { rule: 1 },
  });
  expect(mergeTold([NONE, NONE]).whyNot).toBeUndefined();
});
