import type { Slots } from "./slots.ts";

/**
 * Decides what goes when room is needed. It holds slots of a `Slots` table; what the objects are,
 * and when room is needed, is the caller's. Each algorithm is one small file; all pass one suite
 * (evict.contract.ts).
 */
export interface Evictor {
  readonly count: number;
  readonly bytes: number;
  /** Bytes of those that were asked for only once so far, where the algorithm keeps them apart. */
  readonly probationBytes: number;
  /** Memory held beside the slot table: heaps, ghosts, sketches. */
  readonly ownBytes: number;
  /** Takes a slot that no evictor holds. */
  insert(slot: number): void;
  /**
   * Takes a slot that is no newcomer: it was held before a restart, or takes another's place. Of those
   * that are worth the same the one held since the earliest second may go first.
   */
  restore(slot: number, heldSinceSec: number): void;
  /** The object was asked for. */
  find(slot: number): void;
  /**
   * Whom to evict; NONE when it holds nothing. The caller removes it next. `fromProbation` says
   * whether those on probation have more than their part; see PROBATION_PART.
   */
  toEvict(fromProbation: boolean): number;
  /** Lets go of a slot that it holds: evicted, purged or replaced. */
  remove(slot: number): void;
}

export type MakeEvictor = (slots: Slots) => Evictor;

/** The part of all bytes that those on probation may have before one of them goes. */
export const PROBATION_PART = 0.1;

/** The part rule for an evictor that has everything to itself. */
export function nextOf(evictor: Evictor): number {
  return evictor.toEvict(evictor.probationBytes > PROBATION_PART * evictor.bytes);
}
