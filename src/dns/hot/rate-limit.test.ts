import { describe, expect, test } from "bun:test";
import { familyOf, parseAddress } from "../../wire/ip/mod.ts";
import { KIND, RateLimiter, type RateLimits, SEND } from "./rate-limit.ts";

const LIMITS: RateLimits = {
  answersPerSec: 200,
  nxdomainPerSec: 50,
  errorsPerSec: 20,
  slip: 2,
  exempt: ["127.0.0.0/8", "::1/128"],
};

function client(text: string) {
  const address = parseAddress(text)!;
  return { address, addressAt: 0, family: familyOf(address) };
}

/** `perSec` responses a second for so long; how many were sent whole, truncated and not at all. */
function flood(
  limiter: RateLimiter,
  from: string,
  o: { perSec: number; sec: number; kind?: 0 | 1 | 2; startMs?: number },
): number[] {
  const seen = [0, 0, 0];
  const who = client(from);
  for (let i = 0; i < o.perSec * o.sec; i++) {
    const nowMs = ((o.startMs ?? 0) + Math.floor((i * 1000) / o.perSec)) | 0;
    seen[limiter.take(who, o.kind ?? KIND.ANSWER, nowMs)]! += 1;
  }
  return seen;
}

describe("RateLimiter", () => {
  test("gives one prefix its limit and a burst, and slips every second one of the rest", () => {
    const [whole, cut, none] = flood(new RateLimiter(LIMITS, 7), "192.0.2.9", {
      perSec: 10_000,
      sec: 10,
    });
    expect(whole).toBeGreaterThanOrEqual(2190);
    expect(whole).toBeLessThanOrEqual(2200);
    expect(Math.abs(cut! - none!)).toBeLessThanOrEqual(1);
  });

  test("counts a /24 or a /56 as one client, and others apart", () => {
    const limiter = new RateLimiter(LIMITS, 7);
    flood(limiter, "192.0.2.9", { perSec: 10_000, sec: 1 });
    flood(limiter, "2001:db8:0:ff01::1", { perSec: 10_000, sec: 1 });
    const next = (from: string) => limiter.take(client(from), KIND.ANSWER, 999);
    expect(next("192.0.2.200")).not.toBe(SEND.ANSWER);
    expect(next("192.0.3.9")).toBe(SEND.ANSWER);
    expect(next("2001:db8:0:ff99::2")).not.toBe(SEND.ANSWER);
    expect(next("2001:db8:0:fe01::1")).toBe(SEND.ANSWER);
  });

  test("has a limit of its own for each kind of response", () => {
    const limiter = new RateLimiter(LIMITS, 7);
    const whole = [KIND.ANSWER, KIND.NXDOMAIN, KIND.ERROR].map(
      (kind) => flood(limiter, "192.0.2.9", { perSec: 1000, sec: 1, kind })[0]!,
    );
    expect(whole.map((n) => Math.round(n / 10))).toEqual([40, 10, 4]);
  });

  test("lets a client at half its limit have every answer, also where the clock wraps", () => {
    const startMs = 2 ** 31 - 5000;
    const o = { perSec: 100, sec: 10, startMs };
    expect(flood(new RateLimiter(LIMITS, 7), "192.0.2.9", o)).toEqual([1000, 0, 0]);
  });

  test("drops all that is beyond with slip 0 and truncates all with slip 1", () => {
    const o = { perSec: 2000, sec: 1 };
    expect(flood(new RateLimiter({ ...LIMITS, slip: 0 }, 7), "192.0.2.9", o)[1]).toBe(0);
    expect(flood(new RateLimiter({ ...LIMITS, slip: 1 }, 7), "192.0.2.9", o)[2]).toBe(0);
  });

  test("passes by prefixes that are exempt", () => {
    const o = { perSec: 2000, sec: 1 };
    expect(flood(new RateLimiter(LIMITS, 7), "127.3.4.5", o)).toEqual([2000, 0, 0]);
    expect(flood(new RateLimiter(LIMITS, 7), "::1", o)).toEqual([2000, 0, 0]);
    expect(flood(new RateLimiter(LIMITS, 7), "::2", o)[0]).toBeLessThan(500);
  });

  test("limits nobody else while a million prefixes flood, in the same memory", () => {
    const limiter = new RateLimiter(LIMITS, 7);
    const from = { address: new Uint8Array(4), addressAt: 0, family: 4 } as const;
    const fair = client("203.0.113.1");
    for (let i = 0; i < 1_000_000; i++) {
      from.address.set([i >> 16, i >> 8, i]);
      limiter.take(from, KIND.ANSWER, i >> 8);
      if (i % 10_000 === 0) expect(limiter.take(fair, KIND.ANSWER, i >> 8)).toBe(SEND.ANSWER);
    }
  });
});
