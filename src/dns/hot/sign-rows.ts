import { HEADER_BYTES, type Query, type Writer } from "../../wire/dns/mod.ts";
import type { NameIndex } from "./name-index.ts";

/** An answer of one address record, which stands right after the question. */
export interface Steered {
  readonly bytes: Uint8Array;
  readonly out: Writer;
  readonly query: Pick<Query, "questionEnd">;
  readonly index: NameIndex;
  readonly steeredAt: number;
}

/** An address record for the question's own name: pointer, type, class, TTL, length, address. */
const TTL_AT = 6;
const LENGTH_AT = 10;
const DATA_AT = 12;
/** Of an RRSIG record: pointer, type, class, TTL, length; then type, algorithm, labels, TTL. */
const ORIGINAL_TTL_AT = 16;
/** A row is used for so long before its signature is looked at again, which holds for a day more. */
const KEPT_SEC = 600;

/** A row, in words: three cache lines, so that 100,000 of them are 19 MB and no object each. */
const ROW = 48;
const HASH = 0;
const PLACE = 1;
const SINCE_SEC = 2;
const ORIGINAL_TTL_SEC = 3;
/** Octets of the address, and 256 times those of the record. */
const SIZES = 4;
/** In bytes: the address, and the whole record for the question's own name. */
const ADDRESS_AT = 20;
const RECORD_AT = 36;
/** Signers with a name of more than 90 octets do without. */
const RECORD_BYTES_MAX = ROW * 4 - RECORD_AT;
const ROWS_LEAST = 256;

/**
 * Signatures of steered addresses, ready to be copied: nearly all signed answers are one address of
 * one name. Rows are by the name's place in one index and the address, and go with that index; when
 * there are too many, all go. An open-addressed table over typed arrays.
 */
export class SignedRows {
  readonly #rowsMax: number;
  /** Row plus one; 0 is free. Twice as many as rows at least. */
  #places = new Int32Array(ROWS_LEAST * 2);
  #rows = new Int32Array(ROWS_LEAST * ROW);
  #bytes = new Uint8Array(this.#rows.buffer);
  #size = 0;
  #index: NameIndex | null = null;

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax;
  }

  get size(): number {
    return this.#size;
  }

  /**
   * Appends the RRSIG of the one address record that stands after the question, if it is here.
   * Budget: no allocation.
   */
  append(to: Steered, nowSec: number): boolean {
    const { bytes, out, index } = to;
    if (index !== this.#index) return false;
    const at = to.query.questionEnd;
    const row = this.#find(to, hashOf(bytes, at, to.steeredAt));
    if (row < 0) return false;
    const rows = this.#rows;
    const age = nowSec - rows[row + SINCE_SEC]!;
    if (
      age < 0 ||
      age > KEPT_SEC ||
      u32(bytes, at + TTL_AT) > rows[row + ORIGINAL_TTL_SEC]! >>> 0
    ) {
      return false;
    }
    const start = out.at;
    const from = row * 4 + RECORD_AT;
    out.copy(this.#bytes, from, from + (rows[row + SIZES]! >> 8));
    if (out.overflow) return true;
    // An RRSIG has the TTL of what it covers (RFC 4034 3).
    for (let i = 0; i < 4; i++) bytes[start + TTL_AT + i] = bytes[at + TTL_AT + i]!;
    return true;
  }

  /** Keeps the RRSIG that stands after that record. */
  keep(from: Steered, nowSec: number): void {
    const { bytes, out, index, steeredAt } = from;
    const at = from.query.questionEnd;
    const octets = bytes[at + LENGTH_AT + 1]!;
    const recordAt = at + DATA_AT + octets;
    const toQuestion = bytes[recordAt] === 0xc0 && bytes[recordAt + 1] === HEADER_BYTES;
    const size = out.at - recordAt;
    if (out.overflow || !toQuestion || size > RECORD_BYTES_MAX) return;
    if (index !== this.#index) this.#clear();
    this.#index = index;
    const hash = hashOf(bytes, at, steeredAt);
    const known = this.#find(from, hash);
    const row = known < 0 ? this.#add(hash) : known;
    const rows = this.#rows;
    rows[row + PLACE] = steeredAt;
    rows[row + SINCE_SEC] = nowSec;
    rows[row + ORIGINAL_TTL_SEC] = u32(bytes, recordAt + ORIGINAL_TTL_AT);
    rows[row + SIZES] = octets | (size << 8);
    this.#bytes.set(bytes.subarray(at + DATA_AT, recordAt), row * 4 + ADDRESS_AT);
    this.#bytes.set(bytes.subarray(recordAt, out.at), row * 4 + RECORD_AT);
  }

  /** Where the row of this name and address begins, in words; or -1. */
  #find(of: Steered, hash: number): number {
    const places = this.#places;
    const rows = this.#rows;
    const mask = places.length - 1;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const row = (places[slot]! - 1) * ROW;
      if (row < 0) return -1;
      if (rows[row + PLACE] === of.steeredAt && this.#isAddress(row, of)) return row;
    }
  }

  #isAddress(row: number, { bytes, query }: Steered): boolean {
    const at = query.questionEnd;
    const octets = bytes[at + LENGTH_AT + 1]!;
    const own = row * 4 + ADDRESS_AT;
    let same = (this.#rows[row + SIZES]! & 0xff) === octets;
    for (let i = 0; same && i < octets; i++) {
      same = this.#bytes[own + i] === bytes[at + DATA_AT + i];
    }
    return same;
  }

  #add(hash: number): number {
    if (this.#size >= this.#rowsMax) this.#clear();
    const row = this.#size * ROW;
    if (row === this.#rows.length) this.#grow();
    this.#rows[row + HASH] = hash;
    this.#place(this.#size++);
    return row;
  }

  #place(row: number): void {
    const places = this.#places;
    const mask = places.length - 1;
    let slot = this.#rows[row * ROW + HASH]! & mask;
    while (places[slot] !== 0) slot = (slot + 1) & mask;
    places[slot] = row + 1;
  }

  #grow(): void {
    const rows = new Int32Array(this.#rows.length * 2);
    rows.set(this.#rows);
    this.#rows = rows;
    this.#bytes = new Uint8Array(rows.buffer);
    this.#places = new Int32Array(this.#places.length * 2);
    for (let row = 0; row < this.#size; row++) this.#place(row);
  }

  #clear(): void {
    this.#places.fill(0);
    this.#size = 0;
  }
}

/** Of a name's place and the address that stands in the record at `at`. */
function hashOf(bytes: Uint8Array, at: number, place: number): number {
  const length = bytes[at + LENGTH_AT + 1]!;
  let hash = Math.imul(place, 0x9e3779b1) ^ length;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[at + DATA_AT + i]!, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return hash ^ (hash >>> 13);
}

function u32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}
