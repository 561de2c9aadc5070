import { expect, test } from "bun:test";
import fc from "fast-check";
import { network } from "../../model/network.ts";
import { mayOrderAtMs, registeredDomain, renewAtMs, retryAtMs } from "./pace.ts";
import { wantedNames } from "./wanted.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = 100 * DAY;

test("mayOrderAtMs() never lets more than the limits through, in any hour or week", () => {
  const limits = { perHour: 3, perWeek: 5 };
  const step = fc.record({
    afterMs: fc.nat(2 * DAY),
    domain: fc.constantFrom("a.example", "b.example"),
    renewal: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ordered: { atMs: number; domain: string; renewal: boolean }[] = [];
      let nowMs = NOW;
      for (const { afterMs, domain, renewal } of steps) {
        nowMs += afterMs;
        const atMs = mayOrderAtMs(ordered, { domain, renewal }, { limits, nowMs });
        expect(atMs).toBeGreaterThanOrEqual(nowMs);
        nowMs = atMs;
        // What it named is a time at which it may be.
        expect(mayOrderAtMs(ordered, { domain, renewal }, { limits, nowMs })).toBe(nowMs);
        ordered.push({ atMs, domain, renewal });
        const since = (ms: number) => ordered.filter((one) => one.atMs > nowMs - ms);
        expect(since(HOUR).length).toBeLessThanOrEqual(limits.perHour);
        const fresh = since(7 * DAY).filter((one) => !one.renewal && one.domain === domain);
        expect(fresh.length).toBeLessThanOrEqual(limits.perWeek);
      }
    }),
  );
});

test("registeredDomain() is what authorities count by", () => {
  expect(registeredDomain("c.cdn.example")).toBe("cdn.example");
  expect(registeredDomain("www.shop.example.cdn.co.uk")).toBe("cdn.co.uk");
  expect(registeredDomain("a.b.github.io")).toBe("b.github.io");
  expect(registeredDomain("localhost")).toBe("localhost");
});

test("retryAtMs() waits longer each time, a day and a fifth at most, and never less than it was told", () => {
  const waits = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 40].map((failures) => {
    return retryAtMs({ failures, nowMs: NOW, draw: 0.5, afterMs: null }) - NOW;
  });
  expect(waits.slice(0, 3)).toEqual([300_000, 600_000, 1_200_000]);
  expect(waits.at(-1)).toBe(DAY);
  const told = { failures: 1, nowMs: NOW, draw: 0, afterMs: 2 * HOUR };
  expect(retryAtMs(told)).toBe(NOW + 2 * HOUR);
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 99 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (n, draw) => {
        const wait = retryAtMs({ failures: n, nowMs: NOW, draw, afterMs: null }) - NOW;
        expect(wait).toBeGreaterThanOrEqual(240_000);
        expect(wait).toBeLessThanOrEqual(1.2 * DAY);
      },
    ),
  );
});

test("renewAtMs() is at two thirds of the lifetime or a little before, or within the authority's window", () => {
  const life = { notBeforeMs: NOW, notAfterMs: NOW + 90 * DAY };
  expect(renewAtMs({ ...life, draw: 0, window: null })).toBe(NOW + 60 * DAY);
  const early = renewAtMs({ ...life, draw: 0.999, window: null });
  expect(early).toBeGreaterThan(NOW + 55 * DAY);
  const window = { start: NOW + 10 * DAY, end: NOW + 12 * DAY };
  expect(renewAtMs({ ...life, draw: 0.5, window })).toBe(NOW + 11 * DAY);
});

const TARGETS = {
  ...{ "www.shop.example": "aa", "cdn.hosted.example": "bb", "www.news.example": "cc" },
};

test("wantedNames() has each name at which caches answer once, by itself, and how it can be shown", () => {
  const parsed = network.parse({
    zone: "cdn.example",
    acme: { directory: "https://ca.example/dir", termsAgreed: true },
    customers: [
      {
        name: "shop",
        plan: "flat",
        zones: [{ name: "hosted.example" }],
        sites: [
          { hostname: "www.shop.example", origins: [] },
          {
            hostname: "cdn.hosted.example",
            onboarding: "hosted",
            front: "caches",
            origins: [],
            cache: { aliases: ["img.elsewhere.example", "img.hosted.example"] },
          },
        ],
      },
      {
        name: "news",
        plan: "flat",
        sites: [
          {
            hostname: "www.news.example",
            onboarding: "delegation",
            front: "caches",
            origins: [],
            cache: { aliases: ["a.hosted.example"] },
          },
        ],
      },
    ],
  });
  const lines = wantedNames({ network: parsed, targets: TARGETS }).map((one) => {
    const { host, customer, kind, challenge, delegate } = one;
    return `${host} ${customer} ${kind} ${challenge}${delegate === null ? "" : ` ${delegate}`}`;
  });
  expect(lines).toEqual([
    "c.cdn.example  network dns-01",
    // By turns: nobody's second is waited for by anybody's first.
    "www.shop.example.cdn.example shop second dns-01",
    "www.news.example.cdn.example news second dns-01",
    "cdn.hosted.example.cdn.example shop second dns-01",
    "cdn.hosted.example shop first dns-01",
    "www.news.example news first dns-01",
    "img.elsewhere.example shop alias http-01 _acme-challenge.bb.gtm.cdn.example",
    // Another customer answers for that zone: nothing is set in it.
    "a.hosted.example news alias http-01 _acme-challenge.cc.gtm.cdn.example",
    "img.hosted.example shop alias dns-01",
  ]);
  expect(wantedNames({ network: { ...parsed, acme: undefined }, targets: {} })).toEqual([]);
});
