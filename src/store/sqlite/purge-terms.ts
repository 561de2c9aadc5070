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

/**
 * Where a log of terms may begin: no more than `most` of those are kept that ended before `first`, the first
 * entry that is told one by one. The eldest that is kept then stands for all below it: who was told of those
 * under their own terms, and has heard nothing since, has parted from this log, and is told all anew.
 *
 *   log    A 1-9, B 10-19, C 20-29, D 30-     first 30, most 1
 *   kept                   C 1-29,  D 30-
 *
 * Numbers that nobody is told of stand for no others.
 */
export function eldestKept(log: readonly TermFrom[], first: number, most: number): number {
  const over = log.filter((_, i) => (log[i + 1]?.first ?? Number.POSITIVE_INFINITY) <= first);
  let eldest = Math.max(0, over.length - most);
  while (log[eldest]?.term === null && eldest > 0) eldest--;
  return eldest;
}

/** Whether all that came after `shared` has numbers above `after`: whoever parted there is told it all. */
export function hasLeapt(log: readonly TermFrom[], after: number, shared: number): boolean {
  return log.some(({ first, term }, i) => {
    const next = log[i + 1];
    return term === null && first <= shared + 1 && next !== undefined && next.first > after;
  });
}
