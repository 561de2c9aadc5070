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

interface Row {
  readonly address: Uint8Array;
  /** Whole, for the question's own name. */
  readonly record: Uint8Array;
  readonly originalTtlSec: number;
  readonly sinceSec: number;
}

/**
 * Signatures of steered addresses, ready to be copied: nearly all signed answers are one address of
 * one name. Rows are by the name's place in one index and the address, and go with that index.
 */
export class SignedRows {
  readonly #rowsMax: number;
  readonly #rows = new Map<number, Row>();
  #index: NameIndex | null = null;

  constructor(rowsMax: number) {
    this.#rowsMax = rowsMax;
  }

  get size(): number {
    return this.#rows.size;
  }

  /**
   * Appends the RRSIG of the one address record that stands after the question, if it is here.
   * Budget: no allocation.
   */
  append(to: Steered, nowSec: number): boolean {
    const { bytes, out, index, steeredAt } = to;
    const at = to.query.questionEnd;
    if (index !== this.#index) return false;
    const row = this.#rows.get(keyOf(bytes, at, steeredAt));
    if (row === undefined || !sameAt(bytes, at + DATA_AT, row.address)) return false;
    const age = nowSec - row.sinceSec;
    if (age < 0 || age > KEPT_SEC || u32(bytes, at + TTL_AT) > row.originalTtlSec) return false;
    const start = out.at;
    out.bytes(row.record);
    if (out.overflow) return true;
    // An RRSIG has the TTL of what it covers (RFC 4034 3).
    for (let i = 0; i < 4; i++) bytes[start + TTL_AT + i] = bytes[at + TTL_AT + i]!;
    return true;
  }

  /** Keeps the RRSIG that stands after that record. */
  keep(from: Steered, nowSec: number): void {
    const { bytes, out, index, steeredAt } = from;
    const at = from.query.questionEnd;
    const end = at + DATA_AT + bytes[at + LENGTH_AT + 1]!;
    const record = bytes.slice(end, out.at);
    const toQuestion = record[0] === 0xc0 && record[1] === HEADER_BYTES;
    if (out.overflow || !toQuestion) return;
    if (index !== this.#index || this.#rows.size >= this.#rowsMax) this.#rows.clear();
    this.#index = index;
    this.#rows.set(keyOf(bytes, at, steeredAt), {
      address: bytes.slice(at + DATA_AT, end),
      record,
      originalTtlSec: u32(record, ORIGINAL_TTL_AT),
      sinceSec: nowSec,
    });
  }
}

/** Two addresses of one name may have the same key: the last one stays. */
function keyOf(bytes: Uint8Array, at: number, place: number): number {
  const length = bytes[at + LENGTH_AT + 1]!;
  let hash = length;
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[at + DATA_AT + i]!, 0x01000193);
  return place * 0x10000 + ((hash ^ (hash >>> 16)) & 0xffff);
}

function sameAt(bytes: Uint8Array, at: number, address: Uint8Array): boolean {
  for (let i = 0; i < address.length; i++) if (bytes[at + i] !== address[i]) return false;
  return true;
}

function u32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}
