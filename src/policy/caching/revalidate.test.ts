import { describe, expect, test } from "bun:test";
import { formatHttpDate } from "../../wire/http/mod.ts";
import {
  compareHead,
  conditionFields,
  isNotModified,
  mayCut,
  mergeNotModified,
  selects,
} from "./mod.ts";

const NOW = Date.UTC(2026, 10, 22, 12);
const ago = (sec: number) => formatHttpDate(NOW - sec * 1000);

describe("validation", () => {
  test("sends both validators, and none where there are none", () => {
    const stored = { etag: '"a"', lastModified: ago(9) };
    expect(conditionFields(stored).map(([name]) => name)).toEqual([
      "if-none-match",
      "if-modified-since",
    ]);
    expect(conditionFields({ etag: null, lastModified: null })).toEqual([]);
  });

  test("a 304 with another tag is about something else", () => {
    expect(selects('"a"', 'W/"a"')).toBe(true);
    expect(selects('"a"', '"b"')).toBe(false);
    expect(selects('"a"', null)).toBe(true);
  });

  test("a 304 makes no weak tag strong, and a strong one weak", () => {
    const merged = (stored: string, news: string) =>
      mergeNotModified([["etag", stored]], [["etag", news]]);
    expect(merged('W/"a"', '"a"')).toEqual([["etag", 'W/"a"']]);
    expect(merged('"a"', 'W/"a"')).toEqual([["etag", 'W/"a"']]);
  });

  test("mayCut() takes strong validators only (RFC 9110 13.1.5, 8.8.2.2)", () => {
    const lastModified = "Sun, 06 Nov 1994 08:49:37 GMT";
    const lastModifiedMs = 784_111_777_000;
    const stored = { etag: '"a"', lastModified, lastModifiedMs, dateMs: lastModifiedMs + 1000 };
    expect(mayCut(null, stored)).toBe(true);
    expect(mayCut('"a"', stored)).toBe(true);
    expect(mayCut('W/"a"', { ...stored, etag: 'W/"a"' })).toBe(false);
    expect(mayCut(lastModified, stored)).toBe(true);
    expect(mayCut("Sunday, 06-Nov-94 08:49:37 GMT", stored)).toBe(false);
    expect(mayCut(lastModified, { ...stored, dateMs: lastModifiedMs + 999 })).toBe(false);
    expect(mayCut(lastModified, { ...stored, dateMs: null })).toBe(false);
    expect(
      mayCut("yesterday", { ...stored, lastModified: "yesterday", lastModifiedMs: null }),
    ).toBe(false);
  });

  test("merges new fields over old ones, but not what speaks of a body", () => {
    const stored = [
      ["etag", '"a"'],
      ["x", "1"],
      ["x", "2"],
      ["content-length", "5"],
    ] as const;
    const news = [
      ["x", "3"],
      ["content-length", "0"],
      ["date", "d"],
    ] as const;
    expect(mergeNotModified(stored, news)).toEqual([
      ["etag", '"a"'],
      ["content-length", "5"],
      ["x", "3"],
      ["date", "d"],
    ]);
  });

  test("If-None-Match wins over If-Modified-Since", () => {
    const stored = { etag: '"a"', lastModifiedMs: NOW - 5000 };
    const is = (ifNoneMatch: string | null, ifModifiedSince: string | null) =>
      isNotModified({ ifNoneMatch, ifModifiedSince }, stored, NOW);
    expect(is('W/"a"', null)).toBe(true);
    expect(is('"b"', ago(0))).toBe(false);
    expect(is(null, ago(0))).toBe(true);
    expect(is(null, ago(6))).toBe(false);
    expect(is(null, "never")).toBe(false);
    expect(is(null, null)).toBe(false);
  });
});

describe("compareHead()", () => {
  const stored = { etag: '"a"', lastModified: ago(9), bodyBytes: 5 };
  const says = (fields: Readonly<Record<string, string>>, status = 200) =>
    compareHead(stored, { status, get: (name) => fields[name] ?? null });

  test("tells the same from another representation (RFC 9111 4.3.5)", () => {
    expect(says({ etag: '"a"', "content-length": "5" })).toBe("same");
    expect(says({})).toBe("same");
    expect(says({ etag: '"b"' })).toBe("other");
    expect(says({ "content-length": "6" })).toBe("other");
    expect(says({ "last-modified": ago(8) })).toBe("other");
    expect(says({ etag: '"b"' }, 404)).toBeNull();
  });
});
