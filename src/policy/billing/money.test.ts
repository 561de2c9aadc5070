import { expect, test } from "bun:test";
import fc from "fast-check";
import {
  formatCents,
  formatMicros,
  parseCents,
  parseMicros,
  roundHalfEven,
  roundHalfUp,
} from "./money.ts";
import { monthOf, periodEndMs, periodStartMs } from "./month.ts";
import { formatQuantity, toBase } from "./quantity.ts";

test("parseMicros() reads a decimal amount exactly", () => {
  expect(parseMicros("12.50")).toBe(12_500_000n);
  expect(parseMicros("0.000001")).toBe(1n);
  expect(parseMicros("999999999999")).toBe(999_999_999_999_000_000n);
  expect(() => parseMicros("1e3")).toThrow("checked when it was read");
  expect(() => parseMicros("-1")).toThrow();
});

test("formatMicros() and parseMicros() undo each other", () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 10n ** 17n), (micros) => {
      expect(parseMicros(formatMicros(micros))).toBe(micros);
    }),
  );
  expect(formatMicros(85_000n)).toBe("0.085");
  expect(formatMicros(10_000_000n)).toBe("10.00");
});

test("formatCents() and parseCents() undo each other", () => {
  fc.assert(
    fc.property(fc.bigInt(0n, 10n ** 14n), (cents) => {
      expect(parseCents(formatCents(cents))).toBe(cents);
    }),
  );
});

test("a half is rounded up on a line and to the even one in a quantity", () => {
  expect([1n, 3n, 5n].map((n) => roundHalfUp(n, 2n))).toEqual([1n, 2n, 3n]);
  expect([1n, 3n, 5n].map((n) => roundHalfEven(n, 2n))).toEqual([0n, 2n, 2n]);
  fc.assert(
    fc.property(fc.bigInt(0n, 10n ** 20n), fc.bigInt(1n, 10n ** 10n), (n, d) => {
      for (const rounded of [roundHalfUp(n, d), roundHalfEven(n, d)]) {
        const off = rounded * d - n;
        expect((off < 0n ? -off : off) * 2n <= d).toBe(true);
      }
    }),
  );
});

test("a unit of a plan becomes whole bytes by its decimal form", () => {
  expect(toBase(0.1, "gigabytes")).toBe(100_000_000n);
  expect(toBase(1e-7, "gigabytes")).toBe(100n);
  expect(toBase(1.5e21, "gigabytes")).toBe(1_500_000_000_000_000_000_000_000_000_000n);
  expect(toBase(5e-10, "gigabytes")).toBe(0n);
  expect(toBase(1.5e-9, "gigabytes")).toBe(2n);
  expect(toBase(2.5, "million-requests")).toBe(2_500_000n);
});

test("formatQuantity() is exact", () => {
  expect(formatQuantity(1_500_000n, "gigabytes")).toBe("0.0015");
  expect(formatQuantity(0n, "gigabytes")).toBe("0");
  expect(formatQuantity(2_000_000n, "million-queries")).toBe("2");
});

test("a month is a calendar month in UTC", () => {
  expect(periodStartMs("2026-12")).toBe(Date.UTC(2026, 11, 1));
  expect(periodEndMs("2026-12")).toBe(Date.UTC(2027, 0, 1));
  expect(monthOf(periodEndMs("2026-02") - 1)).toBe("2026-02");
  expect(monthOf(periodEndMs("2026-02"))).toBe("2026-03");
});
