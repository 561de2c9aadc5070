import type { PurgePlace } from "../../model/purge.ts";

/** From this number on, to before the next one's; null: nobody is told of these numbers any more. */
export interface TermFrom {
  readonly first: number;
  readonly term: string | null;
}

/** Numbers from before there were terms. */
const BEFORE: TermFrom = { first: 0, term: "" };

/** @param log by their first numbers; so of all below */
export function termOf(log: readonly TermFrom[], number: number): string | null {
  return (log.findLast(({ first }) => first <= number) ?? BEFORE).term;
}

/**
 * The last number up to which a place's log is this one: the last that both gave under one term. The place
 * is in this log where that is its own number.
 *
 *   place   A 1-3                  A 1-3                  no terms, 3
 *   log     A 1-2, B 3-5           A 1-2                  any, up to 5
 *   shared  2                      2                      3
 */
export function lastShared(log: readonly TermFrom[], latest: number, place: PurgePlace): number {
  const { after, terms = [] } = place;
  if (terms.length === 0) return Math.min(after, latest);
  let shared = 0;
  for (const [i, { first, term }] of [BEFORE, ...log].entries()) {
    const last = Math.min((log[i]?.first ?? latest + 1) - 1, latest);
    for (const their of terms) {
      const to = Math.min(last, their.to);
      if (their.term === term && to >= Math.max(first, their.from)) shared = Math.max(shared, to);
    }
  }
  return shared;
}

/** Whether all that came after `shared` has numbers above `after`: whoever parted there is told it all. */
export function hasLeapt(log: readonly TermFrom[], after: number, shared: number): boolean {
  return log.some(({ first, term }, i) => {
    const next = log[i + 1];
    return term === null && first <= shared + 1 && next !== undefined && next.first > after;
  });
}
