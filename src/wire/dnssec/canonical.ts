import { assert } from "../../base/assert.ts";
import { CLASS, NAME_BYTES_MAX, TYPE } from "../dns/mod.ts";

/**
 * Types whose data holds names that are put in lower case (RFC 4034 6.2 as RFC 6840 5.1 has it):
 * octets before the first name, and how many names follow. NAPTR has strings before its name.
 */
const NAMES: ReadonlyMap<number, readonly [skip: number, names: number]> = new Map([
  [TYPE.NS, [0, 1]],
  [TYPE.CNAME, [0, 1]],
  [TYPE.SOA, [0, 2]],
  [TYPE.PTR, [0, 1]],
  [14, [0, 2]], // MINFO
  [15, [2, 1]], // MX
  [17, [0, 2]], // RP
  [18, [2, 1]], // AFSDB
  [21, [2, 1]], // RT
  [26, [2, 2]], // PX
  [33, [6, 1]], // SRV
  [36, [2, 1]], // KX
  [39, [0, 1]], // DNAME
]);
const NAPTR = 35;

/** One name at a time is put together here. */
const SCRATCH = new Uint8Array(NAME_BYTES_MAX);

/** A name as whole octets in lower case, and the offset after it where it stood. */
export interface WholeName {
  readonly name: Uint8Array;
  readonly end: number;
}

/**
 * Reads a name of a message that we wrote ourselves, its pointers followed. Asserts that they lead
 * backwards.
 *
 * @example wholeName(message, 12).name
 */
export function wholeName(message: Uint8Array, start: number): WholeName {
  let size = 0;
  let end = -1;
  for (let at = start; ; ) {
    const length = message[at];
    assert(length !== undefined, "A name of ours is whole");
    if (length >= 0xc0) {
      const target = ((length & 0x3f) << 8) | message[at + 1]!;
      assert(target < at, "A pointer of ours leads backwards");
      if (end < 0) end = at + 2;
      at = target;
      continue;
    }
    assert(size + length < NAME_BYTES_MAX, "A name of ours is whole");
    SCRATCH[size++] = length;
    if (length === 0) return { name: SCRATCH.slice(0, size), end: end < 0 ? at + 1 : end };
    for (let i = at + 1; i <= at + length; i++) {
      const octet = message[i]!;
      SCRATCH[size++] = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
    }
    at += length + 1;
  }
}

/**
 * A record's data in a message of ours in canonical form: its names whole and in lower case. Data
 * without names is a view of the message.
 *
 * @example wholeData(message, { type: TYPE.NS, start, length })
 */
export function wholeData(
  message: Uint8Array,
  at: { readonly type: number; readonly start: number; readonly length: number },
): Uint8Array {
  const end = at.start + at.length;
  const known = NAMES.get(at.type);
  if (known === undefined && at.type !== NAPTR) return message.subarray(at.start, end);
  let from = at.start + (known?.[0] ?? 4);
  if (at.type === NAPTR) for (let text = 0; text < 3; text++) from += message[from]! + 1;
  const parts = [message.subarray(at.start, from)];
  for (let names = known?.[1] ?? 1; names > 0; names--) {
    const { name, end: next } = wholeName(message, from);
    parts.push(name);
    from = next;
  }
  parts.push(message.subarray(from, end));
  return concat(parts);
}

/** @example concat([head, set]) */
export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/**
 * A record set as it is signed: each record with its owner, class, original TTL and data, in the
 * order of the data, no record twice (RFC 4034 3.1.8.1, 6.3). `owner` is whole, in lower case;
 * `data` canonical.
 *
 * @example canonicalSet({ owner, type: TYPE.A, ttlSec: 60, data: [Uint8Array.of(192, 0, 2, 1)] })
 */
export function canonicalSet(set: {
  readonly owner: Uint8Array;
  readonly type: number;
  readonly ttlSec: number;
  readonly data: readonly Uint8Array[];
}): Uint8Array {
  const { owner, type, ttlSec } = set;
  const sorted = set.data.length < 2 ? set.data : [...set.data].sort(compareOctets);
  const unique = sorted.filter((data, i) => i === 0 || compareOctets(sorted[i - 1]!, data) !== 0);
  const size = unique.reduce((sum, data) => sum + owner.length + 10 + data.length, 0);
  const out = new Uint8Array(size);
  let at = 0;
  for (const data of unique) {
    out.set(owner, at);
    at += owner.length;
    const words = [type >> 8, type, CLASS.IN >> 8, CLASS.IN];
    for (const octet of words) out[at++] = octet;
    for (let shift = 24; shift >= 0; shift -= 8) out[at++] = ttlSec >>> shift;
    out[at++] = data.length >> 8;
    out[at++] = data.length;
    out.set(data, at);
    at += data.length;
  }
  return out;
}

/** As unsigned octets from the left; what is missing sorts first (RFC 4034 6.3). */
function compareOctets(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    if (a[i] !== b[i]) return a[i]! - b[i]!;
  }
  return a.length - b.length;
}
