import type { Statuses, TtlRow } from "../../model/rules.ts";

/** The first row that is about this status; one without statuses is about 2xx and 3xx. */
export function ttlFor(rows: readonly TtlRow[], status: number): TtlRow | null {
  return rows.find((row) => inStatuses(row.status ?? ["2xx", "3xx"], status)) ?? null;
}

/** @example inStatuses([404, "5xx"], 503) // true */
export function inStatuses(statuses: Statuses, status: number): boolean {
  const family = `${Math.floor(status / 100)}xx`;
  return statuses.some((one) => one === status || one === family);
}
