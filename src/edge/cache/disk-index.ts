import {
  grown,
  type MakeEvictor,
  MOST_BYTES,
  NONE,
  type Present,
  S3Gdsf,
  Shares,
  Slots,
} from "./evict/mod.ts";
import { type ObjectMeta, VARIANTS_MAX } from "./object.ts";

/** What names an object file, and all that is known of it without opening it. */
export interface DiskName {
  /** 32 hex digits. */
  readonly keyHash: string;
  /** 16 hex digits. */
  readonly variantHash: string;
  readonly fileBytes: number;
  readonly storedSec: number;
  /** Whose it is: `nameHash` of the customer. */
  readonly customer: number;
}

/** An entry as it is now: once replaced or dropped, the index no longer `holds` it. */
export interface DiskEntry {
  readonly slot: number;
  readonly serial: number;
  readonly fileBytes: number;
}

/** Where the parts of a name begin: its words of eight digits, and the numbers behind them. */
const WORDS_AT = [0, 8, 16, 24, 33, 41] as const;
const DASHES_AT = [32, 49] as const;
const NUMBERS_AT = 50;
/** Digits of bytes, seconds and customer; names of before customers stood in them have two numbers. */
const DIGITS_MAX = [10, 10, 7] as const;
const NUMBERS_LEAST = 2;

const DASH = 0x2d;
/** What a character counts as a digit of base 36; more than any for all others. */
const NO_DIGIT = 255;
const DIGITS = new Uint8Array(256).fill(NO_DIGIT);
for (let i = 0; i < 36; i++) DIGITS[i.toString(36).charCodeAt(0)] = i;

/** 128 bits: customers cannot make two keys meet; the file's own key is checked on read as well. */
export function hashKey(key: string): string {
  return Bun.SHA256.hash(key, "hex").slice(0, 32);
}

/** `<hash of key>-<hash of variant>-<file bytes>-<stored at, seconds>-<customer>`, base 36. */
export function fileName(name: DiskName): string {
  const numbers = [name.fileBytes, name.storedSec, name.customer].map((n) => n.toString(36));
  return `${name.keyHash}-${name.variantHash}-${numbers.join("-")}`;
}

/**
 * Which objects are on disk, as columns of numbers: no object and no string for any of them. Entries
 * of one key hang together in a chain of a hash table, the newest first.
 */
export class DiskIndex {
  readonly #slots = new Slots({ ranked: true });
  readonly #shares: Shares;
  /** Six words for each slot: key, variant. */
  #hashes = new Uint32Array(0);
  #storedSec = new Uint32Array(0);
  #customers = new Uint32Array(0);
  #serials = new Uint32Array(0);
  #next = new Uint32Array(0);
  #buckets = new Uint32Array(64).fill(NONE);
  #serial = 0;
  #loaded: number[] = [];
  /** Of the name that is being taken: key and variant, then bytes, seconds and customer. */
  readonly #words = new Uint32Array(WORDS_AT.length);
  readonly #numbers = new Float64Array(DIGITS_MAX.length);
  readonly #renewed = new Map<number, ObjectMeta>();

  constructor(present?: Present, make: MakeEvictor = (slots) => new S3Gdsf(slots, MOST_BYTES)) {
    this.#shares = new Shares(this.#slots, make, present);
  }

  get bytes(): number {
    return this.#shares.bytes;
  }

  get count(): number {
    return this.#shares.count;
  }

  /** What the index itself takes. */
  get memoryBytes(): number {
    const own = [this.#hashes, this.#storedSec, this.#customers, this.#serials, this.#next];
    const columns = own.reduce((sum, column) => sum + column.byteLength, 0);
    const slots = this.#slots.slotBytes * this.#slots.hash.length;
    return columns + this.#buckets.byteLength + slots + this.#shares.ownBytes;
  }

  /** About so many are going to be loaded: room for them is made at once, not in forty steps. */
  expect(count: number): void {
    if (count > this.#slots.hash.length) this.#slots.reserve(count);
  }

  /**
   * Takes note of a file found at start. Names that are not ours are left alone. A restart reads a
   * million of them: digit by digit, and nothing is made on the way.
   */
  load(name: string): void {
    const words = this.#words;
    const numbers = this.#numbers;
    if (name.charCodeAt(DASHES_AT[0]) !== DASH || name.charCodeAt(DASHES_AT[1]) !== DASH) return;
    for (let i = 0; i < WORDS_AT.length; i++) {
      const word = wordOf(name, WORDS_AT[i]!);
      if (word < 0) return;
      words[i] = word;
    }
    if (readNumbers(name, numbers)) this.#loaded.push(this.#take());
  }

  /** Orders what was loaded by age. Returns files that a newer one of the same variant replaces. */
  settle(): string[] {
    const count = this.#loaded.length;
    // Numbers sort much faster than with a comparison: the second first, then the position.
    const order = Float64Array.from(
      this.#loaded,
      (slot, i) => this.#storedSec[slot]! * count + i,
    ).sort();
    const loaded = this.#loaded;
    this.#loaded = [];
    this.#widen(count);
    const replaced: string[] = [];
    for (let i = 0; i < count; i++) this.#link(loaded[order[i]! % count]!, true, replaced);
    return replaced;
  }

  has(keyHash: string): boolean {
    return this.#first(keyHash) !== NONE;
  }

  /** The last one stored first; at most so many. */
  of(keyHash: string, most = Number.POSITIVE_INFINITY): DiskEntry[] {
    const entries: DiskEntry[] = [];
    for (let slot = this.#first(keyHash); slot !== NONE; slot = this.#after(slot)) {
      if (entries.length >= most) break;
      entries.push(this.#entryOf(slot));
    }
    return entries;
  }

  /** When this variant was stored last; -1 where it is not held. */
  lastStoredSec(keyHash: string, variantHash: string): number {
    const words = [wordOf(variantHash, 0), wordOf(variantHash, 8)];
    for (let slot = this.#first(keyHash); slot !== NONE; slot = this.#after(slot)) {
      const ours = words.every((word, i) => this.#hashes[slot * 6 + 4 + i] === word);
      if (ours) return this.#storedSec[slot]!;
    }
    return -1;
  }

  holds({ slot, serial }: DiskEntry): boolean {
    return this.#serials[slot] === serial;
  }

  nameOf({ slot }: DiskEntry): string {
    return this.#nameOf(slot);
  }

  /** Returns the files that it replaces, of the same variant or of too many, which are to be removed. */
  add(name: DiskName): string[] {
    const { keyHash, variantHash, fileBytes, storedSec, customer } = name;
    for (let i = 0; i < 4; i++) this.#words[i] = wordOf(keyHash, i * 8);
    for (let i = 0; i < 2; i++) this.#words[4 + i] = wordOf(variantHash, i * 8);
    this.#numbers.set([fileBytes, storedSec, customer]);
    const slot = this.#take();
    if (this.count >= this.#buckets.length) this.#widen(this.count * 2);
    const own = fileName(name);
    const replaced: string[] = [];
    this.#link(slot, false, replaced);
    // The same name is the same file: it was written over.
    return replaced.filter((one) => one !== own);
  }

  /** It was read. */
  touch(entry: DiskEntry): void {
    if (this.holds(entry)) this.#shares.find(entry.slot);
  }

  drop(entry: DiskEntry): void {
    if (this.holds(entry)) this.#drop(entry.slot);
  }

  /** Who goes when room is needed; to be dropped next. */
  toEvict(): DiskEntry | null {
    const slot = this.#shares.toEvict();
    return slot === NONE ? null : this.#entryOf(slot);
  }

  /** Of a large object validated since it was written: its file is not written again for that. */
  renew(entry: DiskEntry, meta: ObjectMeta): void {
    if (this.holds(entry)) this.#renewed.set(entry.slot, meta);
  }

  renewed(entry: DiskEntry): ObjectMeta | null {
    return this.#renewed.get(entry.slot) ?? null;
  }

  /** A slot for what `#words` and `#numbers` say. */
  #take(): number {
    const words = this.#words;
    const numbers = this.#numbers;
    const slot = this.#slots.take((words[1]! ^ words[4]!) >>> 0, numbers[0]!);
    if (slot >= this.#next.length) {
      const room = this.#slots.hash.length;
      this.#hashes = grown(this.#hashes, new Uint32Array(room * 6));
      this.#storedSec = grown(this.#storedSec, new Uint32Array(room));
      this.#customers = grown(this.#customers, new Uint32Array(room));
      this.#serials = grown(this.#serials, new Uint32Array(room));
      this.#next = grown(this.#next, new Uint32Array(room));
    }
    for (let i = 0; i < words.length; i++) this.#hashes[slot * 6 + i] = words[i]!;
    this.#storedSec[slot] = numbers[1]!;
    this.#customers[slot] = numbers[2]!;
    return slot;
  }

  /**
   * Puts a slot at the head of its chain, in place of the same variant, and of the oldest where there
   * are too many of its key; adds what it `replaced`.
   */
  #link(slot: number, restored: boolean, replaced: string[]): void {
    const bucket = this.#hashes[slot * 6]! & (this.#buckets.length - 1);
    let seen = -1;
    let others = 0;
    let old = this.#buckets[bucket]!;
    if (old !== NONE && !this.#sameWords(old, slot, 0, 4)) old = this.#nextOf(old, slot);
    while (old !== NONE) {
      const after = this.#after(old);
      if (this.#sameWords(old, slot, 4, 6)) {
        replaced.push(this.#nameOf(old));
        seen = Math.min(255, this.#slots.hits[old]! + this.#slots.frequency[old]!);
        this.#drop(old);
      } else if (++others >= VARIANTS_MAX) {
        replaced.push(this.#nameOf(old));
        this.#drop(old);
      }
      old = after;
    }
    this.#next[slot] = this.#buckets[bucket]!;
    this.#buckets[bucket] = slot;
    // Serials begin at 1: a free slot's is 0.
    this.#serial = this.#serial === 0xffffffff ? 1 : this.#serial + 1;
    this.#serials[slot] = this.#serial;
    this.#shares.insert(slot, this.#customers[slot]!, restored || seen >= 0);
    if (seen >= 0) this.#slots.hits[slot] = seen;
  }

  #drop(slot: number): void {
    const bucket = this.#hashes[slot * 6]! & (this.#buckets.length - 1);
    if (this.#buckets[bucket] === slot) this.#buckets[bucket] = this.#next[slot]!;
    else {
      let before = this.#buckets[bucket]!;
      while (this.#next[before] !== slot) before = this.#next[before]!;
      this.#next[before] = this.#next[slot]!;
    }
    this.#serials[slot] = 0;
    this.#renewed.delete(slot);
    this.#shares.remove(slot);
    this.#slots.release(slot);
  }

  /** The first slot of a key, or NONE. */
  #first(keyHash: string): number {
    const word = wordOf(keyHash, 0);
    let slot = this.#buckets[word & (this.#buckets.length - 1)]!;
    while (slot !== NONE && !this.#isOf(slot, keyHash, word)) slot = this.#next[slot]!;
    return slot;
  }

  /** The next slot of the same key, or NONE. */
  #after(slot: number): number {
    return this.#nextOf(slot, slot);
  }

  /** The next slot after `before` in its chain that is of the key of `like`, or NONE. */
  #nextOf(before: number, like: number): number {
    let next = this.#next[before]!;
    while (next !== NONE && !this.#sameWords(next, like, 0, 4)) next = this.#next[next]!;
    return next;
  }

  #isOf(slot: number, keyHash: string, word: number): boolean {
    if (this.#hashes[slot * 6] !== word) return false;
    for (let i = 1; i < 4; i++) {
      if (this.#hashes[slot * 6 + i] !== wordOf(keyHash, i * 8)) return false;
    }
    return true;
  }

  #sameWords(a: number, b: number, from: number, to: number): boolean {
    for (let i = from; i < to; i++) {
      if (this.#hashes[a * 6 + i] !== this.#hashes[b * 6 + i]) return false;
    }
    return true;
  }

  /** A table of at least so many buckets, everything hung in again in its order. */
  #widen(least: number): void {
    let length = this.#buckets.length;
    while (length < least) length *= 2;
    if (length === this.#buckets.length) return;
    const before = this.#buckets;
    this.#buckets = new Uint32Array(length).fill(NONE);
    for (const head of before) {
      const chain: number[] = [];
      for (let slot = head; slot !== NONE; slot = this.#next[slot]!) chain.push(slot);
      for (const slot of chain.reverse()) {
        const bucket = this.#hashes[slot * 6]! & (length - 1);
        this.#next[slot] = this.#buckets[bucket]!;
        this.#buckets[bucket] = slot;
      }
    }
  }

  #entryOf(slot: number): DiskEntry {
    return { slot, serial: this.#serials[slot]!, fileBytes: this.#slots.bytes[slot]! };
  }

  #nameOf(slot: number): string {
    return fileName({
      keyHash: this.#hex(slot, 0, 4),
      variantHash: this.#hex(slot, 4, 6),
      fileBytes: this.#slots.bytes[slot]!,
      storedSec: this.#storedSec[slot]!,
      customer: this.#customers[slot]!,
    });
  }

  #hex(slot: number, from: number, to: number): string {
    let hex = "";
    for (let i = from; i < to; i++) {
      hex += this.#hashes[slot * 6 + i]!.toString(16).padStart(8, "0");
    }
    return hex;
  }
}

/** Eight hex digits in lower case; -1 where they are not. */
function wordOf(hex: string, at: number): number {
  let word = 0;
  let most = 0;
  for (let i = at; i < at + 8; i++) {
    const digit = DIGITS[hex.charCodeAt(i)] ?? NO_DIGIT;
    word = (word << 4) | (digit & 15);
    if (digit > most) most = digit;
  }
  return most > 15 ? -1 : word >>> 0;
}

/** Bytes, seconds and customer (0 where there is none) of a name; false where they are not there. */
function readNumbers(name: string, into: Float64Array): boolean {
  into[2] = 0;
  let at = NUMBERS_AT;
  for (let n = 0; n < DIGITS_MAX.length; n++) {
    const from = at;
    let value = 0;
    for (; at < name.length && name.charCodeAt(at) !== DASH; at++) {
      const digit = DIGITS[name.charCodeAt(at)] ?? NO_DIGIT;
      if (digit === NO_DIGIT) return false;
      value = value * 36 + digit;
    }
    if (at === from || at - from > DIGITS_MAX[n]!) return false;
    into[n] = value;
    if (at === name.length) return n + 1 >= NUMBERS_LEAST;
    at++;
  }
  return false;
}
