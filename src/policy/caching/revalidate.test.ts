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
    const dates = { lastModifiedMs: NOW - 9000, dateMs: NOW };
    const is = (stored: string | null, etag: string | null, lastModifiedMs: number | null = null) =>
      selects({ etag: stored, ...dates }, { etag, lastModifiedMs });
    expect(is('"a"', 'W/"a"')).toBe(true);
    expect(is('"a"', '"b"')).toBe(false);
    expect(is('"a"', null)).toBe(true);
    expect(is('"a"', '"a"', NOW)).toBe(true);
    // Where nothing was tagged: the date has to agree.
    expect([is(null, '"b"'), is(null, 'W/"b"'), is(null, null)]).toEqual([false, false, true]);
    for (const etag of ['"b"', 'W/"b"', null]) {
      expect(is(null, etag, NOW - 9000)).toBe(true);
      expect(is(null, etag, NOW - 8000)).toBe(false);
    }
  });

  test("a 304 with a strong tag is about what has none by a strong date alone (RFC 9111 4.3.4)", () => {
    const is = (etag: string, dateMs: number | null) =>
      selects({ etag: null, lastModifiedMs: NOW, dateMs }, { etag, lastModifiedMs: NOW });
    expect([is('"b"', NOW + 1000), is('"b"', NOW + 999), is('"b"', null)]).toEqual([
      ...[true, false, false],
    ]);
    expect([is('W/"b"', NOW), is('W/"b"', null)]).toEqual([true, true]);
    const none = { etag: null, lastModifiedMs: null };
    expect(selects({ ...none, dateMs: NOW }, { ...none, etag: '"b"' })).toBe(false);
    expect(selects({ ...none, dateMs: NOW }, none)).toBe(true);
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
    const stored = { etag: '"a"', lastModifiedMs: NOW - 5000, sentMs: () => NOW };
    const is = (ifNoneMatch: string | null, ifModifiedSince: string | null) =>
      isNotModified({ ifNoneMatch, ifModifiedSince }, stored, NOW);
    expect(is('W/"a"', null)).toBe(true);
    expect(is('"b"', ago(0))).toBe(false);
    expect(is(null, ago(0))).toBe(true);
    expect(is(null, ago(6))).toBe(false);
    expect(is(null, "never")).toBe(false);
    expect(is(null, null)).toBe(false);
  });

  test("If-Modified-Since is held against when it was sent, where nothing says when it was modified", () => {
    const stored = { etag: '"a"', lastModifiedMs: null, sentMs: () => NOW };
    const is = (ifModifiedSince: string) =>
      isNotModified({ ifNoneMatch: null, ifModifiedSince }, stored, NOW);
    expect([is(ago(0)), is(ago(-1)), is(ago(1)), is("never")]).toEqual([true, true, false, false]);
  });
});

describe("compareHead()", () => {
  const none = { etag: null, lastModifiedMs: null };
  const stored = { etag: '"a"', lastModifiedMs: NOW, bodyBytes: 5 };
  const bare: Parameters<typeof compareHead>[0] = { ...none, bodyBytes: 5 };
  const says = (head: Partial<Parameters<typeof compareHead>[1]>, of: typeof bare = stored) =>
    compareHead(of, { ...none, status: 200, contentLength: null, ...head });

  test("tells the same from another representation (RFC 9111 4.3.5)", () => {
    expect(says({ etag: '"a"', contentLength: "5" })).toBe("same");
    expect(says({})).toBe("same");
    expect(says({ etag: '"b"' })).toBe("other");
    expect(says({ contentLength: "6" })).toBe("other");
    expect(says({ lastModifiedMs: NOW - 1000 })).toBe("other");
    expect(says({ etag: '"b"', status: 404 })).toBeNull();
  });

  test("takes a validator that the stored one lacks for another's", () => {
    expect(says({ contentLength: "5" }, bare)).toBe("same");
    expect(says({ etag: '"a"' }, bare)).toBe("other");
    expect(says({ lastModifiedMs: NOW }, bare)).toBe("other");
  });
});
