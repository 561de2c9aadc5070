import type { SnapshotGroup, SnapshotStep } from "../../model/snapshot.ts";
import type { Standing } from "./candidate.ts";

/** Whom a chain decides for. */
export interface FilterClient {
  readonly group: SnapshotGroup;
  /** The target that `assign()` gave this client group. */
  readonly assigned: string | undefined;
  /** It was given to the name that is asked, among the caches of the client group's pop. */
  readonly hashed?: boolean;
  /** Nobody asks why: verdicts on what is kept may be left out. */
  readonly brief?: boolean;
}

/**
 * One step of a chain: takes what is left, in the order so far; returns what it keeps, in its order.
 * It notes one verdict on each candidate. Pure but for that; never empties what it was given, except
 * where its own file says so.
 */
export type Filter<S extends SnapshotStep["filter"]> = (
  left: readonly Standing[],
  step: Extract<SnapshotStep, { readonly filter: S }>,
  client: FilterClient,
) => Standing[];

/** Ends a draw that an earlier step of the chain asked for: from here on order decides. */
export function orderDecides(left: readonly Standing[]): void {
  for (const standing of left) {
    standing.draw = 0;
    standing.stick = undefined;
  }
}
