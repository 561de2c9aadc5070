import type { Family } from "./address.ts";
import { type Prefix, parsePrefix } from "./prefix.ts";

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

/**
 * Compiles to typed arrays: for each family the sorted starts of disjoint ranges, and the entry
 * each belongs to. Entries that are no prefix are skipped; of two equal ones the last wins.
 *
 * @example compilePrefixes([{ prefix: "10.0.0.0/8", value: 1 }]).find(address, 4)
 */
export function compilePrefixes(entries: readonly PrefixEntry[]): PrefixTable {
  const v4 = compileFamily(entries, 4);
  const v6 = compileFamily(entries, 6);
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

interface FamilyTable {
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
}

interface Node {
  readonly start: Uint32Array;
  readonly bits: number;
  readonly value: number;
}

function compileFamily(entries: readonly PrefixEntry[], family: Family): FamilyTable {
  const words = family === 4 ? 1 : 4;
  const nodes = collect(entries, family, words);
  const value = [0];
  const bits = [0];
  const parent = [0];
  const starts: Uint32Array[] = [new Uint32Array(words)];
  const entryOf = [0];
  const begin = (start: Uint32Array, entry: number) => {
    // A range that begins where the last one did leaves that one empty: take its place.
    if (compareWords(starts.at(-1)!, start) === 0) {
      starts.pop();
      entryOf.pop();
    }
    if (entryOf.at(-1) === entry) return;
    starts.push(start);
    entryOf.push(entry);
  };
  const open: { entry: number; end: Uint32Array | null }[] = [{ entry: 0, end: null }];
  const closeUntil = (start: Uint32Array | null) => {
    while (open.length > 1) {
      const end = open.at(-1)!.end;
      if (start !== null && (end === null || compareWords(end, start) > 0)) return;
      open.pop();
      if (end !== null) begin(end, open.at(-1)!.entry);
    }
  };
  for (const node of nodes) {
    closeUntil(node.start);
    const outer = open.at(-1)!.entry;
    // Inside a prefix of the same value it makes no difference, and would narrow the scope.
    if (value[outer] === node.value) continue;
    value.push(node.value);
    bits.push(node.bits);
    parent.push(outer);
    begin(node.start, value.length - 1);
    open.push({ entry: value.length - 1, end: endOf(node) });
  }
  closeUntil(null);
  const flat = new Uint32Array(starts.length * words);
  starts.forEach((start, i) => {
    flat.set(start, i * words);
  });
  return {
    words,
    starts: flat,
    entryOf: Uint32Array.from(entryOf),
    value: Uint32Array.from(value),
    bits: Uint8Array.from(bits),
    parent: Uint32Array.from(parent),
  };
}

/** The family's prefixes by start, the outer before the inner, equal ones once. */
function collect(entries: readonly PrefixEntry[], family: Family, words: number): Node[] {
  const nodes: Node[] = [];
  for (const entry of entries) {
    const prefix = parsePrefix(entry.prefix);
    if (prefix === null || prefix.family !== family) continue;
    nodes.push({ start: wordsOf(prefix, words), bits: prefix.bits, value: entry.value });
  }
  nodes.sort((a, b) => compareWords(a.start, b.start) || a.bits - b.bits);
  return nodes.filter((node, i) => {
    const next = nodes[i + 1];
    return (
      next === undefined || next.bits !== node.bits || compareWords(next.start, node.start) !== 0
    );
  });
}

function wordsOf(prefix: Prefix, words: number): Uint32Array {
  const out = new Uint32Array(words);
  for (let w = 0; w < words; w++) out[w] = wordAt(prefix.address, w * 4);
  return out;
}

function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
  );
}

/** The first address after the block, or null when it reaches the end of the address space. */
function endOf(node: Node): Uint32Array | null {
  if (node.bits === 0) return null;
  const out = Uint32Array.from(node.start);
  let word = (node.bits - 1) >> 5;
  let add = 2 ** (31 - ((node.bits - 1) & 31));
  for (; word >= 0; word--, add = 1) {
    const sum = out[word]! + add;
    out[word] = sum;
    if (sum < 2 ** 32) return out;
  }
  return null;
}

function compareWords(a: Uint32Array, b: Uint32Array): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]! ? -1 : 1;
  return 0;
}

/**
 * The range that holds the address, by bisection; then, of the blocks around the address, the
 * shortest that neither reaches the last address before the range nor the first after it.
 * Budget: no allocation.
 */
function search(table: FamilyTable, bytes: Uint8Array, offset: number, sourceBits: number): number {
  const { words, starts, entryOf } = table;
  let low = 0;
  let high = entryOf.length;
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
