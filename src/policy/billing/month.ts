import { assert } from "../../base/assert.ts";

/**
 * The calendar month, UTC, that an instant belongs to.
 *
 * @example monthOf(Date.UTC(2026, 10, 22)) // "2026-11"
 */
export function monthOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 7);
}

/** The first millisecond of a month such as `2026-11`. */
export function periodStartMs(period: string): number {
  const [year, month] = parts(period);
  return Date.UTC(year, month - 1, 1);
}

/** The first millisecond after a month. */
export function periodEndMs(period: string): number {
  const [year, month] = parts(period);
  return Date.UTC(year, month, 1);
}

function parts(period: string): [number, number] {
  const match = /^(\d{4})-(0[1-9]|1[0-2])$/.exec(period);
  assert(match !== null, `A period was checked when it was read: received ${period}`);
  return [Number(match[1]), Number(match[2])];
}
