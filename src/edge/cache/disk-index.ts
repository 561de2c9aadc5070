import {
  type DiskName,
  fileName,
  hashKey,
  hashVariant,
  NAME_NUMBERS,
  NAME_WORDS,
  readName,
  wordOf,
} from "./disk-name.ts";
import {
  grown,
  type MakeEvictor,
  MOST_BYTES,
  NONE,
  nameHash,
  type Present,
  S3Gdsf,
  Shares,
  Slots,
} from "./evict/mod.ts";
import { type ObjectMeta, VARIANTS_MAX } from "./object.ts";

const BUCKETS_LEAST = 64;

/** By how much a word is shifted to say which of so many buckets; a power of two. */
function shiftFor(buckets: number): number {
  return Math.clz32(buckets) + 1;
}

type Variant = Pick<ObjectMeta, "key" | "variant">;

/** An entry as it is now: once replaced or dropped, the index no longer `holds` it. */
export interface DiskEntry {
  readonly slot: number;
  readonly serial: number;
  readonly fileBytes: number;
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
  /**
   * Of a key the first bits say which: what lies in one folder, and is read at once after a restart, is
   * together here as well.
   */
  #buckets = new Uint32Array(BUCKETS_LEAST).fill(NONE);
  #bucketShift = shiftFor(BUCKETS_LEAST);
  #serial = 0;
  #loaded: number[] = [];
  /** Of the name that is being taken: key and variant, then bytes, seconds and customer. */
  readonly #words = new Uint32Array(NAME_WORDS);
  readonly #numbers = new Float64Array(NAME_NUMBERS);
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
    // Where a few less come than are expected it does not take twice the buckets.
    this.#widen(count * 0.9);
  }

  /** Takes note of a file found at start. Names that are not ours are left alone. */
  load(name: string): void {
    if (readName(name, this.#words, this.#numbers)) this.#loaded.push(this.#take());
  }

  /**
   * Orders what was loaded since the last time by age: all of a key come together. Returns files that a
   * newer one of the same variant replaces.
   */
  settle(): string[] {
    const loaded = this.#loaded;
    const count = loaded.length;
    // Numbers sort much faster than with a comparison: the second first, then the position.
    const order = new Float64Array(count);
    for (let i = 0; i < count; i++) order[i] = this.#storedSec[loaded[i]!]! * count + i;
    order.sort();
    this.#loaded = [];
    this.#widen(this.count + count);
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

  /** The entry of this very variant, or null. */
  variantOf(meta: Variant): DiskEntry | null {
    const slot = this.#variantSlot(hashKey(meta.key), hashVariant(meta.variant));
    return slot === NONE ? null : this.#entryOf(slot);
  }

  /** The name of a file that is stored now: later than that of the same variant, also where the clock was set back. */
  nameFor(
    meta: Variant & Pick<ObjectMeta, "customer">,
    { fileBytes, nowSec }: { readonly fileBytes: number; readonly nowSec: number },
  ): DiskName {
    const keyHash = hashKey(meta.key);
    const variantHash = hashVariant(meta.variant);
    const slot = this.#variantSlot(keyHash, variantHash);
    // A crash may leave both this one and what it replaces.
    const storedSec = slot === NONE ? nowSec : Math.max(nowSec, this.#storedSec[slot]! + 1);
    return { keyHash, variantHash, fileBytes, storedSec, customer: nameHash(meta.customer) };
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
    const bucket = this.#hashes[slot * 6]! >>> this.#bucketShift;
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
    const isNew = !restored && seen < 0;
    this.#shares.insert(slot, this.#customers[slot]!, isNew ? null : this.#storedSec[slot]!);
    if (seen >= 0) this.#slots.hits[slot] = seen;
  }

  #drop(slot: number): void {
    const bucket = this.#hashes[slot * 6]! >>> this.#bucketShift;
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

  /** The slot of this very variant, or NONE. */
  #variantSlot(keyHash: string, variantHash: string): number {
    const words = [wordOf(variantHash, 0), wordOf(variantHash, 8)];
    let slot = this.#first(keyHash);
    while (slot !== NONE && !words.every((word, i) => this.#hashes[slot * 6 + 4 + i] === word)) {
      slot = this.#after(slot);
    }
    return slot;
  }

  /** The first slot of a key, or NONE. */
  #first(keyHash: string): number {
    const word = wordOf(keyHash, 0);
    let slot = this.#buckets[word >>> this.#bucketShift]!;
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
    this.#bucketShift = shiftFor(length);
    for (const head of before) {
      const chain: number[] = [];
      for (let slot = head; slot !== NONE; slot = this.#next[slot]!) chain.push(slot);
      for (const slot of chain.reverse()) {
        const bucket = this.#hashes[slot * 6]! >>> this.#bucketShift;
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
