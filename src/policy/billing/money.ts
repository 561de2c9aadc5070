import { assert } from "../../base/assert.ts";

/** Money is a bigint of micros: 1e-6 of the currency. */
export const CENT_MICROS = 10_000n;

/**
 * A decimal amount as micros. At most six places, no sign, no exponent (`amount` in model/plan).
 *
 * @example parseMicros("12.5") // 12_500_000n
 */
export function parseMicros(text: string): bigint {
  const match = /^(\d{1,15})(?:\.(\d{1,6}))?$/.exec(text);
  assert(match !== null, `An amount was checked when it was read: received ${text}`);
  return BigInt(match[1] ?? "0") * 1_000_000n + BigInt((match[2] ?? "").padEnd(6, "0"));
}

/**
 * Micros as the shortest decimal with at least two places.
 *
 * @example formatMicros(85_000n) // "0.085"
 */
export function formatMicros(micros: bigint): string {
  assert(micros >= 0n, "An amount is never negative");
  const places = (micros % 1_000_000n)
    .toString()
    .padStart(6, "0")
    .replace(/0{1,4}$/, "");
  return `${micros / 1_000_000n}.${places}`;
}

/** @example formatCents(1250n) // "12.50" */
export function formatCents(cents: bigint): string {
  assert(cents >= 0n, "An amount on an invoice is never negative");
  return `${cents / 100n}.${(cents % 100n).toString().padStart(2, "0")}`;
}

/** @example parseCents("12.50") // 1250n */
export function parseCents(text: string): bigint {
  return parseMicros(text) / CENT_MICROS;
}

/** The whole number nearest to the fraction; a half goes up. Neither part is negative. */
export function roundHalfUp(numerator: bigint, denominator: bigint): bigint {
  assert(numerator >= 0n && denominator > 0n, "A fraction to round is not negative");
  return (numerator * 2n + denominator) / (denominator * 2n);
}

/** The whole number nearest to the fraction; a half goes to the even one. */
export function roundHalfEven(numerator: bigint, denominator: bigint): bigint {
  assert(numerator >= 0n && denominator > 0n, "A fraction to round is not negative");
  const whole = numerator / denominator;
  const twice = (numerator % denominator) * 2n;
  if (twice > denominator) return whole + 1n;
  if (twice < denominator) return whole;
  return whole % 2n === 0n ? whole : whole + 1n;
}
