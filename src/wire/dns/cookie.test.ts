import { describe, expect, test } from "bun:test";
import { familyOf, parseAddress } from "../ip/mod.ts";
import { COOKIE, type CookieAsker, Cookies, sipHash24 } from "./cookie.ts";

const SECRET = "e5e973e5a6b2a43f48e7dc849e37bfcf";
const hex = (text: string) => Uint8Array.from(Buffer.from(text, "hex"));

function asker(address: string, cookie: string): CookieAsker {
  const parsed = parseAddress(address)!;
  return { bytes: hex(cookie), address: parsed, addressAt: 0, family: familyOf(parsed) };
}

function make(secrets: readonly string[], from: CookieAsker, nowSec: number): string {
  const out = new Uint8Array(24);
  new Cookies(secrets.map(hex)).make(from, 0, { out, nowSec });
  return Buffer.from(out).toString("hex");
}

function judge(secrets: readonly string[], from: CookieAsker, nowSec: number): number {
  return new Cookies(secrets.map(hex)).judge(from, 0, nowSec);
}

describe("sipHash24()", () => {
  test("is that of its authors' test vectors", () => {
    const key = new Int32Array(Uint8Array.from({ length: 16 }, (_, i) => i).buffer);
    const input = Uint8Array.from({ length: 64 }, (_, i) => i);
    const of = (size: number) => {
      const out = new Uint8Array(8);
      sipHash24(key, input, { size, out });
      return Buffer.from(out).toString("hex");
    };
    expect([of(0), of(1), of(15)]).toEqual([
      "310e0edd47db6f72",
      "fd67dc93c539f874",
      "e545be4961ca29a1",
    ]);
  });
});

describe("Cookies", () => {
  const v4 = asker("198.51.100.100", "2464c4abcf10c957");
  const whole = asker("198.51.100.100", "2464c4abcf10c957010000005cf79f111f8130c3eee29480");
  const madeSec = 1559731985;

  test("makes the cookies of RFC 9018, appendix A", () => {
    expect(make([SECRET], v4, madeSec)).toBe("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
    expect(make([SECRET], v4, 1559734385)).toBe("2464c4abcf10c957010000005cf7a871d4a564a1442aca77");
    const other = asker("203.0.113.203", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
    // Reserved octets that are set count as they were sent.
    expect(judge([SECRET], other, 1559727985)).toBe(COOKIE.FRESH);
    expect(make([SECRET], other, 1559734700)).toBe(
      "fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e",
    );
    const v6 = asker("2001:db8:220:1:59de:d0f4:8769:82b8", "22681ab97d52c298");
    expect(make(["445536bcd2513298075a5d379663c962"], v6, 1559741961)).toBe(
      "22681ab97d52c298010000005cf7c609a6bb79d16625507a",
    );
  });

  test("are accepted for an hour and five minutes ahead, and renewed after half an hour (D8)", () => {
    const at = (sec: number) => judge([SECRET], whole, madeSec + sec);
    expect([at(0), at(1800), at(-300)]).toEqual([COOKIE.FRESH, COOKIE.FRESH, COOKIE.FRESH]);
    expect([at(1801), at(3600)]).toEqual([COOKIE.OLD, COOKIE.OLD]);
    expect([at(3601), at(-301), at(-4000)]).toEqual([COOKIE.NONE, COOKIE.NONE, COOKIE.NONE]);
  });

  test("pass 2038 and 2106", () => {
    for (const nowSec of [2 ** 31 - 5, 2 ** 32 - 5]) {
      const later = asker("198.51.100.100", make([SECRET], v4, nowSec));
      expect(judge([SECRET], later, nowSec + 10)).toBe(COOKIE.FRESH);
    }
  });

  test("by an old secret are accepted and renewed while it is named, then no more (D8)", () => {
    const fresh = "dd3bdf9344b678b185a6f5cb60fca715";
    expect(judge([fresh, SECRET], whole, madeSec)).toBe(COOKIE.OLD);
    expect(judge([fresh], whole, madeSec)).toBe(COOKIE.NONE);
  });

  test("of another client, address, version or octet are worth nothing", () => {
    expect(judge([SECRET], { ...whole, address: parseAddress("198.51.100.101")! }, madeSec)).toBe(
      0,
    );
    for (let i = 0; i < 24; i++) {
      const bytes = Uint8Array.from(whole.bytes);
      bytes[i]! ^= 0x40;
      expect(judge([SECRET], { ...whole, bytes }, madeSec)).toBe(COOKIE.NONE);
    }
  });
});
