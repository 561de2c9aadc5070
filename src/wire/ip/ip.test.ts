import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  compilePrefixes,
  formatAddress,
  formatPrefix,
  isSpecialPurpose,
  parseAddress,
  parsePrefix,
  plainAddress,
  prefixContains,
  vetAddress,
} from "./mod.ts";

describe("parseAddress() and formatAddress()", () => {
  test("give back every address in its canonical form", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      // Many zero groups, where the shortening is.
      fc.array(fc.constantFrom(0, 0, 0, 1, 255), { minLength: 16, maxLength: 16 }).map((a) => {
        return Uint8Array.from(a);
      }),
    );
    fc.assert(
      fc.property(bytes, (address) => {
        expect(parseAddress(formatAddress(address))).toEqual(address);
      }),
      { numRuns: 500 },
    );
  });

  test("use the canonical form of RFC 5952", () => {
    const format = (text: string) => formatAddress(parseAddress(text)!);
    expect(format("2001:DB8:0:0:1:0:0:1")).toBe("2001:db8::1:0:0:1");
    expect(format("2001:db8:0:1:1:1:1:1")).toBe("2001:db8:0:1:1:1:1:1");
    expect(format("0:0:0:0:0:0:0:0")).toBe("::");
    expect(format("::ffff:192.0.2.1")).toBe("::ffff:192.0.2.1");
    expect(format("64:ff9b::192.0.2.33")).toBe("64:ff9b::c000:221");
  });

  test("refuse every notation that readers disagree about", () => {
    const odd = `1.2.3 1.2.3.4.5 01.2.3.4 0x7f.0.0.1 2130706433 1.2.3.256 1.2.3.-1 1.2.3.4. ::1::
      1::2::3 :1 1: 12345::1 ::1.2.3 1:2:3:4:5:6:7:8:9 1:2:3:4:5:6:7 fe80::1%eth0 ::1.2.3.4:5
      [::1] g::1 1.2.3.4::1 1:2:3:4:5:6:7::8::`.split(/\s+/);
    odd.push("", " 1.2.3.4");
    for (const text of odd) expect([text, parseAddress(text)]).toEqual([text, null]);
  });
});

describe("parsePrefix()", () => {
  test("clears host bits and knows its members", () => {
    const prefix = parsePrefix("198.51.100.77/26")!;
    expect(formatPrefix(prefix)).toBe("198.51.100.64/26");
    expect(prefixContains(prefix, parseAddress("198.51.100.127")!)).toBe(true);
    expect(prefixContains(prefix, parseAddress("198.51.100.128")!)).toBe(false);
    expect(prefixContains(prefix, parseAddress("::1")!)).toBe(false);
    expect(formatPrefix(parsePrefix("2001:db8::1")!)).toBe("2001:db8::1/128");
  });

  test("refuses lengths out of range", () => {
    for (const text of ["1.2.3.4/33", "::/129", "1.2.3.4/", "1.2.3.4/08", "1.2.3.4/-1", "/8"]) {
      expect([text, parsePrefix(text)]).toEqual([text, null]);
    }
  });
});

describe("vetAddress()", () => {
  const strict = { allowPrivate: false, ranges: [] };
  const lab = { allowPrivate: true, ranges: [] };

  test("accepts public addresses", () => {
    for (const text of ["8.8.8.8", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001::1"]) {
      expect([text, vetAddress(text, strict), isSpecialPurpose(text)]).toEqual([text, null, false]);
    }
  });

  test("refuses special blocks in every notation", () => {
    const refused = `0.0.0.0 10.1.2.3 100.64.0.1 127.0.0.1 169.254.169.254 172.31.255.255 192.0.0.8
      192.0.2.1 192.168.1.1 198.19.0.1 203.0.113.9 224.0.0.1 255.255.255.255 :: ::1 ::127.0.0.1
      ::ffff:127.0.0.1 ::ffff:a9fe:a9fe 64:ff9b::7f00:1 64:ff9b:1::1 2002:7f00:1::1 2001::1
      2001:db8::1 fc00::1 fd00:ec2::254 fe80::1 ff02::1 0177.0.0.1 0x7f000001 2130706433 localhost
      fe80::1%lo`.split(/\s+/);
    for (const text of refused) {
      expect([text, vetAddress(text, strict) !== null]).toEqual([text, true]);
      expect([text, isSpecialPurpose(text)]).toEqual([text, true]);
    }
  });

  test("lets a lab use loopback and private blocks, but no metadata service or other notation", () => {
    for (const text of ["127.3.0.1", "10.0.0.1", "192.0.2.7", "::1", "fd00::1", "2001:db8::1"]) {
      expect([text, vetAddress(text, lab)]).toEqual([text, null]);
    }
    for (const text of ["169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a00:1", "0.0.0.0", "::"]) {
      expect([text, vetAddress(text, lab) !== null]).toEqual([text, true]);
    }
  });

  test("lets the operator's ranges be used and nothing beside them", () => {
    const rules = { allowPrivate: false, ranges: ["10.20.0.0/16", "no prefix"] };
    expect(vetAddress("10.20.3.4", rules)).toBeNull();
    expect(vetAddress("10.21.3.4", rules)).toBe(
      "in a block that is not for public servers (private use)",
    );
  });
});

describe("compilePrefixes()", () => {
  const find = (entries: Parameters<typeof compilePrefixes>[0], text: string) => {
    const address = parseAddress(text)!;
    return compilePrefixes(entries).find(address, address.length === 4 ? 4 : 6);
  };

  test("finds the longest prefix and its length", () => {
    const entries = [
      { prefix: "198.51.0.0/16", value: 1 },
      { prefix: "198.51.100.0/24", value: 2 },
      { prefix: "2001:db8::/32", value: 3 },
    ];
    expect(find(entries, "198.51.100.9")).toEqual({ value: 2, bits: 24 });
    expect(find(entries, "2001:db8:1::1")).toEqual({ value: 3, bits: 32 });
  });

  test("narrows the scope until no prefix with another value lies inside", () => {
    const entries = [
      { prefix: "198.51.0.0/16", value: 1 },
      { prefix: "198.51.100.0/24", value: 2 },
    ];
    // 198.51.64.0/18 holds the /24, so 198.51.0.0/18 is the widest block without it.
    expect(find(entries, "198.51.0.1")).toEqual({ value: 1, bits: 18 });
    expect(find(entries, "198.51.200.1")).toEqual({ value: 1, bits: 17 });
    expect(find(entries, "198.51.101.1")).toEqual({ value: 1, bits: 24 });
  });

  test("gives an uncovered address value 0 and the shortest block without a prefix", () => {
    expect(find([], "192.0.2.1")).toEqual({ value: 0, bits: 0 });
    expect(find([{ prefix: "198.51.100.0/24", value: 2 }], "10.0.0.1")).toEqual({
      value: 0,
      bits: 1,
    });
    expect(find([{ prefix: "198.51.100.0/24", value: 2 }], "2001:db8::1").bits).toBe(0);
  });

  test("does not match a prefix longer than what is known of the address", () => {
    const table = compilePrefixes([
      { prefix: "198.51.0.0/16", value: 1 },
      { prefix: "198.51.0.0/24", value: 2 },
    ]);
    const address = parseAddress("198.51.0.0")!;
    expect(table.lookup(address, 0, 4, 20)).toBe(1 * 256 + 20);
    expect(table.lookup(address, 0, 4, 24)).toBe(2 * 256 + 24);
    expect(table.lookup(address, 0, 4, 8)).toBe(8);
  });

  test("is right for every address of the scope it returns, in both families", () => {
    // Prefixes and addresses in a space of 8 bits, so that all of it can be walked.
    const entry = fc.record({
      at: fc.integer({ min: 0, max: 255 }),
      bits: fc.integer({ min: 0, max: 8 }),
      value: fc.integer({ min: 0, max: 3 }),
    });
    const shapes = [
      { family: 4 as const, shift: 24, text: (n: number) => `${n}.0.0.0` },
      { family: 6 as const, shift: 0, text: (n: number) => `${(n << 8).toString(16)}::` },
    ];
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 12 }), (drawn) => {
        // Once per place, so that the order of equal prefixes does not matter.
        const byPlace = new Map(
          drawn.map((e) => [`${e.at >> (8 - e.bits)}/${e.bits}`, e] as const),
        );
        const entries = [...byPlace.values()];
        const expected = Array.from({ length: 256 }, (_, n) => {
          const covering = entries.filter((e) => n >> (8 - e.bits) === e.at >> (8 - e.bits));
          return covering.sort((a, b) => b.bits - a.bits)[0]?.value ?? 0;
        });
        for (const shape of shapes) {
          const table = compilePrefixes(
            entries.map((e) => ({ prefix: `${shape.text(e.at)}/${e.bits}`, value: e.value })),
          );
          for (let n = 0; n < 256; n++) {
            const found = table.find(parseAddress(shape.text(n))!, shape.family);
            expect(found.value).toBe(expected[n]!);
            expect(found.bits).toBeLessThanOrEqual(8);
            const first = (n >> (8 - found.bits)) << (8 - found.bits);
            for (let m = first; m < first + (1 << (8 - found.bits)); m++) {
              expect(expected[m]!).toBe(found.value);
            }
          }
        }
      }),
      { numRuns: 40 },
    );
  });
});

test("plainAddress() takes IPv4 out of IPv6's clothes, and nothing else", () => {
  expect(plainAddress("::ffff:192.0.2.1")).toBe("192.0.2.1");
  expect(plainAddress("::FFFF:192.0.2.1")).toBe("192.0.2.1");
  for (const same of ["192.0.2.1", "2001:db8::1", "::1", "::ffff:0:1", "-", "unknown", ""]) {
    expect(plainAddress(same)).toBe(same);
  }
});
