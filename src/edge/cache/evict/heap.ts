import { grown, NONE, type Slots } from "./slots.ts";

/** A binary heap of slots, the least worth on top; `place` in the table says where each one is. */
export class Heap {
  readonly #slots: Slots;
  #heap = new Uint32Array(0);
  count = 0;
  bytes = 0;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  get ownBytes(): number {
    return this.#heap.byteLength;
  }

  get least(): number {
    return this.count === 0 ? NONE : this.#heap[0]!;
  }

  push(slot: number): void {
    if (this.count === this.#heap.length) {
      const room = Math.max(16, Math.ceil(this.count * 1.25));
      this.#heap = grown(this.#heap, new Uint32Array(room));
    }
    this.bytes += this.#slots.bytes[slot]!;
    this.#up(this.count++, slot);
  }

  remove(slot: number): void {
    const at = this.#slots.place[slot]!;
    const last = this.#heap[--this.count]!;
    this.bytes -= this.#slots.bytes[slot]!;
    if (last === slot) return;
    this.#slots.place[last] = at;
    this.#heap[at] = last;
    this.moved(last);
  }

  /** Its worth changed. */
  moved(slot: number): void {
    const at = this.#slots.place[slot]!;
    this.#up(at, slot);
    this.#down(this.#slots.place[slot]!, slot);
  }

  #up(from: number, slot: number): void {
    const { worth, place } = this.#slots;
    const own = worth[slot]!;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#heap[parent]!;
      if (worth[above]! <= own) break;
      this.#heap[at] = above;
      place[above] = at;
      at = parent;
    }
    this.#heap[at] = slot;
    place[slot] = at;
  }

  #down(from: number, slot: number): void {
    const { worth, place } = this.#slots;
    const own = worth[slot]!;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.count) break;
      const right = child + 1;
      if (right < this.count && worth[this.#heap[right]!]! < worth[this.#heap[child]!]!) {
        child = right;
      }
      const below = this.#heap[child]!;
      if (worth[below]! >= own) break;
      this.#heap[at] = below;
      place[below] = at;
      at = child;
    }
    this.#heap[at] = slot;
    place[slot] = at;
  }
}
