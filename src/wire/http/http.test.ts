import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseList } from "structured-headers";
import {
  acceptedLanguages,
  canonicalHost,
  connectionOptions,
  countLoops,
  formatHttpDate,
  listsStrongly,
  matchesStrongly,
  matchesWeakly,
  parseCacheControl,
  parseContentRange,
  parseDeltaSec,
  parseHttpDate,
  parseRange,
  parseRanges,
  parseStrings,
  parseTargeted,
  parseVary,
  prefersLanguage,
  splitUrl,
  trimBlanks,
  writeCacheStatus,
  writeCdnLoop,
  writeName,
} from "./mod.ts";

const NOW = Date.UTC(2026, 10, 22);
const IN_1994 = 784_111_777_000;

describe("parseTargeted()", () => {
  test("reads a Dictionary, and nothing of one that is not valid (RFC 9213 2.1)", () => {
    expect(parseTargeted("max-age=60, must-revalidate, x=?0")).toMatchObject({
      ...{ maxAgeSec: 60, mustRevalidate: true, noStore: false },
    });
    expect(parseTargeted("no-store=?0")?.noStore).toBe(false);
    expect(parseTargeted("max-age=99999999999")?.maxAgeSec).toBe(2_147_483_648);
    for (const text of ["", " ", "max-age=60,", 'max-age="60"', "max-age=-1", "Max-Age=1", "a b"]) {
      expect(parseTargeted(text)).toBeNull();
    }
    expect(parseTargeted(null)).toBeNull();
  });

  test("never throws, whatever it is given", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseTargeted(text)));
  });
});

describe("acceptedLanguages()", () => {
  test("is the same text for fields that mean the same (RFC 9110 12.5.4)", () => {
    const same = ["en, de", "de,EN", " de ;q=1.0 , en", "en;q=1,de;q=1.000"];
    expect(new Set(same.map(acceptedLanguages)).size).toBe(1);
    expect(acceptedLanguages("en, de;q=0.5")).not.toBe(acceptedLanguages("de, en;q=0.5"));
    expect(acceptedLanguages("not a; field")).toBe("not a; field");
    const long = "De,".repeat(400);
    expect(acceptedLanguages(long)).toBe(long);
    expect(prefersLanguage(long, "de")).toBe(false);
  });

  test("prefersLanguage() holds for the one that is wanted most, and for no equal of it", () => {
    expect(prefersLanguage("fr;q=0.5, DE", "de")).toBe(true);
    expect(prefersLanguage("fr, de", "de")).toBe(false);
    expect(prefersLanguage("*", "*")).toBe(false);
    expect(prefersLanguage("de;q=0", "de")).toBe(false);
    expect(prefersLanguage("", "de")).toBe(false);
  });
});

describe("parseContentRange()", () => {
  test("reads one part of a known or unknown whole (RFC 9110 14.4)", () => {
    expect(parseContentRange("bytes 0-4/10")).toEqual({ first: 0, last: 4, sizeBytes: 10 });
    expect(parseContentRange("Bytes 3-4/*")).toEqual({ first: 3, last: 4, sizeBytes: null });
    for (const text of [null, "", "bytes */10", "bytes 4-3/10", "bytes 0-10/10", "lines 0-1/2"]) {
      expect(parseContentRange(text)).toBeNull();
    }
  });
});

describe("parseHttpDate()", () => {
  const cases: readonly (readonly [string, number | null])[] = [
    ["Sun, 06 Nov 1994 08:49:37 GMT", IN_1994],
    ["Sunday, 06-Nov-94 08:49:37 GMT", IN_1994],
    ["Sun Nov  6 08:49:37 1994", IN_1994],
    ["Wednesday, 01-Jan-70 00:00:00 GMT", Date.UTC(2070, 0, 1)],
    ["Thursday, 01-Jan-77 00:00:00 GMT", Date.UTC(1977, 0, 1)],
    ["Sun, 06 Nov 1994 08:49:37 CET", null],
    ["Sun, 31 Feb 1994 08:49:37 GMT", null],
    ["Sun, 06 Nov 1994 25:49:37 GMT", null],
    ["Sun, 6 Nov 1994 08:49:37 GMT", null],
    ["0", null],
    ["-1", null],
    ["", null],
  ];
  for (const [text, ms] of cases) {
    test(`reads "${text}" as ${ms}`, () => expect(parseHttpDate(text, NOW)).toBe(ms));
  }

  test("reads back whatever formatHttpDate() writes", () => {
    const seconds = fc.integer({ min: -60_000_000_000, max: 250_000_000_000 });
    fc.assert(
      fc.property(seconds, (sec) => {
        expect(parseHttpDate(formatHttpDate(sec * 1000), NOW)).toBe(sec * 1000);
      }),
    );
  });

  test("never throws", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseHttpDate(text, NOW)));
  });
});

describe("parseCacheControl()", () => {
  test("reads directives whatever their case, spacing and quotes", () => {
    const read = parseCacheControl('Public , MAX-AGE="60",s-maxage=7, stale-if-error=9');
    expect(read).toMatchObject({ public: true, maxAgeSec: 60, sMaxAgeSec: 7, staleIfErrorSec: 9 });
  });

  test("takes the first of a directive given twice", () => {
    expect(parseCacheControl("max-age=1, max-age=100").maxAgeSec).toBe(1);
  });

  test("takes an invalid lifetime as none at all", () => {
    for (const value of ["", "=", "=-1", "=1.5", "=a", '="', "= 5"]) {
      expect(parseCacheControl(`max-age${value}`).maxAgeSec).toBe(0);
    }
  });

  test("finds no directive inside a quoted string", () => {
    const read = parseCacheControl('x="no-store, private", a="\\", no-store"');
    expect([read.noStore, read.private]).toEqual([false, false]);
  });

  test("takes private and no-cache with fields for the whole response", () => {
    const read = parseCacheControl('private="set-cookie", no-cache="x"');
    expect([read.private, read.noCache]).toEqual([true, true]);
  });

  test("never throws, and never loses no-store at the end of plain directives", () => {
    const plain = fc.stringMatching(/^[a-z-]{1,8}(=[0-9]{0,3})?$/);
    fc.assert(
      fc.property(fc.array(plain), (parts) => {
        expect(parseCacheControl([...parts, "no-store"].join(", ")).noStore).toBe(true);
      }),
    );
    fc.assert(fc.property(fc.string(), (text) => void parseCacheControl(text)));
  });
});

describe("parseDeltaSec()", () => {
  test("caps what does not fit and refuses what is no count", () => {
    expect(parseDeltaSec("99999999999999999999")).toBe(2_147_483_648);
    expect(parseDeltaSec("+5")).toBeNull();
    expect(parseDeltaSec("")).toBeNull();
  });
});

describe("entity tags", () => {
  test("match weakly without regard to W/", () => {
    expect(matchesWeakly('"x", W/"a"', '"a"')).toBe(true);
    expect(matchesWeakly("*", '"a"')).toBe(true);
    expect(matchesWeakly('"a', '"a"')).toBe(false);
    expect(matchesWeakly('"a,b"', '"b"')).toBe(false);
  });

  test("match strongly only when neither is weak", () => {
    expect(matchesStrongly('"a"', '"a"')).toBe(true);
    expect(matchesStrongly('W/"a"', 'W/"a"')).toBe(false);
  });

  test("listed match strongly only when neither is weak; * stands for any", () => {
    expect(listsStrongly('"x", "a"', '"a"')).toBe(true);
    expect(listsStrongly(" * ", '"a"')).toBe(true);
    expect(listsStrongly('W/"a"', '"a"')).toBe(false);
    expect(listsStrongly('W/"a"', 'W/"a"')).toBe(false);
    expect(listsStrongly('"xa"', '"a"')).toBe(false);
    expect(listsStrongly("a", '"a"')).toBe(false);
  });
});

describe("parseRange()", () => {
  const cases: readonly (readonly [string, number, unknown])[] = [
    ["bytes=0-4", 10, { first: 0, last: 4 }],
    ["bytes=4-", 10, { first: 4, last: 9 }],
    ["bytes=-3", 10, { first: 7, last: 9 }],
    ["bytes=-30", 10, { first: 0, last: 9 }],
    ["BYTES=2-100", 10, { first: 2, last: 9 }],
    ["bytes=10-", 10, "unsatisfiable"],
    ["bytes=-0", 10, "unsatisfiable"],
    ["bytes=0-", 0, "unsatisfiable"],
    ["bytes=-3", 0, null],
    ["bytes=-0", 0, "unsatisfiable"],
    ["bytes=4-3", 10, null],
    ["bytes=0-1,3-4", 10, null],
    ["bytes=-", 10, null],
    ["lines=0-1", 10, null],
    ["bytes=99999999999999999-", 10, "unsatisfiable"],
    ["bytes=5-9223372036854775807", 10, { first: 5, last: 9 }],
    [`bytes=5-${"9".repeat(41)}`, 10, null],
  ];
  for (const [text, size, range] of cases) {
    test(`reads "${text}" of ${size}`, () => expect(parseRange(text, size)).toEqual(range as null));
  }

  test("never leaves the body", () => {
    const text = fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `bytes=${a}-${b}`);
    fc.assert(
      fc.property(fc.oneof(text, fc.string()), fc.nat(), (field, size) => {
        const range = parseRange(field, size);
        if (range === null || range === "unsatisfiable") return;
        expect(0 <= range.first && range.first <= range.last && range.last < size).toBe(true);
      }),
    );
  });
});

describe("parseRanges()", () => {
  const of = (...ranges: (readonly [number, number])[]) =>
    ranges.map(([first, last]) => ({ first, last }));
  const cases: readonly (readonly [string, unknown])[] = [
    ["bytes=0-1", of([0, 1])],
    ["bytes=7-8, 0-1", of([7, 8], [0, 1])],
    ["bytes=0-1,,-2,", of([0, 1], [8, 9])],
    ["bytes=5-6,0-3,2-4", of([0, 6])],
    ["bytes=0-,-10,1-", of([0, 9])],
    ["bytes=20-,3-3", of([3, 3])],
    ["bytes=20-,-0", "unsatisfiable"],
    ["bytes=0-1,4-3", null],
    ["bytes=0-1;4-5", null],
    ["bytes=,", null],
    ["bytes=0-0,2-2,4-4,6-6,8-8", of([0, 0], [2, 2], [4, 4], [6, 6], [8, 8])],
    [`bytes=${Array.from({ length: 9 }, () => "0-0").join(",")}`, null],
    [`bytes=0-0${",".repeat(100_000)}`, null],
  ];
  for (const [text, ranges] of cases) {
    test(`reads "${text.slice(0, 40)}"`, () =>
      expect(parseRanges(text, 10)).toEqual(ranges as null));
  }

  test("are never more than the body, all together, and hold every byte asked for", () => {
    const one = fc.tuple(fc.nat(300), fc.nat(300)).map(([a, b]) => `${a}-${a + b}`);
    const member = fc.oneof(
      one,
      fc.nat(300).map((n) => `-${n}`),
    );
    const many = fc.array(member, { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(many, fc.nat(400), (members, size) => {
        const ranges = parseRanges(`bytes=${members.join(", ")}`, size);
        const singles = members.map((text) => parseRange(`bytes=${text}`, size));
        // Of nothing the last bytes are all.
        if (singles.includes(null)) return expect([size, ranges]).toEqual([0, null]);
        const kept = singles.filter((range) => range !== "unsatisfiable" && range !== null);
        if (kept.length === 0) return expect(ranges).toBe("unsatisfiable");
        const bytes = (list: readonly { first: number; last: number }[]) =>
          list.flatMap(({ first, last }) =>
            Array.from({ length: last - first + 1 }, (_, i) => first + i),
          );
        const got = bytes(ranges as { first: number; last: number }[]);
        expect(new Set(got).size).toBe(got.length);
        expect(new Set(got)).toEqual(new Set(bytes(kept)));
      }),
    );
  });
});

describe("parseStrings()", () => {
  test("reads a list of strings, whatever their parameters, and nothing else", () => {
    expect(parseStrings('"a, b", "C";x=1')).toEqual(["a, b", "C"]);
    for (const text of ["a", '"a", b', '"a', "1", '("a" "b")'])
      expect(parseStrings(text)).toBeNull();
  });
});

describe("canonicalHost()", () => {
  const cases: readonly (readonly [string | null, string | null])[] = [
    ["www.shop.example", "www.shop.example"],
    ["WWW.Shop.Example.:8080", "www.shop.example"],
    ["a_b.example", "a_b.example"],
    ["xn--bcher-kva.example:80", "xn--bcher-kva.example"],
    ["127.0.0.1:80", "127.0.0.1"],
    [null, null],
    ["", null],
    [".", null],
    [":80", null],
    ["a..b", null],
    ["a.example..", null],
    ["a.example, b.example", null],
    ["a.example b", null],
    ["a.com:80@b.com", null],
    ["user@b.com", null],
    ["[::1]:80", null],
    ["a.example:80:80", null],
    ["a.example:x", null],
    ["a.example/x", null],
    ["a.example?x", null],
    ["-a.example", null],
    ["b\u00fccher.example", null],
    [`${"a".repeat(64)}.example`, null],
    [`${"a.".repeat(127)}a`, null],
  ];
  for (const [field, host] of cases) {
    test(`makes ${host} of ${field}`, () => expect(canonicalHost(field)).toBe(host));
  }

  test("yields only names that stay as they are", () => {
    fc.assert(
      fc.property(fc.oneof(fc.domain(), fc.string()), (field) => {
        const host = canonicalHost(field);
        if (host !== null) expect(canonicalHost(host)).toBe(host);
      }),
    );
  });
});

describe("splitUrl()", () => {
  test("gives host and path when the URL agrees with the Host field", () => {
    const target = splitUrl("https://a.example:8443/x?y=1", "A.example:8443");
    expect(target).toEqual({ host: "a.example", path: "/x?y=1" });
  });

  test("refuses what does not agree, fragments and targets that are no URL", () => {
    expect(splitUrl("http://a.example/x", "b.example")).toBeNull();
    expect(splitUrl("http://a.example/x", "a.example, a.example")).toBeNull();
    expect(splitUrl("http://a.example/x#y", "a.example")).toBeNull();
    expect(splitUrl("/x", "a.example")).toBeNull();
    expect(splitUrl("a.example:80", "a.example")).toBeNull();
    expect(splitUrl("http://u@a.example/x", "a.example")).toBeNull();
  });
});

test("parseVary() sorts, lower-cases and knows the star", () => {
  expect(parseVary("B, a,, b")).toEqual(["a", "b"]);
  expect(parseVary("a, *")).toBe("*");
  const names = Array.from({ length: 65 }, (_, i) => `x-${i}`);
  expect(parseVary(names.slice(1).join())).toHaveLength(64);
  expect(parseVary(names.join())).toBe("*");
  expect(parseVary(null)).toEqual([]);
});

test("writeCacheStatus() writes parameters in the order of RFC 9211", () => {
  const status = { cache: "tokyo-1", fwd: "stale", fwdStatus: 304, stored: true } as const;
  expect(writeCacheStatus(status)).toBe("tokyo-1; fwd=stale; fwd-status=304; stored");
  expect(writeCacheStatus({ cache: "a", hit: true, ttlSec: -3 })).toBe("a; hit; ttl=-3");
  expect(writeCacheStatus({ cache: "1-lon", hit: true })).toBe('"1-lon"; hit');
});

test("writeName() gives what a structured field can hold, whatever a node is called", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/), (name) => {
      expect(String(parseList(`${writeName(name)}; hit`)[0]?.[0])).toBe(name);
    }),
  );
});

test("countLoops() counts our own name only, and writeCdnLoop() keeps what others wrote", () => {
  expect(countLoops("a.example; n=1, b.example, B.example", "b.example")).toBe(2);
  expect(countLoops("xb.example", "b.example")).toBe(0);
  const quoted = ['a; x=", b.example"', 'a; x="\\", b.example"', 'a; b="b.example", c'];
  for (const text of quoted) expect([text, countLoops(text, "b.example")]).toEqual([text, 0]);
  // As it is after a hop, behind what a client wrote to hide it.
  for (const text of ['a; x="', 'a; x="\\', '"', 'a; x="y" "', "a; x='"]) {
    expect([text, countLoops(`${text}, b.example`, "b.example")]).toEqual([text, 1]);
    expect([text, countLoops(`${text}, b.example, c; y="z"`, "b.example")]).toEqual([text, 1]);
  }
  expect(writeCdnLoop("a.example", "b.example")).toBe("a.example, b.example");
});

test("a quote that nobody closes takes no more time than its length (H24)", () => {
  const open = `a; x="${'\\"'.repeat(100_000)}`;
  expect(countLoops(`${open}, b.example`, "b.example")).toBe(1);
  expect(countLoops(`${open}", b.example`, "b.example")).toBe(1);
});

test("trimBlanks() takes spaces and tabs away at both ends, and nothing else", () => {
  expect(["", " ", " \ta b \t", "\xa0a\n"].map((text) => trimBlanks(text))).toEqual([
    ...["", "", "a b", "\xa0a\n"],
  ]);
  expect(trimBlanks("x:  a ", 2)).toBe("a");
});

test("connectionOptions() cannot take critical fields away (H20)", () => {
  const field = "close, host, authorization, content-length, x-foo";
  expect([...connectionOptions(field)]).toEqual(["close", "x-foo"]);
});
