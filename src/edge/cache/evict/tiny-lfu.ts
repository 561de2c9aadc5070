import type { Evictor } from "./evictor.ts";
import { List } from "./list.ts";
import { NONE, type Slots } from "./slots.ts";

const WINDOW = 0;
const PROBATION = 1;
const PROTECTED = 2;
const WINDOW_PART = 0.01;
const PROTECTED_PART = 0.8;

/**
 * W-TinyLFU (Einziger, Friedman, Manes 2017): a small LRU window; who leaves it stays only if a
 * sketch of past requests says that it was asked for more often than whom it would replace.
 */
export class TinyLfu implements Evictor {
  readonly probationBytes = 0;
  readonly #slots: Slots;
  readonly #lists: readonly [List, List, List];
  readonly #sketch = new Sketch();
  /** Whether somebody had to go since the last one came. */
  #full = false;

  constructor(slots: Slots) {
    this.#slots = slots;
    this.#lists = [new List(slots), new List(slots), new List(slots)];
  }

  get count(): number {
    return this.#lists[0].count + this.#lists[1].count + this.#lists[2].count;
  }

  get bytes(): number {
    return this.#lists[0].bytes + this.#lists[1].bytes + this.#lists[2].bytes;
  }

  get ownBytes(): number {
    return this.#sketch.ownBytes;
  }

  insert(slot: number): void {
    this.#sketch.add(this.#slots.hash[slot]!, this.count);
    this.#put(slot, WINDOW);
    const [window] = this.#lists;
    // While there is room, who leaves the window competes with nobody.
    while (!this.#full && window.count > 1 && window.bytes > WINDOW_PART * this.bytes) {
      const oldest = window.oldest;
      window.remove(oldest);
      this.#put(oldest, PROBATION);
    }
    this.#full = false;
  }

  #put(slot: number, list: 0 | 1 | 2): void {
    this.#slots.mark[slot] = list;
    this.#lists[list].push(slot);
  }

  restore(slot: number): void {
    this.insert(slot);
  }

  find(slot: number): void {
    this.#sketch.add(this.#slots.hash[slot]!, this.count);
    const list = this.#slots.mark[slot] as 0 | 1 | 2;
    this.#lists[list].remove(slot);
    this.#put(slot, list === WINDOW ? WINDOW : PROTECTED);
    if (list !== PROBATION) return;
    const [, probation, kept] = this.#lists;
    while (kept.bytes > PROTECTED_PART * (kept.bytes + probation.bytes) && kept.count > 1) {
      const slowest = kept.oldest;
      kept.remove(slowest);
      this.#put(slowest, PROBATION);
    }
  }

  toEvict(): number {
    this.#full = true;
    const [window, probation, kept] = this.#lists;
    const { hash } = this.#slots;
    while (window.count > 0 && window.bytes > WINDOW_PART * this.bytes) {
      const candidate = window.oldest;
      const victim = probation.oldest === NONE ? kept.oldest : probation.oldest;
      if (victim === NONE) return candidate;
      const wins = this.#sketch.count(hash[candidate]!) > this.#sketch.count(hash[victim]!);
      if (!wins) return candidate;
      window.remove(candidate);
      this.#put(candidate, PROBATION);
      return victim;
    }
    if (probation.oldest !== NONE) return probation.oldest;
    return kept.oldest === NONE ? window.oldest : kept.oldest;
  }

  remove(slot: number): void {
    this.#lists[this.#slots.mark[slot] as 0 | 1 | 2].remove(slot);
  }
}

/** A count-min sketch of four rows, halved after ten times as many additions as objects. */
class Sketch {
  #rows = new Uint8Array(4 * 64);
  #additions = 0;

  get ownBytes(): number {
    return this.#rows.byteLength;
  }

  add(hash: number, objects: number): void {
    let width = this.#rows.length / 4;
    if (objects * 4 > width) {
      while (objects * 4 > width) width *= 2;
      // Every counter stands for those that fall apart now: each half keeps all of it.
      const rows = new Uint8Array(4 * width);
      const before = this.#rows.length / 4;
      for (let at = 0; at < rows.length; at++) {
        rows[at] = this.#rows[Math.floor(at / width) * before + ((at % width) & (before - 1))]!;
      }
      this.#rows = rows;
    }
    for (let row = 0; row < 4; row++) {
      const at = this.#at(row, hash);
      if (this.#rows[at]! < 15) this.#rows[at]!++;
    }
    if (++this.#additions < Math.max(1000, objects * 10)) return;
    this.#additions = 0;
    for (let at = 0; at < this.#rows.length; at++) this.#rows[at]! >>= 1;
  }

  count(hash: number): number {
    let least = 15;
    for (let row = 0; row < 4; row++) least = Math.min(least, this.#rows[this.#at(row, hash)]!);
    return least;
  }

  #at(row: number, hash: number): number {
    const width = this.#rows.length / 4;
    let mixed = Math.imul(hash ^ (0x9e3779b9 * (row + 1)), 0x85ebca6b);
    mixed ^= mixed >>> 13;
    mixed = Math.imul(mixed, 0xc2b2ae35);
    return row * width + ((mixed ^ (mixed >>> 16)) & (width - 1));
  }
}
