import { assert } from "../../base/assert.ts";
import type { MeteredUnit } from "../../model/plan.ts";
import { roundHalfEven } from "./money.ts";

/** What one unit is, counted in whole bytes, requests or queries. A gigabyte is 10^9 bytes. */
export const UNIT_BASE = {
  gigabytes: 1_000_000_000n,
  "million-requests": 1_000_000n,
  "million-queries": 1_000_000n,
} as const satisfies Record<MeteredUnit, bigint>;

/**
 * A plan's number of units as whole bytes, requests or queries: read from its shortest decimal
 * form, so 0.1 means a tenth. Below one of them it is rounded half to even.
 *
 * @example toBase(0.5, "gigabytes") // 500_000_000n
 */
export function toBase(units: number, unit: MeteredUnit): bigint {
  const match = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(units));
  assert(match !== null, `A quantity is a finite number, not negative: received ${units}`);
  const places = match[2] ?? "";
  const exponent = Number(match[3] ?? "0") - places.length;
  const digits = BigInt((match[1] ?? "0") + places) * UNIT_BASE[unit];
  return exponent >= 0
    ? digits * 10n ** BigInt(exponent)
    : roundHalfEven(digits, 10n ** BigInt(-exponent));
}

/**
 * A count in units, exactly, without trailing zeros.
 *
 * @example formatQuantity(1_500_000n, "gigabytes") // "0.0015"
 */
export function formatQuantity(base: bigint, unit: MeteredUnit): string {
  const size = UNIT_BASE[unit];
  const width = size.toString().length - 1;
  const places = (base % size).toString().padStart(width, "0").replace(/0+$/, "");
  return places === "" ? `${base / size}` : `${base / size}.${places}`;
}
