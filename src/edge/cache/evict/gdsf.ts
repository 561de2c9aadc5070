import type { Evictor } from "./evictor.ts";
import { Heap } from "./heap.ts";
import { NONE, type Slots } from "./slots.ts";

/**
 * Greedy-Dual-Size-Frequency (Cherkasova 1998): an object is worth its hits per byte, counted from
 * the worth of the last one evicted, so that what was popular once gives way.
 */
export class Gdsf implements Evictor {
  readonly probationBytes = 0;
  readonly #slots: Slots;
  readonly #heap: Heap;
  #level = 0;

  constructor(slots: Slots) {
    this.#slots = slots;
    this.#heap = new Heap(slots);
  }

  get count(): number {
    return this.#heap.count;
  }

  get bytes(): number {
    return this.#heap.bytes;
  }

  get ownBytes(): number {
    return this.#heap.ownBytes;
  }

  insert(slot: number): void {
    this.#slots.frequency[slot] = 1;
    this.#value(slot);
    this.#heap.push(slot);
  }

  restore(slot: number): void {
    this.insert(slot);
  }

  find(slot: number): void {
    const { frequency } = this.#slots;
    if (frequency[slot]! < 65_535) frequency[slot]!++;
    this.#value(slot);
    this.#heap.moved(slot);
  }

  #value(slot: number): void {
    const { worth, frequency, bytes } = this.#slots;
    worth[slot] = this.#level + frequency[slot]! / Math.max(1, bytes[slot]!);
  }

  toEvict(): number {
    const least = this.#heap.least;
    if (least !== NONE) this.#level = this.#slots.worth[least]!;
    return least;
  }

  remove(slot: number): void {
    this.#heap.remove(slot);
  }
}
