import { assert } from "../../base/assert.ts";
import { encodeName } from "./name.ts";

/** How many label offsets are kept for compression; more would only save a few octets. */
const OFFSETS_MAX = 96;

/**
 * Appends to a message in a buffer given once, and compresses names against those before (RFC 1035
 * 4.1.4). What does not fit sets `overflow` and writes nothing more; nothing throws. Reused for
 * many messages: `begin()` starts the next. Matching is by octets, so that case is kept.
 */
export class Writer {
  #out: Uint8Array = new Uint8Array(0);
  #limit = 0;
  readonly #offsets = new Uint16Array(OFFSETS_MAX);
  #count = 0;
  at = 0;
  overflow = false;

  begin(out: Uint8Array, at: number, limit: number): void {
    assert(limit <= out.length, "The limit is within the buffer");
    this.#out = out;
    this.#limit = limit;
    this.#count = 0;
    this.at = at;
    this.overflow = false;
  }

  /** Moves the limit: for what was kept free for the end. */
  extend(limit: number): void {
    this.#limit = Math.min(limit, this.#out.length);
  }

  /** Takes back what was written from `at` on. */
  rewind(at: number): void {
    this.at = at;
    this.overflow = false;
    while (this.#count > 0 && this.#offsets[this.#count - 1]! >= at) this.#count--;
  }

  u8(value: number): void {
    if (this.#fits(1)) this.#out[this.at++] = value;
  }

  u16(value: number): void {
    if (!this.#fits(2)) return;
    this.#out[this.at++] = value >> 8;
    this.#out[this.at++] = value;
  }

  u32(value: number): void {
    if (!this.#fits(4)) return;
    this.#out[this.at++] = value >>> 24;
    this.#out[this.at++] = value >>> 16;
    this.#out[this.at++] = value >>> 8;
    this.#out[this.at++] = value;
  }

  bytes(value: Uint8Array): void {
    this.copy(value, 0, value.length);
  }

  /** Octets `from` to `to` of a larger buffer. One by one: they are few, and a view would be an object. */
  copy(source: Uint8Array, from: number, to: number): void {
    if (!this.#fits(to - from)) return;
    const out = this.#out;
    let at = this.at;
    for (let i = from; i < to; i++) out[at++] = source[i]!;
    this.at = at;
  }

  patch16(at: number, value: number): void {
    if (this.overflow) return;
    this.#out[at] = value >> 8;
    this.#out[at + 1] = value;
  }

  /** A name given as text; asserts that it is one. */
  name(text: string): void {
    const wire = encodeName(text);
    assert(wire !== null, "A name to be written is a name");
    this.wireName(wire);
  }

  /** A name given as uncompressed octets that begin at `first`. */
  wireName(wire: Uint8Array, first = 0): void {
    const start = this.at;
    let from = first;
    let known = -1;
    while (wire[from] !== 0) {
      known = this.#find(wire, from);
      if (known >= 0) break;
      const next = from + 1 + wire[from]!;
      if (!this.#fits(next - from)) return;
      for (; from < next; from++) this.#out[this.at++] = wire[from]!;
    }
    if (known >= 0) this.u16(0xc000 | known);
    else this.u8(0);
    // Only now: a name that has no end yet cannot be compared with.
    if (!this.overflow) this.noteName(start);
  }

  /** Tells of a name that stands at `at` already, such as the question's. */
  noteName(at: number): void {
    for (let p = at; this.#out[p]! !== 0 && this.#out[p]! < 0xc0; p += this.#out[p]! + 1) {
      if (p < 0x4000 && this.#count < OFFSETS_MAX) this.#offsets[this.#count++] = p;
    }
  }

  /** The offset of a name written before that equals the rest of this one, or -1. */
  #find(wire: Uint8Array, from: number): number {
    for (let i = 0; i < this.#count; i++) {
      if (this.#equals(this.#offsets[i]!, wire, from)) return this.#offsets[i]!;
    }
    return -1;
  }

  #equals(start: number, wire: Uint8Array, from: number): boolean {
    const out = this.#out;
    let at = start;
    for (let i = from; ; i++, at++) {
      while (out[at]! >= 0xc0) at = ((out[at]! & 0x3f) << 8) | out[at + 1]!;
      // Length octets of both sides meet here first, so the rest of a label is compared in step.
      const length = wire[i]!;
      if (out[at] !== length) return false;
      if (length === 0) return true;
      for (let k = 0; k < length; k++) if (out[++at] !== wire[++i]) return false;
    }
  }

  #fits(size: number): boolean {
    if (this.overflow || this.at + size > this.#limit) this.overflow = true;
    return !this.overflow;
  }
}
