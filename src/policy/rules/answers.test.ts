import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type Rule, rules as rulesModel } from "../../model/rules.ts";
import {
  Buckets,
  bucketName,
  clientAddress,
  compileAccess,
  corsFields,
  editedField,
  editFields,
  errorPageFor,
  fillPage,
  mayCompress,
  negotiate,
  redirectTarget,
  ttlFor,
  variesByEncoding,
} from "./mod.ts";

function parsed(list: readonly unknown[]): Rule[] {
  return rulesModel.parse(list);
}

describe("edits, redirects and CORS", () => {
  test("editFields() removes, then sets, then adds, rule by rule", () => {
    const edits = [{ remove: ["server"], set: { a: "1" } }, { add: { a: "2" } }];
    const fields = [
      ["server", "x"],
      ["a", "0"],
    ] as const;
    expect(editFields(fields, edits)).toEqual([
      ["a", "1"],
      ["a", "2"],
    ]);
    expect(editedField("a", "0", edits)).toBe("1, 2");
    expect(editedField("server", "x", edits)).toBeNull();
    expect(editedField("constructor", "x", [{ set: { a: "1" }, add: { b: "1" } }])).toBe("x");
  });

  test("redirectTarget() leads to the host that the rule names, whatever the path is", () => {
    const to = (rule: Partial<Parameters<typeof redirectTarget>[0]>, path: string, prefix = "") =>
      redirectTarget({ to: "/", keepPath: true, keepQuery: true, ...rule }, { path, prefix });
    expect(to({ to: "https://n.example/" }, "/a/b?x=1")).toBe("https://n.example/a/b?x=1");
    expect(to({ to: "https://n.example/?y=2" }, "/a?x=1")).toBe("https://n.example/a?y=2&x=1");
    expect(to({ to: "/new", keepPath: false, keepQuery: false }, "/a?x=1")).toBe("/new");
    // The rule's own query may hold an address, and its fragment stays last.
    const back = "https://in.example/?to=https://www.shop.example/?a=1";
    expect(to({ to: back, keepPath: false }, "/a?x=1")).toBe(`${back}&x=1`);
    expect(to({ to: "/new#top" }, "/a?x=1")).toBe("/new/a?x=1#top");
    expect(to({ to: "/new?y=2#top?", keepPath: false }, "/a")).toBe("/new?y=2#top?");
    expect(to({}, "//evil.example/x")).toBe("/evil.example/x");
    expect(to({}, "/\\evil.example")).toBe("/evil.example");
    expect(to({ to: "/new" }, "/x", "/www.shop.example")).toBe("/www.shop.example/new/x");
    expect(to({ to: "https://n.example/" }, "/@evil.example")).toBe(
      "https://n.example/@evil.example",
    );
    expect(to({}, "/a%0d%0ax: 1\r\ny")).not.toMatch(/[\r\n ]/);
  });

  test("redirectTarget() is a path here or an address of the rule's host, for any path", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const path = redirectTarget(
          { to: "/", keepPath: true, keepQuery: true },
          { path: `/${text}`, prefix: "" },
        );
        expect(new URL(path, "https://here.example/").host).toBe("here.example");
        expect(path).toMatch(/^[\x21-\x7e]+$/);
      }),
      { numRuns: 500 },
    );
  });

  test("corsFields() names the web origin that asks, and only one that the rule names", () => {
    const [rule] = parsed([
      {
        name: "c",
        cors: { origins: ["https://a.example", "https://*.b.example"], credentials: true },
      },
    ]);
    const allowed = (origin: string | null) =>
      new Headers(corsFields(rule!.cors!, origin).map(([n, v]) => [n, v] as [string, string]));
    expect(allowed("https://a.example").get("access-control-allow-origin")).toBe(
      "https://a.example",
    );
    expect(allowed("https://x.b.example").get("access-control-allow-credentials")).toBe("true");
    for (const other of [
      "https://b.example",
      "https://evilb.example",
      "http://x.b.example",
      "null",
      null,
    ]) {
      expect(allowed(other).get("access-control-allow-origin")).toBeNull();
      expect(allowed(other).get("vary")).toBe("Origin");
    }
  });
});

describe("who may come in", () => {
  const judge = (
    access: Parameters<typeof compileAccess>[0],
    client: string,
    country: string | null = null,
  ) => compileAccess(access)(clientAddress(client), country);

  test("compileAccess() lets deny win, and closes where there is a list of who may", () => {
    const access = {
      allow: ["198.51.100.0/24"],
      deny: ["198.51.100.7/32"],
      allowCountries: ["DE"],
    };
    expect(judge(access, "198.51.100.8")).toBe("allowed");
    expect(judge(access, "198.51.100.7", "DE")).toBe("denied-prefix");
    expect(judge(access, "203.0.113.1", "DE")).toBe("allowed");
    expect(judge(access, "203.0.113.1")).toBe("not-allowed");
    expect(judge(access, "::ffff:198.51.100.8")).toBe("allowed");
    expect(judge({ denyCountries: ["DE"] }, "203.0.113.1", "DE")).toBe("denied-country");
    expect(judge({ allow: ["2001:db8::/32"] }, "2001:db8::1")).toBe("allowed");
    expect(judge({ allow: ["0.0.0.0/0"] }, "unknown")).toBe("not-allowed");
    const mapped = "::ffff:198.51.100.0/120";
    expect(judge({ deny: [mapped] }, "198.51.100.8")).toBe("denied-prefix");
    expect(judge({ deny: [mapped] }, "198.51.101.8")).toBe("allowed");
    expect(judge({ deny: ["::/0"] }, "198.51.100.8")).toBe("allowed");
  });

  test("Buckets take a burst, then what flows in, and never hold more than their number", () => {
    const buckets = new Buckets(100);
    const rate = { perSec: 2, burst: 3, v4Bits: 24, v6Bits: 64 };
    const name = bucketName(clientAddress("192.0.2.1"), rate);
    expect(bucketName(clientAddress("192.0.2.200"), rate)).toBe(name);
    const taken = [0, 0, 0, 0, 500, 500].map((ms) => buckets.take(name, rate, ms));
    expect(taken).toEqual([0, 0, 0, 1, 0, 1]);
    expect(buckets.take(name, { perSec: 0.1, burst: 3 }, 500)).toBe(10);
    for (let i = 0; i < 1000; i++) buckets.take(`flood-${i}`, rate, 500);
    expect(buckets.count).toBe(100);
    expect(buckets.take("x", rate, 0)).toBe(0);
    expect(buckets.take("x", rate, -1e9)).toBe(0);
  });

  test("Buckets of one owner give way to each other, not those of others to them", () => {
    const buckets = new Buckets(100);
    const rate = { perSec: 0.01, burst: 1, owner: "shop" };
    const few = Array.from({ length: 20 }, (_, i) => `shop-${i}`);
    for (const name of few) expect(buckets.take(name, rate, 0)).toBe(0);
    for (let i = 0; i < 1000; i++) buckets.take(`flood-${i}`, { ...rate, owner: "noisy" }, 1);
    expect(buckets.count).toBe(100);
    for (const name of few) expect(buckets.take(name, rate, 2)).toBeGreaterThan(0);
    // Who comes later has its part all the same, of who has the most.
    for (let i = 0; i < 30; i++) {
      expect(buckets.take(`late-${i}`, { ...rate, owner: "news" }, 3)).toBe(0);
    }
    for (let i = 0; i < 30; i++) {
      expect(buckets.take(`late-${i}`, { ...rate, owner: "news" }, 4)).toBeGreaterThan(0);
    }
    for (const name of few) expect(buckets.take(name, rate, 5)).toBeGreaterThan(0);
    expect(buckets.count).toBe(100);
  });
});

describe("lifetimes, compression and error pages", () => {
  test("ttlFor() takes the first row about the status", () => {
    const rows = [
      { status: [404], edgeSec: 5 },
      { status: ["5xx" as const], edgeSec: 1 },
      { edgeSec: 60 },
    ];
    expect([200, 301, 404, 503].map((s) => ttlFor(rows, s)?.edgeSec)).toEqual([60, 60, 5, 1]);
    expect(ttlFor(rows, 410)).toBeNull();
  });

  test("negotiate() goes by weights, and by our own order where they are equal", () => {
    const cases: readonly (readonly [string | null, string | null])[] = [
      [null, null],
      ["", null],
      ["gzip, deflate, br, zstd", "br"],
      ["gzip, br;q=0.5", "gzip"],
      ["gzip;q=0.8, zstd;q=0.9", "zstd"],
      ["br;q=0, gzip", "gzip"],
      ["*", "br"],
      ["*;q=0.1, br;q=0", "zstd"],
      ["identity, gzip;q=0.5", null],
      ["identity;q=0.5, gzip;q=0.5", "gzip"],
      ["gzip;q=0", null],
      ["gzip;q=2", null],
      ["deflate", null],
      ["x-gzip", "gzip"],
      ["zstd;q=0.1, identity;q=0", "zstd"],
      ["gzip, *;q=0", "gzip"],
      ["GZIP", "gzip"],
    ];
    for (const [field, coding] of cases) expect([field, negotiate(field)]).toEqual([field, coding]);
  });

  test("mayCompress() leaves what is compressed, small, partial or not to be transformed", () => {
    const of = (fields: Record<string, string>, more = {}) => ({
      ...{ status: 200, bodyBytes: 1000, ...more },
      get: (name: string) => fields[name] ?? null,
    });
    const css = { "content-type": "text/css; charset=utf-8" };
    expect(mayCompress(true, of(css))).toBe(true);
    expect(mayCompress(false, of(css))).toBe(false);
    expect(mayCompress(true, of(css, { bodyBytes: 511 }))).toBe(false);
    expect(mayCompress(true, of(css, { status: 206 }))).toBe(false);
    expect(mayCompress(true, of({ ...css, "content-encoding": "br" }))).toBe(false);
    expect(mayCompress(true, of({ ...css, "cache-control": "max-age=1, no-transform" }))).toBe(
      false,
    );
    for (const type of ["image/png", "video/mp4", "audio/ogg", "application/zip", ""]) {
      expect(mayCompress(true, of({ "content-type": type }))).toBe(false);
    }
    expect(mayCompress({ types: ["application/x-own"], leastBytes: 1 }, of(css))).toBe(false);
    expect(variesByEncoding("Origin")).toBe("Origin, Accept-Encoding");
    expect(variesByEncoding("accept-encoding")).toBe("accept-encoding");
  });

  test("fillPage() lets nothing of an answer become an element", () => {
    const page = fillPage("<b>{status} {words} {host} {other}</b>", {
      ...{ status: 503, words: `<script>"'&`, host: "a{status}" },
    });
    expect(page).toBe("<b>503 &#60;script&#62;&#34;&#39;&#38; a{status} {other}</b>");
    expect(errorPageFor([{ status: ["5xx"], html: "x" }], 404)).toBeNull();
  });
});
