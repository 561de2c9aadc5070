import { Fault } from "../../base/fault.ts";

/** The flag of commands whose word may end by itself. */
export const UNTIL = [
  "--until <time>",
  "when that ends: ISO 8601, or how long it lasts, such as 90s, 30m, 2h, 1d",
] as const;

export interface UntilFlags {
  readonly until?: string;
}

/** @throws Fault `bad-input`: what has ended already would change nothing */
export function endOf({ until }: UntilFlags, nowMs = Date.now()): { until?: string } {
  if (until === undefined) return {};
  const end = endAt(until, nowMs);
  if (Date.parse(end) > nowMs || Number.isNaN(Date.parse(end))) return { until: end };
  const problem = { path: "--until", message: "expected a time to come", received: until };
  throw new Fault("bad-input", "", { problems: [problem] });
}

/**
 * A time as ISO 8601, from that or from how long it lasts. What is neither goes on as it is.
 *
 * @example endAt("2h", 0) // "1970-01-01T02:00:00.000Z"
 */
export function endAt(text: string, nowMs: number): string {
  const [, count, unit = ""] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit];
  if (count !== undefined && unitMs !== undefined) {
    return new Date(nowMs + Number(count) * unitMs).toISOString();
  }
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? text : new Date(atMs).toISOString();
}
