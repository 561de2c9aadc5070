import { expect, test } from "bun:test";
import fc from "fast-check";
import { formatHttpDate } from "../../wire/http/mod.ts";
import { freshnessOf, readResponse, storable } from "./mod.ts";

const NOW = Date.UTC(2026, 10, 22, 12);
const CONTROL = ["max-age", "max-age=0", "max-age=60", "s-maxage=0", "s-maxage=60", "max-age=x"];

test("a lifetime of nothing does not say that all may have what came of cookies", () => {
  const past = formatHttpDate(NOW - 5000);
  const verdict = (fields: Readonly<Record<string, string>>) => {
    const get = (name: string) => ({ etag: '"a"', ...fields })[name] ?? null;
    const request = { method: "GET", authorization: false, cookie: true, noStore: false };
    return storable(request, readResponse({ status: 200, get }, NOW)).reason;
  };
  for (const control of ["max-age=0", "max-age=60, no-cache", "max-age=x"]) {
    expect(verdict({ "cache-control": control })).toBe("cookie");
    expect(verdict({ "cache-control": `${control}, public` })).toBe("explicit");
  }
  expect([verdict({ expires: past }), verdict({ expires: past, date: past })]).toEqual([
    ...(["cookie", "cookie"] as const),
  ]);
  expect(verdict({ "cache-control": "max-age=60" })).toBe("explicit");
});

test("what came of cookies is kept only where it is fresh for others, or said to be for all", () => {
  const control = fc.array(fc.constantFrom(...CONTROL, "public", "no-cache", "x=y"), {
    maxLength: 4,
  });
  const date = fc.constantFrom(...[0, 60, -60].map((sec) => formatHttpDate(NOW - sec * 1000)), "0");
  const dates = fc.record({ expires: date, date, "last-modified": date }, { requiredKeys: [] });
  let kept = 0;
  fc.assert(
    fc.property(control, dates, fc.constantFrom(200, 302, 404, 503), (parts, given, status) => {
      const fields: Record<string, string> = {
        ...{ ...given, etag: '"a"', "cache-control": parts.join(",") },
      };
      const facts = readResponse({ status, get: (name) => fields[name] ?? null }, NOW);
      const request = { method: "GET", authorization: false, cookie: true, noStore: false };
      if (!storable(request, facts).store) return;
      kept++;
      const times = { requestedMs: NOW, receivedMs: NOW };
      const { lifetimeMs, alwaysValidate } = freshnessOf(facts, times);
      const forAll = facts.control.public || facts.control.sMaxAgeSec !== null;
      expect(forAll || (lifetimeMs > 0 && !alwaysValidate)).toBe(true);
    }),
    { numRuns: 1000 },
  );
  expect(kept).toBeGreaterThan(0);
});
