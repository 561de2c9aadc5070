import type { MeteredUnit } from "../../model/plan.ts";
import { parseMicros } from "./money.ts";
import { toBase } from "./quantity.ts";

export interface Rate {
  readonly unit: MeteredUnit;
  readonly included: number;
  readonly tiers: readonly { readonly upTo?: number | undefined; readonly price: string }[];
}

/** A stretch of a month's usage at one price. */
export interface FilledTier {
  /** Usage from here (whole bytes, requests or queries) ... */
  readonly from: bigint;
  /** ... to here; null without an end. */
  readonly upTo: bigint | null;
  /** How much of it was used. */
  readonly quantity: bigint;
  /** Per unit of the rate. */
  readonly priceMicros: bigint;
}

/**
 * Graduated tiers: usage fills them from the bottom, each at its own price. What is included
 * comes first, at price 0; limits count all usage of the month, the included part too. Usage
 * beyond the last limit takes the last price.
 *
 * @example fillTiers({ unit: "gigabytes", included: 1, tiers: [{ price: "0.10" }] }, 3_000_000_000n)
 */
export function fillTiers(rate: Rate, used: bigint): readonly FilledTier[] {
  const filled: FilledTier[] = [];
  let from = 0n;
  const fill = (upTo: bigint | null, priceMicros: bigint) => {
    if (upTo !== null && upTo <= from) return;
    const end = upTo === null || used < upTo ? used : upTo;
    filled.push({ from, upTo, quantity: end > from ? end - from : 0n, priceMicros });
    from = upTo ?? from;
  };
  if (rate.included > 0) fill(toBase(rate.included, rate.unit), 0n);
  rate.tiers.forEach((tier, i) => {
    const last = i === rate.tiers.length - 1;
    const upTo = tier.upTo === undefined || last ? null : toBase(tier.upTo, rate.unit);
    if (filled.at(-1)?.upTo !== null) fill(upTo, parseMicros(tier.price));
  });
  return filled;
}
