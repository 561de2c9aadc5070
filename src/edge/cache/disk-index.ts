import { grown, type MakeEvictor, MOST_BYTES, NONE, S3Gdsf, Shares, Slots } from "./evict/mod.ts";
import type { ObjectMeta } from "./object.ts";

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

const NAME = /^[0-9a-f]{32}-[0-9a-f]{16}-([0-9a-z]{1,10})-([0-9a-z]{1,10})(?:-([0-9a-z]{1,7}))?$/;

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
  readonly #renewed = new Map<number, ObjectMeta>();

  constructor(make: MakeEvictor = (slots) => new S3Gdsf(slots, MOST_BYTES)) {
    this.#shares = new Shares(this.#slots, make);
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

  /** Takes note of a file found at start. Names that are not ours are left alone. */
  load(name: string): void {
    const match = NAME.exec(name);
    if (match === null) return;
    const [, bytes, sec, customer] = match;
    const slot = this.#take({
      keyHash: name.slice(0, 32),
      variantHash: name.slice(33, 49),
      fileBytes: Number.parseInt(bytes!, 36),
      storedSec: Number.parseInt(sec!, 36),
      customer: customer === undefined ? 0 : Number.parseInt(customer, 36),
    });
    this.#loaded.push(slot);
  }

  /** Orders what was loaded by age. Returns files that a newer one of the same variant replaces. */
  settle(): string[] {
    const count = this.#loaded.length;
    // Numbers sort much faster than with a comparison: the second first, then the position.
    const order = Float64Array.from(
      this.#loaded,
      (slot, i) => this.#storedSec[slot]! * count + i,
    ).sort();
    const slots = Array.from(order, (value) => this.#loaded[value % count]!);
    this.#loaded = [];
    this.#widen(count);
    return slots.flatMap((slot) => this.#link(slot, true));
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

  holds({ slot, serial }: DiskEntry): boolean {
    return this.#serials[slot] === serial;
  }

  nameOf({ slot }: DiskEntry): string {
    return this.#nameOf(slot);
  }

  /** Returns the files of the same variant that it replaces, which are to be removed. */
  add(name: DiskName): string[] {
    const slot = this.#take(name);
    if (this.count >= this.#buckets.length) this.#widen(this.count * 2);
    const own = fileName(name);
    // The same name is the same file: it was written over.
    return this.#link(slot, false).filter((replaced) => replaced !== own);
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

  #take(name: DiskName): number {
    const { keyHash, variantHash } = name;
    const variant = wordOf(variantHash, 0);
    const slot = this.#slots.take((wordOf(keyHash, 8) ^ variant) >>> 0, name.fileBytes);
    if (slot >= this.#next.length) {
      const room = this.#slots.hash.length;
      this.#hashes = grown(this.#hashes, new Uint32Array(room * 6));
      this.#storedSec = grown(this.#storedSec, new Uint32Array(room));
      this.#customers = grown(this.#customers, new Uint32Array(room));
      this.#serials = grown(this.#serials, new Uint32Array(room));
      this.#next = grown(this.#next, new Uint32Array(room));
    }
    for (let i = 0; i < 4; i++) this.#hashes[slot * 6 + i] = wordOf(keyHash, i * 8);
    this.#hashes[slot * 6 + 4] = variant;
    this.#hashes[slot * 6 + 5] = wordOf(variantHash, 8);
    this.#storedSec[slot] = name.storedSec;
    this.#customers[slot] = name.customer;
    return slot;
  }

  /** Puts a slot at the head of its chain, in place of the same variant. Returns what it replaced. */
  #link(slot: number, restored: boolean): string[] {
    const replaced: string[] = [];
    const bucket = this.#hashes[slot * 6]! & (this.#buckets.length - 1);
    let seen = -1;
    let old = this.#buckets[bucket]!;
    if (old !== NONE && !this.#sameWords(old, slot, 0, 4)) old = this.#nextOf(old, slot);
    while (old !== NONE) {
      const after = this.#after(old);
      if (this.#sameWords(old, slot, 4, 6)) {
        replaced.push(this.#nameOf(old));
        seen = Math.min(255, this.#slots.hits[old]! + this.#slots.frequency[old]!);
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
    return replaced;
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

/** Eight hex digits in lower case. A million files are a restart's eight million of these. */
function wordOf(hex: string, at: number): number {
  let word = 0;
  for (let i = at; i < at + 8; i++) {
    const code = hex.charCodeAt(i);
    word = (word << 4) | (code < 0x3a ? code - 0x30 : code - 0x57);
  }
  return word >>> 0;
}
