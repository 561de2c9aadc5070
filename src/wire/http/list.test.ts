import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  acceptedLanguages,
  countLoops,
  parseCacheControl,
  parseTargeted,
  splitList,
} from "./mod.ts";

describe("splitList()", () => {
  test("takes a comma in quotes for none, and blanks away", () => {
    expect(splitList(' a ,\tb="c, \\"d", ,e ')).toEqual({
      ...{ members: ["a", 'b="c, \\"d"', "", "e"], open: null },
    });
    expect(splitList('a, b="c, d')).toEqual({ members: ["a", 'b="c, d'], open: "c, d" });
    // Not a blank of HTTP.
    expect(splitList("a\u00a0, b").members).toEqual(["a\u00a0", "b"]);
  });

  test("of plain text is a split at each comma", () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[a-z =;]{0,6}$/)), (parts) => {
        const trimmed = parts.length === 0 ? [""] : parts.map((part) => part.trim());
        expect(splitList(parts.join(",")).members).toEqual(trimmed);
      }),
    );
  });
});

describe("a quote that nobody closes", () => {
  const rest = "no-store, no-cache, private, must-revalidate, proxy-revalidate, public, max-age=9";

  test("hides nothing of Cache-Control that forbids, and lets through nothing that allows", () => {
    for (const text of [`x=", ${rest}`, `max-age="60, ${rest}`, `x="y", z="\\", ${rest}`]) {
      expect(parseCacheControl(text)).toMatchObject({
        ...{ noStore: true, noCache: true, private: true, public: false },
        ...{ mustRevalidate: true, proxyRevalidate: true, sMaxAgeSec: null },
      });
      expect(parseCacheControl(text).maxAgeSec ?? 0).toBe(0);
    }
  });
});

test("a targeted field that forbids does so with a lifetime of the wrong type, too", () => {
  for (const forbids of ["no-store", "private", "no-cache", 'private="x"']) {
    const control = parseTargeted(`${forbids}, max-age="60", s-maxage=9`);
    expect([control?.maxAgeSec, control?.sMaxAgeSec]).toEqual([null, null]);
    expect(control?.noStore || control?.private || control?.noCache).toBe(true);
  }
  expect(parseTargeted('public, max-age="60"')).toBeNull();
});

// Each would take minutes if a character were looked at once for every one before it.
describe("of fields as long as a head may be and longer", () => {
  test("loops are counted", () => {
    expect(countLoops(`"${'\\"a'.repeat(300_000)}, b.example`, "b.example")).toBe(1);
  });

  test("languages are not read", () => {
    const long = "de,".repeat(100_000);
    expect(acceptedLanguages(long)).toBe(long);
    expect(acceptedLanguages("en, DE")).toBe("de,en");
  });
});
