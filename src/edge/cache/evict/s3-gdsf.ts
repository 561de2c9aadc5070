import type { Evictor } from "./evictor.ts";
import { Ghost } from "./ghost.ts";
import { Heap } from "./heap.ts";
import { List } from "./list.ts";
import { NONE, type Slots } from "./slots.ts";

const ON_PROBATION = 0;
const MAIN = 1;
/** What being held since a second later adds to an object's worth: less than anything else. */
const PART_PER_SEC = 1e-13;

export interface S3GdsfOptions {
  /** How much size counts: worth is hits / bytes^sizePower. 1: for most hits; 0: for most bytes. */
  readonly sizePower: number;
  /** Objects below this part of the mean size need no hit on probation to stay. */
  readonly smallPart: number;
}

/** For a tier where a hit is a hit, whatever its size. */
export const MOST_HITS: S3GdsfOptions = { sizePower: 1, smallPart: 0.5 };
/** For a tier that saves origins their bytes. */
export const MOST_BYTES: S3GdsfOptions = { sizePower: 0, smallPart: 0 };

/**
 * Our own: newcomers pass the short queue and the ghost of S3-FIFO; those who stay are ranked as in
 * GDSF. Hits only count; an object's worth is brought up to date when it is about to go.
 *
 *   leaves probation           ->
 *   hit there                  main; whoever has most on probation pays for it
 *   small, never hit           main, but main itself gives up as many bytes (the debt)
 *   else                       evicted, and known to the ghost: back soon, it enters main at once
 *
 * So a flood of small objects that nobody asks for again displaces only its own kind.
 */
export class S3Gdsf implements Evictor {
  readonly #slots: Slots;
  readonly #probation: List;
  readonly #main: Heap;
  readonly #ghost = new Ghost();
  readonly #o: S3GdsfOptions;
  #level = 0;
  /** Bytes that entered main without a hit and are still to be made up for. */
  #debt = 0;

  constructor(slots: Slots, o: S3GdsfOptions) {
    this.#slots = slots;
    this.#probation = new List(slots);
    this.#main = new Heap(slots);
    this.#o = o;
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
    return this.#main.ownBytes + this.#ghost.ownBytes;
  }

  insert(slot: number): void {
    const { hash, hits, mark } = this.#slots;
    hits[slot] = 0;
    if (this.#ghost.takeBack(hash[slot]!, this.#slots.ghosts(this.count))) {
      this.#enter(slot, 1);
    } else {
      mark[slot] = ON_PROBATION;
      this.#probation.push(slot);
    }
  }

  restore(slot: number, heldSinceSec: number): void {
    // Where size does not count, all are worth the same: the older ones go first.
    this.#enter(slot, 1, 1 + PART_PER_SEC * heldSinceSec);
  }

  #enter(slot: number, frequency: number, times = 1): void {
    const { hits, mark, worth } = this.#slots;
    mark[slot] = MAIN;
    hits[slot] = 0;
    this.#slots.frequency[slot] = frequency;
    worth[slot] = this.#value(slot) * times;
    this.#main.push(slot);
  }

  #value(slot: number): number {
    const { frequency, bytes } = this.#slots;
    const { sizePower } = this.#o;
    const size = Math.max(1, bytes[slot]!);
    return this.#level + frequency[slot]! / (sizePower === 1 ? size : size ** sizePower);
  }

  find(slot: number): void {
    const { hits } = this.#slots;
    if (hits[slot]! < 255) hits[slot]!++;
  }

  toEvict(fromProbation: boolean): number {
    if (fromProbation || this.#main.count === 0) {
      const slot = this.#fromProbation();
      if (slot !== NONE) return slot;
    }
    return this.#leastOfMain();
  }

  #fromProbation(): number {
    const { hash, hits, bytes } = this.#slots;
    for (let slot = this.#probation.oldest; slot !== NONE; slot = this.#probation.oldest) {
      if (this.#debt > 0 && this.#main.count > 0) {
        const least = this.#leastOfMain();
        this.#debt -= bytes[least]!;
        return least;
      }
      const small = this.#main.count > 0 && bytes[slot]! * this.count < this.#smallSum();
      if (hits[slot] === 0 && !small) {
        this.#ghost.add(hash[slot]!, this.#slots.ghosts(this.count));
        return slot;
      }
      if (hits[slot] === 0) this.#debt += bytes[slot]!;
      this.#probation.remove(slot);
      this.#enter(slot, hits[slot]! + 1);
    }
    return NONE;
  }

  #smallSum(): number {
    return this.#o.smallPart * this.bytes;
  }

  #leastOfMain(): number {
    const { hits, worth, frequency } = this.#slots;
    for (let slot = this.#main.least; slot !== NONE; slot = this.#main.least) {
      if (hits[slot] === 0) {
        this.#level = worth[slot]!;
        return slot;
      }
      frequency[slot] = Math.min(65_535, frequency[slot]! + hits[slot]!);
      hits[slot] = 0;
      worth[slot] = this.#value(slot);
      this.#main.moved(slot);
    }
    return this.#probation.oldest;
  }

  remove(slot: number): void {
    if (this.#slots.mark[slot] === MAIN) this.#main.remove(slot);
    else this.#probation.remove(slot);
  }
}
