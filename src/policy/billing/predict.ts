import type { Plan } from "../../model/plan.ts";
import { chargeMonth, type UsageTotal } from "./rate.ts";

/** The month that predictions are of, ms: 30 days. */
export const PREDICTED_MS = 30 * 86_400_000;

/** What was counted in a while, as a month of the same would count it. */
export function monthOfUsage(usage: UsageTotal, spanMs: number): UsageTotal {
  const span = BigInt(Math.max(1, Math.round(spanMs)));
  const month = (n: bigint) => (n * BigInt(PREDICTED_MS)) / span;
  return {
    bytesOut: month(usage.bytesOut),
    requests: month(usage.requests),
    queries: month(usage.queries),
  };
}

/**
 * What a month of so much usage would cost, in cents: fees and usage, but no lump sum, which is paid
 * once.
 *
 * @example predictCents(plan, { bytesOut: 0n, requests: 0n, queries: 0n })
 */
export function predictCents(plan: Plan, month: UsageTotal): bigint {
  const charges = chargeMonth(plan, month, { monthly: true, lumpSum: false });
  return charges.reduce((sum, { cents }) => sum + cents, 0n);
}
