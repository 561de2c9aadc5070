/** What a MaxMind DB holds: maps, lists, texts, numbers and truth; bytes are left out as null. */
export type MmdbValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | readonly MmdbValue[]
  | { readonly [key: string]: MmdbValue };

const MARKER = [0xab, 0xcd, 0xef, ...new TextEncoder().encode("MaxMind.com")];
/** The metadata lies within so many bytes of the end (format 2.0, "Database Metadata"). */
const METADATA_BYTES_MAX = 131_072;
const SEPARATOR_BYTES = 16;
/** One record nests no deeper and holds no more than this, whatever a broken file points to. */
const DEPTH_MAX = 32;
const VALUES_MAX = 10_000;

const TYPE = {
  ...{ pointer: 1, text: 2, double: 3, bytes: 4, uint16: 5, uint32: 6, map: 7, int32: 8 },
  ...{ uint64: 9, uint128: 10, list: 11, truth: 14, float: 15 },
} as const;

/**
 * Reads a MaxMind DB (MaxMind DB File Format Specification 2.0): a binary tree from an address to a
 * record. It keeps the bytes as they are and decodes one record at a time; a broken file gives null.
 *
 * @example Mmdb.open(new Uint8Array(3)) // null
 */
export class Mmdb {
  readonly #bytes: Uint8Array;
  readonly #nodes: number;
  readonly #recordBits: number;
  readonly #data: number;
  readonly #v6: boolean;

  private constructor(bytes: Uint8Array, o: { nodes: number; recordBits: number; v6: boolean }) {
    this.#bytes = bytes;
    this.#nodes = o.nodes;
    this.#recordBits = o.recordBits;
    this.#data = (o.nodes * o.recordBits) / 4 + SEPARATOR_BYTES;
    this.#v6 = o.v6;
  }

  /** Null when these are no such file's bytes. */
  static open(bytes: Uint8Array): Mmdb | null {
    const start = metadataStart(bytes);
    const told = start === null ? null : decode(bytes, { base: start, at: start });
    if (told === null || typeof told !== "object" || Array.isArray(told)) return null;
    const metadata = told as { readonly [key: string]: MmdbValue };
    const { node_count: nodes, record_size: recordBits, ip_version: version } = metadata;
    if (typeof nodes !== "number" || typeof recordBits !== "number") return null;
    if (![24, 28, 32].includes(recordBits) || (version !== 4 && version !== 6)) return null;
    if ((nodes * recordBits) / 4 + SEPARATOR_BYTES > bytes.length) return null;
    return new Mmdb(bytes, { nodes, recordBits, v6: version === 6 });
  }

  /** The record of an address of 4 or 16 octets; null where there is none. */
  find(address: Uint8Array): MmdbValue | null {
    const v4 = address.length === 4;
    if (!this.#v6 && !v4) return null;
    let node = 0;
    // IPv4 lies at ::/96 of a tree of IPv6.
    for (let i = 0; this.#v6 && v4 && i < 96; i++)
      if (node < this.#nodes) node = this.#next(node, 0);
    for (let i = 0; i < address.length * 8 && node < this.#nodes; i++) {
      node = this.#next(node, (address[i >> 3]! >> (7 - (i & 7))) & 1);
    }
    if (node <= this.#nodes) return null;
    const at = this.#data + (node - this.#nodes - SEPARATOR_BYTES);
    return decode(this.#bytes, { base: this.#data, at });
  }

  #next(node: number, bit: number): number {
    const bytes = this.#bytes;
    const at = (node * this.#recordBits) / 4;
    const of = (i: number) => bytes[at + i]!;
    if (this.#recordBits === 24) {
      const from = 3 * bit;
      return (of(from) << 16) | (of(from + 1) << 8) | of(from + 2);
    }
    if (this.#recordBits === 32) {
      const from = 4 * bit;
      return ((of(from) << 24) | (of(from + 1) << 16) | (of(from + 2) << 8) | of(from + 3)) >>> 0;
    }
    // 28 bits: the middle byte holds the highest four of both.
    const high = bit === 0 ? of(3) >> 4 : of(3) & 15;
    const from = 4 * bit;
    return (high << 24) | (of(from) << 16) | (of(from + 1) << 8) | of(from + 2);
  }
}

function metadataStart(bytes: Uint8Array): number | null {
  const least = Math.max(0, bytes.length - METADATA_BYTES_MAX);
  for (let at = bytes.length - MARKER.length; at >= least; at--) {
    if (MARKER.every((byte, i) => bytes[at + i] === byte)) return at + MARKER.length;
  }
  return null;
}

function decode(bytes: Uint8Array, from: { base: number; at: number }): MmdbValue | null {
  try {
    return new Decoder(bytes, from).value(0);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** One record; reading beyond the end, too deep or too much throws RangeError. */
class Decoder {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #base: number;
  #at: number;
  #values = 0;

  constructor(bytes: Uint8Array, { base, at }: { readonly base: number; readonly at: number }) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#base = base;
    this.#at = at;
  }

  value(depth: number): MmdbValue {
    if (depth > DEPTH_MAX || ++this.#values > VALUES_MAX) throw new RangeError("too much");
    const control = this.#view.getUint8(this.#at++);
    const type = control >> 5 === 0 ? this.#view.getUint8(this.#at++) + 7 : control >> 5;
    if (type === TYPE.pointer) return this.#pointed(control, depth);
    const size = this.#size(control & 31);
    if (type === TYPE.map) return this.#map(size, depth);
    if (type === TYPE.list) return Array.from(this.#times(size), () => this.value(depth + 1));
    if (type === TYPE.truth) return size !== 0;
    const at = this.#at;
    this.#at += size;
    if (this.#at > this.#bytes.length) throw new RangeError("beyond the end");
    return this.#plain(type, at, size);
  }

  #plain(type: number, at: number, size: number): MmdbValue {
    if (type === TYPE.text) return new TextDecoder().decode(this.#bytes.subarray(at, at + size));
    if (type === TYPE.double) return this.#view.getFloat64(at);
    if (type === TYPE.float) return this.#view.getFloat32(at);
    if (type === TYPE.int32) return this.#whole(at, size) | 0;
    if (type === TYPE.uint16 || type === TYPE.uint32) return this.#whole(at, size);
    if (type !== TYPE.uint64 && type !== TYPE.uint128) return null;
    let sum = 0n;
    for (let i = 0; i < Math.min(16, size); i++) sum = (sum << 8n) | BigInt(this.#bytes[at + i]!);
    return sum;
  }

  #whole(at: number, size: number): number {
    let sum = 0;
    for (let i = 0; i < Math.min(4, size); i++) sum = sum * 256 + this.#bytes[at + i]!;
    return sum;
  }

  #size(told: number): number {
    if (told < 29) return told;
    const bytes = told - 28;
    const more = this.#whole(this.#at, bytes);
    this.#at += bytes;
    return [29, 285, 65_821][bytes - 1]! + more;
  }

  #times(count: number): { readonly length: number } {
    if (count > VALUES_MAX) throw new RangeError("too much");
    return { length: count };
  }

  #map(count: number, depth: number): MmdbValue {
    const pairs = Array.from(this.#times(count), () => {
      const key = this.value(depth + 1);
      return [String(key), this.value(depth + 1)] as const;
    });
    return Object.fromEntries(pairs);
  }

  #pointed(control: number, depth: number): MmdbValue {
    const bytes = ((control >> 3) & 3) + 1;
    const low = this.#whole(this.#at, bytes);
    this.#at += bytes;
    const high = bytes === 4 ? 0 : (control & 7) * 256 ** bytes;
    const back = this.#at;
    this.#at = this.#base + high + low + [0, 2048, 526_336, 0][bytes - 1]!;
    const value = this.value(depth + 1);
    this.#at = back;
    return value;
  }
}
