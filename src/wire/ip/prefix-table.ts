import type { Family } from "./address.ts";

export interface PrefixEntry {
  readonly prefix: string;
  /** From 0 to 2^22 - 1. 0 is also what an address gets that no prefix covers. */
  readonly value: number;
}

/**
 * A longest-prefix table. `bits` is a scope in the sense of RFC 7871 7.2.1: every address that
 * shares so many leading bits with the one asked gets the same value, so an answer may be reused
 * for all of them. It is the length of the prefix that matched, or more where a longer prefix with
 * another value lies inside it; where none matched, the shortest block that holds no prefix.
 */
export interface PrefixTable {
  find(address: Uint8Array, family: Family): { value: number; bits: number };
  /**
   * `value * 256 + bits` for the address at `offset`, of which only the first `sourceBits` bits are
   * known: prefixes longer than that do not match, and bits is never more than that. Hot.
   */
  lookup(bytes: Uint8Array, offset: number, family: Family, sourceBits: number): number;
}

/** A table as plain data over shared memory: made once, read by all threads. */
export interface PrefixBytes {
  readonly v4: FamilyBytes;
  readonly v6: FamilyBytes;
}

export interface FamilyBytes {
  /** 32-bit words in an address: 1 or 4. */
  readonly words: number;
  /** `words` words per range, ascending; the first range starts at 0. */
  readonly starts: Uint32Array;
  /** Per range: the entry it belongs to. Entry 0 is the root: value 0, no bits. */
  readonly entryOf: Uint32Array;
  /** Per entry. */
  readonly value: Uint32Array;
  readonly bits: Uint8Array;
  readonly parent: Uint32Array;
  /** By the leading bits of an address (all but `topShift` of its first word): the range it is in. */
  readonly top: Uint32Array;
  readonly topShift: number;
}

/** Looks up in what was compiled, in this thread or another. */
export function openPrefixes({ v4, v6 }: PrefixBytes): PrefixTable {
  const lookup = (bytes: Uint8Array, offset: number, family: Family, sourceBits: number) =>
    family === 4 ? search(v4, bytes, offset, sourceBits) : search(v6, bytes, offset, sourceBits);
  return {
    lookup,
    find: (address, family) => {
      const packed = lookup(address, 0, family, address.length * 8);
      return { value: packed >> 8, bits: packed & 255 };
    },
  };
}

/**
 * The range that holds the address, by bisection; then, of the blocks around the address, the
 * shortest that neither reaches the last address before the range nor the first after it.
 * Budget: no allocation.
 */
function search(table: FamilyBytes, bytes: Uint8Array, offset: number, sourceBits: number): number {
  const { words, starts, entryOf } = table;
  const place = wordAt(bytes, offset) >>> table.topShift;
  let low = table.top[place]!;
  let high = table.top[place + 1]! + 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (startsAfter(starts, middle * words, bytes, offset, words)) high = middle;
    else low = middle;
  }
  let entry = entryOf[low]!;
  let bits = table.bits[entry]!;
  if (low > 0) bits = Math.max(bits, 1 + leadingWithBefore(starts, low, bytes, offset, words));
  if (high < entryOf.length) {
    bits = Math.max(bits, 1 + leadingShared(starts, high * words, bytes, offset, words));
  }
  while (table.bits[entry]! > sourceBits) entry = table.parent[entry]!;
  return table.value[entry]! * 256 + Math.min(bits, sourceBits);
}

function startsAfter(
  starts: Uint32Array,
  at: number,
  bytes: Uint8Array,
  offset: number,
  words: number,
): boolean {
  for (let w = 0; w < words; w++) {
    const start = starts[at + w]!;
    const word = wordAt(bytes, offset + w * 4);
    if (start !== word) return start > word;
  }
  return false;
}

/** How many leading bits the address shares with a start. */
function leadingShared(
  starts: Uint32Array,
  at: number,
  bytes: Uint8Array,
  offset: number,
  words: number,
): number {
  for (let w = 0; w < words; w++) {
    const differ = starts[at + w]! ^ wordAt(bytes, offset + w * 4);
    if (differ !== 0) return w * 32 + Math.clz32(differ);
  }
  return words * 32;
}

/** How many leading bits the address shares with the one before the range's start. */
function leadingWithBefore(
  starts: Uint32Array,
  range: number,
  bytes: Uint8Array,
  offset: number,
  words: number,
): number {
  // Subtracting one borrows from a word only if all words after it are zero.
  let borrowFrom = words - 1;
  while (borrowFrom > 0 && starts[range * words + borrowFrom] === 0) borrowFrom--;
  for (let w = 0; w < words; w++) {
    let before = starts[range * words + w]!;
    if (w === borrowFrom) before -= 1;
    else if (w > borrowFrom) before = 0xffffffff;
    const differ = before ^ wordAt(bytes, offset + w * 4);
    if (differ !== 0) return w * 32 + Math.clz32(differ);
  }
  return words * 32;
}

/** Four octets as a number. */
export function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}
