import type { Evictor } from "./evictor.ts";
import { List } from "./list.ts";
import { NONE, type Slots } from "./slots.ts";

/**
 * SIEVE (Zhang et al., NSDI 2024): a hit sets a bit; a hand walks from the oldest to the newest,
 * spares what was asked for and evicts what was not. Nothing moves.
 */
export class Sieve implements Evictor {
  readonly probationBytes = 0;
  readonly ownBytes = 0;
  readonly #slots: Slots;
  readonly #list: List;
  #hand = NONE;

  constructor(slots: Slots) {
    this.#slots = slots;
    this.#list = new List(slots);
  }

  get count(): number {
    return this.#list.count;
  }

  get bytes(): number {
    return this.#list.bytes;
  }

  insert(slot: number): void {
    this.#slots.hits[slot] = 0;
    this.#list.push(slot);
  }

  restore(slot: number): void {
    this.insert(slot);
  }

  find(slot: number): void {
    this.#slots.hits[slot] = 1;
  }

  toEvict(): number {
    const { hits, newer } = this.#slots;
    let hand = this.#hand === NONE ? this.#list.oldest : this.#hand;
    while (hand !== NONE && hits[hand] !== 0) {
      hits[hand] = 0;
      const next = newer[hand]!;
      hand = next === NONE ? this.#list.oldest : next;
    }
    this.#hand = hand;
    return hand;
  }

  remove(slot: number): void {
    if (this.#hand === slot) this.#hand = this.#slots.newer[slot]!;
    this.#list.remove(slot);
  }
}
