import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { formatHttpDate } from "../../wire/http/mod.ts";
import {
  ageMs,
  type CacheRequest,
  cacheKey,
  canonicalPath,
  freshnessOf,
  invalidatedPaths,
  isFresh,
  isRedirectedHere,
  mayServeOnError,
  mayServeWhileRevalidating,
  normalAccept,
  normalEncodings,
  readResponse,
  type StoreReason,
  storable,
  variantKey,
  variantMatcher,
  variantMatches,
} from "./mod.ts";

const NOW = Date.UTC(2026, 10, 22, 12);
const ago = (sec: number) => formatHttpDate(NOW - sec * 1000);

type Fields = Readonly<Record<string, string>>;

function factsOf(fields: Fields, status = 200) {
  return readResponse({ status, get: (name) => fields[name] ?? null }, NOW);
}

function fresh(fields: Fields, status = 200) {
  return freshnessOf(factsOf(fields, status), { requestedMs: NOW, receivedMs: NOW });
}

test("isRedirectedHere() knows the same address by any scheme, and no other", () => {
  const request = { at: "http://www.shop.example:8080", path: "/a?b=1" };
  const here = (location: string | null) => isRedirectedHere(request, location);
  expect(
    ["https://www.shop.example/a?b=1", "//www.shop.example/a?b=1", "/a?b=1"].map(here),
  ).toEqual([true, true, true]);
  const others = [
    "https://shop.example/a?b=1",
    "/a",
    "https://www.shop.example/a?b=2",
    "http://[",
    null,
  ];
  expect(others.map(here)).toEqual(others.map(() => false));
});

describe("storable()", () => {
  const LM = { "last-modified": ago(1000) };
  const request: CacheRequest = {
    ...{ method: "GET", authorization: false, cookie: false, noStore: false },
  };
  const cases: readonly (readonly [StoreReason, Fields, number?, Partial<CacheRequest>?])[] = [
    ["explicit", { "cache-control": "max-age=60" }],
    ["explicit", { "cache-control": "s-maxage=60" }],
    ["explicit", { expires: ago(-60) }],
    ["explicit", { "cache-control": "max-age=60" }, 503],
    ["explicit", { "cache-control": "max-age=0", etag: '"a"' }],
    ["explicit", { "cache-control": "max-age=60" }, 200, { cookie: true }],
    ["explicit", { "cache-control": "max-age=0, public", etag: '"a"' }, 200, { cookie: true }],
    ["no-freshness", { expires: ago(0), date: ago(0) }],
    ["no-freshness", { expires: ago(5) }],
    ["heuristic", LM],
    ["heuristic", LM, 404],
    ["heuristic", { ...LM, "cache-control": "public" }, 201],
    ["validate-only", { etag: '"a"' }],
    ["validate-only", { "cache-control": "no-cache", etag: '"a"' }],
    ["method", { "cache-control": "max-age=60" }, 200, { method: "POST" }],
    ["method", { "cache-control": "max-age=60" }, 200, { method: "HEAD" }],
    ["partial", { "cache-control": "max-age=60" }, 206],
    ["explicit", { "cache-control": "max-age=60", "content-range": "bytes 0-1/2" }],
    ["not-understood", { "cache-control": "max-age=60, must-understand" }, 599],
    ["explicit", { "cache-control": "max-age=60, must-understand, no-store" }],
    ["no-store", { "cache-control": "max-age=60", "cdn-cache-control": "no-store" }],
    ["explicit", { "cache-control": "no-store", "cdn-cache-control": "max-age=60" }],
    ["no-store", { "cache-control": "no-store", "cdn-cache-control": 'max-age="60"' }],
    ["private", { "cdn-cache-control": "max-age=60", "turnpike-cache-control": "private" }],
    ["heuristic", LM, 414],
    ["heuristic", { ...LM, "cache-control": "public" }, 599],
    ["heuristic", LM, 405],
    ["error-status", LM, 501],
    ["explicit", { expires: ago(-60) }, 200, { method: "POST", locatedHere: true }],
    ["method", LM, 200, { method: "POST", locatedHere: true }],
    ["method", { expires: ago(-60) }, 409, { method: "POST", locatedHere: true }],
    ["status", { "cache-control": "max-age=60" }, 304],
    ["status", { "cache-control": "max-age=60" }, 103],
    ["error-status", { "cache-control": "max-age=60" }, 400],
    ["error-status", { "cache-control": "max-age=60" }, 431],
    ["error-status", { "cache-control": "max-age=60" }, 501],
    ["error-status", LM, 500],
    ["request-no-store", { "cache-control": "max-age=60" }, 200, { noStore: true }],
    ["no-store", { "cache-control": "no-store, max-age=60" }],
    ["private", { "cache-control": "private, max-age=60" }],
    ["private", { "cache-control": 'private="x", max-age=60' }],
    ["set-cookie", { "cache-control": "public, max-age=60", "set-cookie": "a=b" }],
    ["authorization", { "cache-control": "max-age=60" }, 200, { authorization: true }],
    [
      "authorization",
      { "cache-control": "must-revalidate, max-age=60" },
      200,
      { authorization: true },
    ],
    ["explicit", { "cache-control": "public, max-age=60" }, 200, { authorization: true }],
    ["explicit", { "cache-control": "s-maxage=60" }, 200, { authorization: true }],
    ["cookie", LM, 200, { cookie: true }],
    ["vary-star", { "cache-control": "max-age=60", vary: "*" }],
    ["no-freshness", {}],
    ["no-freshness", LM, 302],
    ["no-freshness", { "cache-control": "max-age=0" }],
    ["no-freshness", { "cache-control": "no-cache, max-age=60" }],
    ["no-freshness", { expires: "0" }],
  ];
  const kept = new Set<StoreReason>(["explicit", "heuristic", "validate-only"]);
  for (const [reason, fields, status, more] of cases) {
    test(`${JSON.stringify(fields)} ${status ?? 200} ${JSON.stringify(more ?? {})}: ${reason}`, () => {
      const verdict = storable({ ...request, ...more }, factsOf(fields, status));
      expect([verdict.store, verdict.reason]).toEqual([kept.has(reason), reason]);
    });
  }

  test("never stores what says private, no-store or Set-Cookie, whatever else it says", () => {
    const part = fc.constantFrom("public", "max-age=60", "s-maxage=60", "immutable", "x=y");
    const guard = fc.constantFrom("private", "no-store", "cookie");
    fc.assert(
      fc.property(
        fc.array(part),
        guard,
        fc.integer({ min: 200, max: 599 }),
        (parts, which, status) => {
          const control = which === "cookie" ? parts : [...parts, which];
          const fields: Record<string, string> = {
            "cache-control": control.join(", "),
            etag: '"a"',
          };
          if (which === "cookie") fields["set-cookie"] = "a=b";
          expect(storable(request, factsOf(fields, status)).store).toBe(false);
        },
      ),
    );
  });
});

describe("freshnessOf()", () => {
  test("takes s-maxage before max-age before Expires before heuristics (RFC 9111 4.2.1)", () => {
    const all = { expires: ago(-30), "last-modified": ago(1000), date: ago(0) };
    const control = "max-age=20, s-maxage=10";
    expect(fresh({ ...all, "cache-control": control })).toMatchObject({ lifetimeMs: 10_000 });
    expect(fresh({ ...all, "cache-control": "max-age=20" })).toMatchObject({ lifetimeMs: 20_000 });
    expect(fresh(all)).toMatchObject({ lifetimeMs: 30_000, from: "expires" });
    const { expires: _, ...rest } = all;
    expect(fresh(rest)).toMatchObject({ lifetimeMs: 100_000, from: "heuristic" });
  });

  test("measures Expires against Date, not against our clock", () => {
    expect(fresh({ date: ago(100), expires: ago(40) }).lifetimeMs).toBe(60_000);
  });

  test("caps heuristics at a day, and gives none to statuses that do not have them", () => {
    const old = { "last-modified": ago(10_000_000), date: ago(0) };
    expect(fresh(old).lifetimeMs).toBe(86_400_000);
    expect(fresh(old, 302).lifetimeMs).toBe(0);
  });

  test("counts Age, the delay and what Date says into the initial age (RFC 9111 4.2.3)", () => {
    const facts = factsOf({ age: "30", date: ago(10) });
    const times = { requestedMs: NOW - 2000, receivedMs: NOW };
    expect(freshnessOf(facts, times).initialAgeMs).toBe(32_000);
    expect(freshnessOf(factsOf({ date: ago(50) }), times).initialAgeMs).toBe(50_000);
    expect(freshnessOf(factsOf({ age: "x, 7" }), times).initialAgeMs).toBe(2000);
  });

  test("is never younger for a clock that steps back", () => {
    const freshness = fresh({ age: "5", "cache-control": "max-age=60" });
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), (step) => {
        expect(ageMs(freshness, NOW, NOW + step)).toBeGreaterThanOrEqual(5000);
      }),
    );
  });

  test("ends where a clock that was fast by more than the lifetime is set right", () => {
    const freshness = fresh({ "cache-control": "max-age=60" });
    for (const step of [-61_000, -365 * 86_400_000]) {
      expect(isFresh(freshness, ageMs(freshness, NOW, NOW + step))).toBe(false);
    }
    expect(isFresh(freshness, ageMs(freshness, NOW, NOW - 2_000))).toBe(true);
  });

  test("fresh ends exactly when the lifetime is reached", () => {
    const freshness = fresh({ "cache-control": "max-age=60" });
    expect(isFresh(freshness, 59_999)).toBe(true);
    expect(isFresh(freshness, 60_000)).toBe(false);
    expect(isFresh(fresh({ "cache-control": "no-cache, max-age=60" }), 0)).toBe(false);
  });

  test("stands in for an error only where told, and never where that is forbidden", () => {
    const may = (control: string) =>
      mayServeOnError(fresh({ "cache-control": control }), 70_000, true);
    expect(may("max-age=60, stale-if-error=30")).toBe(true);
    expect(may("max-age=60, stale-if-error=5")).toBe(false);
    expect(may("max-age=60")).toBe(false);
    expect(may("max-age=60, stale-if-error=30, must-revalidate")).toBe(false);
    expect(may("s-maxage=60, stale-if-error=30")).toBe(false);
  });

  test("stands in for an origin out of reach for a day, unless that is forbidden (RFC 9111 4.2.4)", () => {
    const may = (control: string, ageSec: number) =>
      mayServeOnError(fresh({ "cache-control": control }), ageSec * 1000, false);
    expect(may("max-age=60", 70)).toBe(true);
    expect(may("max-age=60", 90_000)).toBe(false);
    expect(may("max-age=60, stale-if-error=5", 70)).toBe(false);
    for (const strict of ["must-revalidate", "proxy-revalidate", "no-cache", "s-maxage=60"]) {
      expect(may(`max-age=60, ${strict}`, 70)).toBe(false);
      expect(may(`max-age=60, ${strict}`, 10)).toBe(false);
    }
  });

  test("is served while it is validated as long as RFC 5861 3 says", () => {
    const may = (control: string, ageSec: number) =>
      mayServeWhileRevalidating(fresh({ "cache-control": control }), ageSec * 1000);
    expect(may("max-age=60, stale-while-revalidate=10", 59)).toBe(false);
    expect(may("max-age=60, stale-while-revalidate=10", 60)).toBe(true);
    expect(may("max-age=60, stale-while-revalidate=10", 70)).toBe(false);
    expect(may("max-age=60", 60)).toBe(false);
    expect(may("max-age=60, stale-while-revalidate=10, must-revalidate", 60)).toBe(false);
  });

  test("takes the field for CDNs before Cache-Control and Expires (RFC 9213 2.2)", () => {
    const both = { "cache-control": "max-age=1", expires: ago(-9000) };
    expect(fresh({ ...both, "cdn-cache-control": "max-age=60" }).lifetimeMs).toBe(60_000);
    expect(fresh({ expires: ago(-9000), "cdn-cache-control": "must-revalidate" }).lifetimeMs).toBe(
      0,
    );
    expect(fresh({ ...both, "cdn-cache-control": "max-age=60, &&" }).lifetimeMs).toBe(1000);
    expect(fresh({ ...both, "cdn-cache-control": "max-age=-1" }).lifetimeMs).toBe(1000);
    const ours = { "cdn-cache-control": "max-age=60", "turnpike-cache-control": "max-age=5" };
    expect(fresh({ ...both, ...ours }).lifetimeMs).toBe(5000);
  });

  test("ignores an Age that is no number and takes the first of several (RFC 9111 5.1)", () => {
    const initial = (age: string) => fresh({ "cache-control": "max-age=60", age }).initialAgeMs;
    expect(["abc", "-7", "7.0", "7;a=1", "7, 9", "0, 9"].map(initial)).toEqual([
      0, 0, 0, 0, 7000, 0,
    ]);
  });
});

describe("keys", () => {
  test("of two customers, sites or paths never meet", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9.-]{0,8}$/);
    const path = fc.stringMatching(/^\/[!-~]{0,8}$/);
    const of = fc.record({ customer: name, site: name, path });
    fc.assert(
      fc.property(of, of, (a, b) => {
        expect(cacheKey(a) === cacheKey(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });

  test("canonicalPath() resolves dots, encodes, and refuses what is no path", () => {
    expect(canonicalPath("/a/../b/./c?x=1")).toBe("/b/c?x=1");
    expect(canonicalPath("//evil.example/x")).toBe("//evil.example/x");
    expect(canonicalPath("/\u00e9")).toBe("/%C3%A9");
    expect(canonicalPath("/a b")).toBe("/a%20b");
    expect(canonicalPath("a")).toBeNull();
    expect(canonicalPath("/a#b")).toBeNull();
    expect(canonicalPath("")).toBeNull();
  });

  test("canonicalPath() yields only paths that stay as they are", () => {
    fc.assert(
      fc.property(fc.webPath({ size: "small" }), (text) => {
        const path = canonicalPath(`/${text}`);
        if (path !== null) expect(canonicalPath(path)).toBe(path);
      }),
    );
  });

  test("variantMatcher() says the same of each as variantMatches(), and reads each field once", () => {
    const read: string[] = [];
    const fields: Fields = { "accept-language": "de, en", x: "2" };
    const get = (name: string) => {
      read.push(name);
      return fields[name] ?? null;
    };
    const of = (vary: readonly string[], x: string) => {
      return { vary, variant: variantKey(vary, (name) => (name === "x" ? x : null)) };
    };
    const stored = [
      ...["1", "2", "3"].map((x) => of(["x"], x)),
      ...[of([], "2"), of(["accept-language", "x"], "2"), of(["accept-language", "x"], "1")],
      { ...of(["accept-language"], "2"), language: "de" },
    ];
    const alone = stored.map((one) => variantMatches(one, get));
    expect(alone).toEqual([false, true, false, true, false, false, false]);
    read.length = 0;
    const matches = variantMatcher(get);
    expect(stored.map((one) => matches(one))).toEqual(alone);
    expect(read.filter((name) => name === "x")).toEqual(["x", "x"]);
  });

  test("a variant's field takes no more time than it is long (H24)", () => {
    const gap = " ".repeat(200_000);
    const of = (x: string) => variantKey(["x"], () => x);
    expect(of(`a${gap}b`)).toBe(`x:=a${gap}b`);
    expect(of(` a \t,b${gap}c ,, d`)).toBe(`x:=a,b${gap}c,,d`);
  });

  test("a variant matches by the fields that Vary names, absent ones apart from empty ones", () => {
    const get = (fields: Fields) => (name: string) => fields[name] ?? null;
    const vary = ["accept-language", "x"];
    const variant = variantKey(vary, get({ "accept-language": "de , en" }));
    const stored = { vary, variant };
    expect(variantMatches(stored, get({ "accept-language": "de,en" }))).toBe(true);
    expect(variantMatches(stored, get({ "accept-language": "EN, de" }))).toBe(true);
    expect(variantMatches(stored, get({ "accept-language": "en, de;q=0.9" }))).toBe(false);
    const german = { ...stored, language: "de" };
    expect(variantMatches(german, get({ "accept-language": "fr;q=0.5, de" }))).toBe(true);
    expect(variantMatches(german, get({ "accept-language": "fr, de" }))).toBe(false);
    expect(variantMatches(german, get({ "accept-language": "de", x: "1" }))).toBe(false);
    expect(variantMatches(stored, get({ "accept-language": "de,en", x: "" }))).toBe(false);
  });

  test("normalAccept() knows two image formats and nothing a client could write", () => {
    expect(normalAccept("text/html, image/avif;q=1, image/webp")).toBe("image/avif,image/webp,*/*");
    expect(normalAccept("canary")).toBe("*/*");
    // RFC 9110 12.4.2: a weight of 0 is not acceptable.
    expect(normalAccept("image/webp;q=0, image/avif; q=0.001")).toBe("image/avif,*/*");
    expect(normalAccept("image/avif;q=0.000,IMAGE/WEBP")).toBe("image/webp,*/*");
    expect(normalAccept("image/webpx, text/image/avif, image/*")).toBe("*/*");
    expect(normalAccept(null)).toBe("*/*");
  });

  test("normalEncodings() knows four forms", () => {
    expect(normalEncodings("gzip, deflate, br;q=0.9")).toBe("br, gzip");
    expect(normalEncodings("GZIP;q=0, br")).toBe("br");
    expect(normalEncodings("x-gzip")).toBe("gzip");
    expect(normalEncodings("gzip;q=0.0")).toBe("identity");
    expect(normalEncodings("gzip;q=0.001, br;q=0.000")).toBe("gzip");
    // RFC 9110 12.5.3: what is not named is wanted as `*` is.
    expect(normalEncodings("*")).toBe("br, gzip");
    expect(normalEncodings("br;q=0, *;q=0.5")).toBe("gzip");
    expect(normalEncodings("br, *;q=0")).toBe("br");
    // What it excludes of the bytes as they are is nobody else's.
    for (const field of ["identity;q=0", "*;q=0", "zstd, identity;q=0", ""]) {
      expect(normalEncodings(field)).toBe("identity");
    }
    expect(normalEncodings(null)).toBe("identity");
  });
});

describe("invalidatedPaths()", () => {
  const at = "https://www.shop.example";
  const atServer = "http://www.shop.example:8080";
  const paths = (method: string, fields: Fields, status = 200) =>
    invalidatedPaths(
      { method, at: [at, atServer], path: "/a/b" },
      { status, get: (name) => fields[name] ?? null },
    );

  test("names what was changed, and what Location and Content-Location name here (RFC 9111 4.4)", () => {
    expect(paths("POST", { location: "c?d=1", "content-location": `${at}/e` })).toEqual([
      ...["/a/b", "/a/c?d=1", "/e"],
    ]);
    expect(paths("M-SEARCH", {})).toEqual(["/a/b"]);
  });

  test("takes the origin that the client asked for and the one that the web server was asked for as one", () => {
    for (const own of [at, atServer, "https://WWW.shop.example:443", "//www.shop.example:8080"]) {
      expect(paths("POST", { location: `${own}/c` })).toEqual(["/a/b", "/c"]);
    }
  });

  test("never names another host's, another scheme's or another port's", () => {
    for (const other of [
      "http://www.shop.example/x",
      "https://www.shop.example:8080/x",
      "http://[",
      "//evil.example/x",
      `${at}:81/x`,
      "data:,x",
    ]) {
      expect(paths("PUT", { location: other })).toEqual(["/a/b"]);
    }
  });

  test("names nothing for a safe method or an error", () => {
    expect(paths("GET", { location: "/x" })).toEqual([]);
    expect(paths("PROPFIND", {})).toEqual([]);
    expect(paths("DELETE", { location: "/x" }, 500)).toEqual([]);
  });
});
