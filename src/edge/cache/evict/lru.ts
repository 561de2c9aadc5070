import type { Evictor } from "./evictor.ts";
import { List } from "./list.ts";
import type { Slots } from "./slots.ts";

/** Evicts the one that was not asked for the longest. */
export class Lru implements Evictor {
  readonly probationBytes = 0;
  readonly ownBytes = 0;
  readonly #list: List;

  constructor(slots: Slots) {
    this.#list = new List(slots);
  }

  get count(): number {
    return this.#list.count;
  }

  get bytes(): number {
    return this.#list.bytes;
  }

  insert(slot: number): void {
    this.#list.push(slot);
  }

  restore(slot: number): void {
    this.insert(slot);
  }

  find(slot: number): void {
    this.#list.remove(slot);
    this.#list.push(slot);
  }

  toEvict(): number {
    return this.#list.oldest;
  }

  remove(slot: number): void {
    this.#list.remove(slot);
  }
}
