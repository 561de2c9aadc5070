import { parsePrefix } from "./prefix.ts";
import {
  type FamilyBytes,
  openPrefixes,
  type PrefixBytes,
  type PrefixEntry,
  type PrefixTable,
  wordAt,
} from "./prefix-table.ts";

/**
 * Compiles to typed arrays: for each family the sorted starts of disjoint ranges, and the entry
 * each belongs to. Entries that are no prefix are skipped; of two equal ones the last wins.
 * A prefix takes at most 25 octets (IPv4) or 49 (IPv6).
 */
export function compilePrefixBytes(entries: readonly PrefixEntry[]): PrefixBytes {
  const v4 = new Nodes(1, entries.length);
  const v6 = new Nodes(4, entries.length);
  for (const { prefix, value } of entries) {
    const packed = parsePlainV4(prefix);
    if (packed >= 0) {
      v4.add(packed & 63, value);
      v4.starts[v4.count - 1] = Math.floor(packed / 64);
      continue;
    }
    const parsed = parsePrefix(prefix);
    if (parsed === null) continue;
    const nodes = parsed.family === 4 ? v4 : v6;
    nodes.add(parsed.bits, value);
    const at = (nodes.count - 1) * nodes.words;
    for (let w = 0; w < nodes.words; w++) nodes.starts[at + w] = wordAt(parsed.address, w * 4);
  }
  return { v4: compileFamily(v4), v6: compileFamily(v6) };
}

/** @example compilePrefixes([{ prefix: "10.0.0.0/8", value: 1 }]).find(address, 4) */
export function compilePrefixes(entries: readonly PrefixEntry[]): PrefixTable {
  return openPrefixes(compilePrefixBytes(entries));
}

/** The prefixes of one family as they were given. */
class Nodes {
  readonly words: number;
  count = 0;
  starts: Uint32Array;
  bits: Uint8Array;
  value: Uint32Array;
  readonly #most: number;

  constructor(words: number, most: number) {
    this.words = words;
    this.#most = most;
    this.starts = new Uint32Array(0);
    this.bits = new Uint8Array(0);
    this.value = new Uint32Array(0);
  }

  add(bits: number, value: number): void {
    if (this.count === this.bits.length) this.#grow();
    this.bits[this.count] = bits;
    this.value[this.count] = value;
    this.count += 1;
  }

  #grow(): void {
    const size = Math.min(this.#most, Math.max(64, this.count * 2));
    const { starts, bits, value } = this;
    this.starts = new Uint32Array(size * this.words);
    this.bits = new Uint8Array(size);
    this.value = new Uint32Array(size);
    this.starts.set(starts);
    this.bits.set(bits);
    this.value.set(value);
  }
}

/** `a.b.c.d/n` or `a.b.c.d` as start * 64 + bits, its host bits cleared; -1 for all else. */
function parsePlainV4(text: string): number {
  let start = 0;
  let at = 0;
  for (let part = 0; part < 4; part++) {
    const from = at;
    let octet = 0;
    for (; at < text.length; at++) {
      const digit = text.charCodeAt(at) - 48;
      if (digit < 0 || digit > 9) break;
      octet = octet * 10 + digit;
    }
    const digits = at - from;
    const plain = digits === 1 || (digits > 1 && digits < 4 && text.charCodeAt(from) !== 48);
    if (!plain || octet > 255) return -1;
    start = start * 256 + octet;
    if (part < 3 && text.charCodeAt(at++) !== 46) return -1;
  }
  let bits = 32;
  if (at < text.length) {
    const rest = text.length - at - 1;
    if (text.charCodeAt(at) !== 47 || rest < 1 || rest > 2) return -1;
    const tens = text.charCodeAt(at + 1) - 48;
    const ones = text.charCodeAt(at + rest) - 48;
    if (tens < 0 || tens > 9 || ones < 0 || ones > 9 || (rest === 2 && tens === 0)) return -1;
    bits = rest === 2 ? tens * 10 + ones : ones;
    if (bits > 32) return -1;
  }
  const block = 2 ** (32 - bits);
  return Math.floor(start / block) * block * 64 + bits;
}

function compileFamily(nodes: Nodes): FamilyBytes {
  const sweep = new Sweep(nodes);
  const order = sortNodes(nodes);
  for (let i = 0; i < order.length; i++) {
    // Of equal ones, which stand in the order given, the last wins.
    if (i + 1 < order.length && equalNodes(nodes, order[i]!, order[i + 1]!)) continue;
    sweep.add(order[i]!);
  }
  return sweep.finish();
}

/** Their numbers by start, the outer before the inner: a radix sort from the last digit on. */
function sortNodes({ words, count, starts, bits }: Nodes): Uint32Array {
  let from = Uint32Array.from({ length: count }, (_, i) => i);
  let to = new Uint32Array(count);
  const counts = new Uint32Array(0x10000);
  const pass = (digit: (node: number) => number) => {
    counts.fill(0);
    for (let i = 0; i < count; i++) counts[digit(from[i]!)]! += 1;
    let total = 0;
    for (let d = 0; d < counts.length; d++) {
      const own = counts[d]!;
      counts[d] = total;
      total += own;
    }
    for (let i = 0; i < count; i++) to[counts[digit(from[i]!)]!++] = from[i]!;
    [from, to] = [to, from];
  };
  if (count < 2) return from;
  pass((node) => bits[node]!);
  for (let w = words - 1; w >= 0; w--) {
    pass((node) => starts[node * words + w]! & 0xffff);
    pass((node) => starts[node * words + w]! >>> 16);
  }
  return from;
}

function equalNodes({ words, starts, bits }: Nodes, a: number, b: number): boolean {
  for (let w = 0; w < words; w++) if (starts[a * words + w] !== starts[b * words + w]) return false;
  return bits[a] === bits[b];
}

/** Walks over sorted prefixes and writes where another one begins to count. */
class Sweep {
  readonly #nodes: Nodes;
  readonly #starts: Uint32Array;
  readonly #entryOf: Uint32Array;
  readonly #value: Uint32Array;
  readonly #bits: Uint8Array;
  readonly #parent: Uint32Array;
  #ranges = 1;
  #entries = 1;
  /** Prefixes that are open, outermost first: their entries and first addresses after them. */
  readonly #open = new Uint32Array(130);
  readonly #ends: Uint32Array;
  /** Reaches the end of the address space. */
  readonly #endless = new Uint8Array(130).fill(1, 0, 1);
  #depth = 0;

  constructor(nodes: Nodes) {
    const { words, count } = nodes;
    this.#nodes = nodes;
    this.#starts = new Uint32Array((count * 2 + 1) * words);
    this.#entryOf = new Uint32Array(count * 2 + 1);
    this.#value = new Uint32Array(count + 1);
    this.#bits = new Uint8Array(count + 1);
    this.#parent = new Uint32Array(count + 1);
    this.#ends = new Uint32Array(130 * words);
  }

  add(node: number): void {
    const { starts, words, bits, value } = this.#nodes;
    while (this.#depth > 0 && this.#endsBy(starts, node * words)) this.#close();
    const outer = this.#open[this.#depth]!;
    // Inside a prefix of the same value it makes no difference, and would narrow the scope.
    if (this.#value[outer] === value[node]) return;
    const entry = this.#entries++;
    this.#value[entry] = value[node]!;
    this.#bits[entry] = bits[node]!;
    this.#parent[entry] = outer;
    this.#begin(starts, node * words, entry);
    this.#depth += 1;
    this.#open[this.#depth] = entry;
    this.#setEnd(node);
  }

  finish(): FamilyBytes {
    while (this.#depth > 0) this.#close();
    const { words } = this.#nodes;
    const starts = sharedWords(this.#starts.subarray(0, this.#ranges * words));
    const bits = new Uint8Array(new SharedArrayBuffer(this.#entries));
    bits.set(this.#bits.subarray(0, this.#entries));
    return {
      words,
      starts,
      entryOf: sharedWords(this.#entryOf.subarray(0, this.#ranges)),
      value: sharedWords(this.#value.subarray(0, this.#entries)),
      bits,
      parent: sharedWords(this.#parent.subarray(0, this.#entries)),
      ...topOf(starts, words),
    };
  }

  /** Whether the innermost open prefix ends where this start is, or before. */
  #endsBy(starts: Uint32Array, at: number): boolean {
    const { words } = this.#nodes;
    if (this.#endless[this.#depth] === 1) return false;
    for (let w = 0; w < words; w++) {
      const end = this.#ends[this.#depth * words + w]!;
      const start = starts[at + w]!;
      if (end !== start) return end < start;
    }
    return true;
  }

  #close(): void {
    const depth = this.#depth;
    this.#depth -= 1;
    if (this.#endless[depth] === 1) return;
    this.#begin(this.#ends, depth * this.#nodes.words, this.#open[this.#depth]!);
  }

  #begin(from: Uint32Array, at: number, entry: number): void {
    const { words } = this.#nodes;
    // A range that begins where the last one did leaves that one empty: take its place.
    let same = true;
    for (let w = 0; w < words; w++) {
      if (this.#starts[(this.#ranges - 1) * words + w] !== from[at + w]) same = false;
    }
    if (same) this.#ranges -= 1;
    if (this.#ranges > 0 && this.#entryOf[this.#ranges - 1] === entry) return;
    for (let w = 0; w < words; w++) this.#starts[this.#ranges * words + w] = from[at + w]!;
    this.#entryOf[this.#ranges] = entry;
    this.#ranges += 1;
  }

  /** The first address after the prefix, unless it reaches the end of the address space. */
  #setEnd(node: number): void {
    const { starts, words } = this.#nodes;
    const bits = this.#nodes.bits[node]!;
    const at = this.#depth * words;
    for (let w = 0; w < words; w++) this.#ends[at + w] = starts[node * words + w]!;
    this.#endless[this.#depth] = 1;
    if (bits === 0) return;
    let add = 2 ** (31 - ((bits - 1) & 31));
    for (let word = (bits - 1) >> 5; word >= 0; word--, add = 1) {
      const sum = this.#ends[at + word]! + add;
      this.#ends[at + word] = sum;
      if (sum >= 2 ** 32) continue;
      this.#endless[this.#depth] = 0;
      return;
    }
  }
}

function sharedWords(from: Uint32Array): Uint32Array {
  const out = new Uint32Array(new SharedArrayBuffer(from.length * 4));
  out.set(from);
  return out;
}

/** At most 2^16 places, and about one for each range: then few steps of bisection are left. */
function topOf(starts: Uint32Array, words: number): Pick<FamilyBytes, "top" | "topShift"> {
  const ranges = starts.length / words;
  const topBits = Math.min(16, Math.max(1, 32 - Math.clz32(ranges)));
  const topShift = 32 - topBits;
  const top = new Uint32Array(2 ** topBits + 1);
  let range = 0;
  for (let place = 0; place < 2 ** topBits; place++) {
    const first = place * 2 ** topShift;
    while (range + 1 < ranges && startsBy(starts, (range + 1) * words, words, first)) range += 1;
    top[place] = range;
  }
  top[2 ** topBits] = ranges - 1;
  return { top: sharedWords(top), topShift };
}

/** Whether the start is at the address with this first word and zeros after it, or before. */
function startsBy(starts: Uint32Array, at: number, words: number, first: number): boolean {
  if (starts[at]! !== first) return starts[at]! < first;
  for (let w = 1; w < words; w++) if (starts[at + w] !== 0) return false;
  return true;
}
