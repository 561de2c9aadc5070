import type { Query } from "../../wire/dns/mod.ts";
import type { SigningZone } from "./sign-zone.ts";

/** Negative answers are kept by resolvers for so long (RFC 2308 5). */
export const NEGATIVE_SEC = 5;

/**
 * All names, as `compileNames()` writes them: plain data over shared memory, so that it is made once
 * and read by all threads. Never changed after.
 */
export interface NameBytes {
  /** Pairs: the hash of a name, and the word where its entry begins; 0 where the slot is free. */
  readonly slots: Int32Array;
  /** Entries and record sets, one after the other; see `ENTRY` and `SET`. */
  readonly bytes: Uint8Array;
}

/** No name at all: before the first snapshot. */
export const NO_NAMES: NameBytes = { slots: new Int32Array(32), bytes: new Uint8Array(4) };

/** An entry, in 32-bit words; the name's octets in lower case follow. */
export const ENTRY = {
  /** Octets of the name, its labels times 256, and 65,536 where a zone begins that is signed. */
  SIZE: 0,
  /** What addresses are decided about: 0 for caches, a site plus one for its servers, or -1. */
  SUBJECT: 1,
  /** The site whose queries are counted, or -1. */
  METERED: 2,
  /** The entry of the zone's apex. */
  ZONE: 3,
  /** The entry of the delegation that this name is at or below; 0 where we are authoritative. */
  CUT: 4,
  /** The entry of `*` right below this name (RFC 4592), or 0. */
  WILDCARD: 5,
  /** The byte where its record sets begin, or 0. */
  SETS: 6,
  NAME: 7,
} as const;
export const SIGNED_BIT = 0x10000;

/**
 * A record set, in bytes: type, TTL, number of records, octets of all; then for each record its length
 * and octets. A list of sets ends with type 0. Names in them are whole, in lower case.
 */
export const SET = { TYPE: 0, TTL: 2, COUNT: 6, SIZE: 8, RECORDS: 12 } as const;

/**
 * Finds names by a hash of their octets in lower case. The hash runs from the root's end to the
 * front, so one pass over a name gives those of all its ancestors too: a flood of random names
 * costs one pass and a probe per label. A *place* is where an entry begins; `-1` is none. All that a
 * steered answer needs of a name lies at its place: two cache misses, however many names there are.
 * A name or record is an offset into `bytes`. Budget: no allocation.
 */
export class NameIndex {
  readonly bytes: Uint8Array;
  readonly #words: Int32Array;
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** By the apex. */
  readonly #signing = new Map<number, SigningZone>();
  /** Scratch: the hash at each label of the name asked last. */
  readonly #labelHash = new Int32Array(128);

  constructor(names: NameBytes, signing: Iterable<SigningZone> = []) {
    this.bytes = names.bytes;
    this.#words = new Int32Array(names.bytes.buffer);
    this.#slots = names.slots;
    this.#mask = names.slots.length / 2 - 1;
    for (const zone of signing) {
      const place = this.findExact(zone.name, 0);
      if (place < 0 || this.zone(place) !== place) continue;
      if ((this.#words[place + ENTRY.SIZE]! & SIGNED_BIT) !== 0) this.#signing.set(place, zone);
    }
  }

  /** The place of the name asked, or of its closest ancestor that is ours; -1 if none is. Hot. */
  find(packet: Uint8Array, query: Query): number {
    this.#hashLabels(packet, query);
    for (let l = 0; l < query.labels; l++) {
      const found = this.#probe(this.#labelHash[l]!, packet, query.labelAt[l]!);
      if (found >= 0) return found;
    }
    return -1;
  }

  /** The place of exactly the name at `at`, whole octets in lower case; -1 if it is not ours. */
  findExact(wire: Uint8Array, at: number): number {
    return this.#probe(hashName(wire, at), wire, at);
  }

  /** As `find()`, for whole octets in lower case. */
  findClosest(wire: Uint8Array, start: number): number {
    for (let at = start; wire[at] !== 0; at += wire[at]! + 1) {
      const found = this.findExact(wire, at);
      if (found >= 0) return found;
    }
    return -1;
  }

  /** Where its name is, whole octets in lower case. */
  name(place: number): number {
    return (place + ENTRY.NAME) * 4;
  }

  /** Octets of its name. */
  octets(place: number): number {
    return this.#words[place + ENTRY.SIZE]! & 0xff;
  }

  labels(place: number): number {
    return (this.#words[place + ENTRY.SIZE]! >> 8) & 0xff;
  }

  /** 0 for caches, a site plus one for its servers; -1 where no addresses are decided. */
  subject(place: number): number {
    return this.#words[place + ENTRY.SUBJECT]!;
  }

  /** The site whose queries are counted at a steered name, or -1. */
  metered(place: number): number {
    return this.#words[place + ENTRY.METERED]!;
  }

  /** The place of its zone's apex. */
  zone(place: number): number {
    return this.#words[place + ENTRY.ZONE]!;
  }

  /**
   * The place of the zone that the zone with this apex is cut out of; -1 where that is not ours, or
   * delegated away itself.
   */
  zoneAbove(apex: number): number {
    const at = this.name(apex);
    const above = this.findClosest(this.bytes, at + 1 + this.bytes[at]!);
    return above < 0 || this.cut(above) >= 0 ? -1 : this.zone(above);
  }

  /** The delegation it is at or below, or -1. */
  cut(place: number): number {
    return this.#words[place + ENTRY.CUT]! || -1;
  }

  /** What stands for names that are not there right below it, or -1. */
  wildcard(place: number): number {
    return this.#words[place + ENTRY.WILDCARD]! || -1;
  }

  /** What its zone is signed with; null where it is not. */
  signing(place: number): SigningZone | null {
    return this.#signing.get(this.zone(place)) ?? null;
  }

  /** Its record set of this type, or -1. */
  set(place: number, type: number): number {
    for (let at = this.firstSet(place); at >= 0; at = this.nextSet(at)) {
      if (this.type(at) === type) return at;
    }
    return -1;
  }

  /** Its first record set, or -1. */
  firstSet(place: number): number {
    return this.#words[place + ENTRY.SETS]! || -1;
  }

  /** The next set of the same name, or -1. */
  nextSet(set: number): number {
    const next = set + SET.RECORDS + u32(this.bytes, set + SET.SIZE);
    return this.type(next) === 0 ? -1 : next;
  }

  type(set: number): number {
    return u16(this.bytes, set + SET.TYPE);
  }

  ttlSec(set: number): number {
    return u32(this.bytes, set + SET.TTL);
  }

  /** How many records it has: one at least. */
  count(set: number): number {
    return u16(this.bytes, set + SET.COUNT);
  }

  /** Where its first record's octets are. */
  first(set: number): number {
    return set + SET.RECORDS + 2;
  }

  /** The record after this one, of the same set. */
  next(record: number): number {
    return record + this.size(record) + 2;
  }

  /** Octets of a record. */
  size(record: number): number {
    return u16(this.bytes, record - 2);
  }

  #hashLabels(packet: Uint8Array, query: Query): void {
    let hash = SEED;
    let at = query.nameEnd - 2;
    for (let l = query.labels - 1; l >= 0; l--) {
      const start = query.labelAt[l]!;
      for (; at >= start; at--) hash = mix(hash, packet[at]!);
      this.#labelHash[l] = finish(hash);
    }
  }

  #probe(hash: number, bytes: Uint8Array, at: number): number {
    const slots = this.#slots;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const place = slots[slot * 2 + 1]!;
      if (place === 0) return -1;
      if (slots[slot * 2] === hash && this.#same(place, bytes, at)) return place;
    }
  }

  /** Length octets are below 64, so lowering them changes nothing (RFC 4343). */
  #same(place: number, bytes: Uint8Array, at: number): boolean {
    const own = this.bytes;
    const from = this.name(place);
    const length = this.octets(place);
    for (let i = 0; i < length; i++) {
      const octet = bytes[at + i]!;
      const lower = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
      if (own[from + i] !== lower) return false;
    }
    return true;
  }
}

const SEED = 0x811c9dc5 | 0;

function mix(hash: number, octet: number): number {
  const lower = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
  return Math.imul(hash ^ lower, 0x01000193);
}

function finish(hash: number): number {
  const h = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return h ^ (h >>> 13);
}

/** Of the name at `at`, whole octets. */
export function hashName(wire: Uint8Array, at: number): number {
  let end = at;
  while (wire[end] !== 0) end += wire[end]! + 1;
  let hash = SEED;
  for (let i = end - 1; i >= at; i--) hash = mix(hash, wire[i]!);
  return finish(hash);
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}

function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 0x10000 + u16(bytes, at + 2);
}
