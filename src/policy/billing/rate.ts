import { unreachable } from "../../base/assert.ts";
import type { BilledUsage, InvoiceLine } from "../../model/invoice.ts";
import type { MeteredUnit, Plan } from "../../model/plan.ts";
import { CENT_MICROS, parseMicros, roundHalfUp } from "./money.ts";
import { formatQuantity, UNIT_BASE } from "./quantity.ts";
import { fillTiers, type Rate } from "./tier.ts";

/** Exact counts of one calendar month. */
export interface UsageTotal {
  readonly bytesOut: bigint;
  readonly requests: bigint;
  readonly queries: bigint;
}

/** What a month costs so far, one entry per line; `key` is the same whatever was used. */
export interface MonthCharge {
  readonly key: string;
  readonly kind: InvoiceLine["kind"];
  readonly text: string;
  readonly unit: MeteredUnit | null;
  /** Whole bytes, requests or queries; 1 for a fee. */
  readonly quantity: bigint;
  readonly priceMicros: bigint;
  /** quantity * price / unit, rounded once, half up. */
  readonly cents: bigint;
}

export function usageTotal(billed: BilledUsage): UsageTotal {
  return {
    bytesOut: BigInt(billed.bytesOut),
    requests: BigInt(billed.requests),
    queries: BigInt(billed.queries),
  };
}

/**
 * A month by its plan: usage so far, and whether its fees are asked for.
 *
 * fixed: the monthly fee, whatever is used.   variable: each rate's tiers.
 * lump-sum: the fee once, then nothing.       subscription: the monthly fee and each rate's tiers.
 *
 * @example chargeMonth(plan, usage, { monthly: true, lumpSum: false })
 */
export function chargeMonth(
  plan: Plan,
  usage: UsageTotal,
  due: { readonly monthly: boolean; readonly lumpSum: boolean },
): readonly MonthCharge[] {
  switch (plan.kind) {
    case "fixed":
      return due.monthly ? [fee("fixed", `${plan.title}, monthly fee`, plan.monthly)] : [];
    case "lump-sum":
      return due.lumpSum ? [fee("lump-sum", `${plan.title}, once`, plan.once)] : [];
    case "variable":
      return plan.rates.flatMap((rate, i) => chargeRate(rate, i, usage));
    case "subscription":
      return [
        ...(due.monthly
          ? [fee("subscription", `${plan.title}, monthly subscription`, plan.monthly)]
          : []),
        ...plan.rates.flatMap((rate, i) => chargeRate(rate, i, usage)),
      ];
    default:
      return unreachable(plan);
  }
}

function fee(kind: "fixed" | "lump-sum" | "subscription", text: string, price: string) {
  const priceMicros = parseMicros(price);
  const cents = roundHalfUp(priceMicros, CENT_MICROS);
  return { key: kind, kind, text, unit: null, quantity: 1n, priceMicros, cents } as const;
}

const COUNTER = {
  gigabytes: "bytesOut",
  "million-requests": "requests",
  "million-queries": "queries",
} as const satisfies Record<MeteredUnit, keyof UsageTotal>;

const WORDS = {
  gigabytes: ["Traffic", "GB"],
  "million-requests": ["Requests", "million"],
  "million-queries": ["Name lookups", "million"],
} as const satisfies Record<MeteredUnit, readonly [string, string]>;

function chargeRate(rate: Rate, index: number, usage: UsageTotal): MonthCharge[] {
  const [what, unitWord] = WORDS[rate.unit];
  return fillTiers(rate, usage[COUNTER[rate.unit]]).map((tier, i) => {
    const from = formatQuantity(tier.from, rate.unit);
    const span =
      tier.upTo === null
        ? tier.from === 0n
          ? ""
          : `, above ${from} ${unitWord}`
        : `, ${from} to ${formatQuantity(tier.upTo, rate.unit)} ${unitWord}`;
    const included = rate.included > 0 && i === 0 ? " included" : "";
    return {
      key: `usage/${index}/${i}`,
      kind: "usage",
      text: `${what}${included}${span}`,
      unit: rate.unit,
      quantity: tier.quantity,
      priceMicros: tier.priceMicros,
      cents: roundHalfUp(tier.quantity * tier.priceMicros, UNIT_BASE[rate.unit] * CENT_MICROS),
    };
  });
}
