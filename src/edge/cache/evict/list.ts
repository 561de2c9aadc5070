import { NONE, type Slots } from "./slots.ts";

/** A doubly linked list through the slot table: no memory of its own. */
export class List {
  readonly #slots: Slots;
  newest = NONE;
  oldest = NONE;
  count = 0;
  bytes = 0;

  constructor(slots: Slots) {
    this.#slots = slots;
  }

  push(slot: number): void {
    const { newer, older, bytes } = this.#slots;
    newer[slot] = NONE;
    older[slot] = this.newest;
    if (this.newest === NONE) this.oldest = slot;
    else newer[this.newest] = slot;
    this.newest = slot;
    this.count++;
    this.bytes += bytes[slot]!;
  }

  remove(slot: number): void {
    const { newer, older, bytes } = this.#slots;
    const next = newer[slot]!;
    const previous = older[slot]!;
    if (next === NONE) this.newest = previous;
    else older[next] = previous;
    if (previous === NONE) this.oldest = next;
    else newer[previous] = next;
    this.count--;
    this.bytes -= bytes[slot]!;
  }
}
