import type { Evictor } from "./evictor.ts";
import { Ghost } from "./ghost.ts";
import { List } from "./list.ts";
import { NONE, type Slots } from "./slots.ts";

const ON_PROBATION = 0;
const MAIN = 1;
const HITS_MAX = 3;
/** Hits on probation that make it stay. */
const PROVEN_HITS = 2;

/**
 * S3-FIFO (Yang et al., SOSP 2023): newcomers pass through a short queue; who was hit there, or
 * comes back soon after it was evicted from it, enters the main queue, which spares each hit once.
 */
export class S3Fifo implements Evictor {
  readonly #slots: Slots;
  readonly #probation: List;
  readonly #main: List;
  readonly #ghost = new Ghost();

  constructor(slots: Slots) {
    this.#slots = slots;
    this.#probation = new List(slots);
    this.#main = new List(slots);
  }

  get count(): number {
    return this.#probation.count + this.#main.count;
  }

  get bytes(): number {
    return this.#probation.bytes + this.#main.bytes;
  }

  get probationBytes(): number {
    return this.#probation.bytes;
  }

  get ownBytes(): number {
    return this.#ghost.ownBytes;
  }

  insert(slot: number): void {
    const { hash, hits, mark } = this.#slots;
    const known = this.#ghost.takeBack(hash[slot]!, this.#slots.ghosts(this.count));
    hits[slot] = 0;
    mark[slot] = known ? MAIN : ON_PROBATION;
    (known ? this.#main : this.#probation).push(slot);
  }

  restore(slot: number): void {
    this.#slots.hits[slot] = 0;
    this.#slots.mark[slot] = MAIN;
    this.#main.push(slot);
  }

  find(slot: number): void {
    const { hits } = this.#slots;
    if (hits[slot]! < HITS_MAX) hits[slot]!++;
  }

  toEvict(fromProbation: boolean): number {
    const { hash, hits, mark } = this.#slots;
    if (fromProbation || this.#main.count === 0) {
      for (let slot = this.#probation.oldest; slot !== NONE; slot = this.#probation.oldest) {
        if (hits[slot]! < PROVEN_HITS) {
          this.#ghost.add(hash[slot]!, this.#slots.ghosts(this.count));
          return slot;
        }
        this.#probation.remove(slot);
        hits[slot] = 0;
        mark[slot] = MAIN;
        this.#main.push(slot);
      }
    }
    for (let slot = this.#main.oldest; slot !== NONE; slot = this.#main.oldest) {
      if (hits[slot] === 0) return slot;
      hits[slot]!--;
      this.#main.remove(slot);
      this.#main.push(slot);
    }
    return this.#probation.oldest;
  }

  remove(slot: number): void {
    (this.#slots.mark[slot] === MAIN ? this.#main : this.#probation).remove(slot);
  }
}
