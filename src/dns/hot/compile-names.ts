import { assert } from "../../base/assert.ts";
import type { SnapshotRecord } from "../../model/snapshot.ts";
import { encodeRecordValue, ZONE_LIMITS } from "../../model/zone.ts";
import type { NameEntry, NameTable } from "../../policy/snapshot/mod.ts";
import { encodeName, lowerCaseName, TYPE, typeNumber } from "../../wire/dns/mod.ts";
import { ENTRY, hashName, type NameBytes, NEGATIVE_SEC, SET, SIGNED_BIT } from "./name-index.ts";
import { encodeSoa } from "./record-data.ts";
import type { SigningZone } from "./sign-zone.ts";
import { subjectOf } from "./subject.ts";

const INFRA_TTL_SEC = 3600;
/** Words and bytes that the first write may take; then they double. */
const BYTES_LEAST = 1 << 16;

/** Records of one name and type, as octets. Names among them are whole, in lower case. */
interface RecordSet {
  readonly type: number;
  readonly ttlSec: number;
  readonly data: readonly Uint8Array[];
}

/** A zone, as far as it is the same for all its names. */
interface Zone {
  readonly name: string;
  readonly soa: RecordSet;
  readonly servers: readonly Uint8Array[];
  readonly signing: SigningZone | null;
  readonly signed: boolean;
}

/**
 * Writes the table of names as octets: SOA and NS of every zone, plain records by type, and for
 * each name the delegation it lies under. Asserts what compiling a snapshot has made sure of.
 */
export function compileNameBytes(
  table: NameTable,
  soa: { readonly serial: number; readonly contact: string; readonly zone: string },
  signing: ReadonlyMap<string, SigningZone> = new Map(),
): NameBytes {
  const sets = new Map<readonly string[], readonly Uint8Array[]>();
  const zones = table.zones.map((zone): Zone => {
    const servers = sets.get(zone.servers) ?? zone.servers.map(wireOf);
    sets.set(zone.servers, servers);
    const data = encodeSoa({
      mname: servers[0] ?? wireOf(zone.name),
      rname: rnameOf(soa.contact, soa.zone),
      serial: soa.serial,
      minimumSec: NEGATIVE_SEC,
    });
    return {
      name: zone.name,
      soa: { type: TYPE.SOA, ttlSec: INFRA_TTL_SEC, data: [data] },
      servers,
      signing: zone.dnssec === true ? (signing.get(zone.name) ?? null) : null,
      signed: zone.dnssec === true,
    };
  });
  const builder = new Builder(table.names.size);
  // Ancestors before descendants, so that a cut is known before the names under it.
  const ordered = [...table.names.keys()].sort((a, b) => a.length - b.length);
  for (const text of ordered) {
    const entry = table.names.get(text)!;
    builder.add(text, entry, zones[entry.zone]!);
  }
  return builder.finish();
}

class Builder {
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** Entries by name, until all are written. */
  readonly #places = new Map<string, number>();
  #bytes = new Uint8Array(BYTES_LEAST);
  #words = new Int32Array(this.#bytes.buffer);
  /** Nothing begins at 0, which says that something is not there. */
  #at = 4;

  constructor(names: number) {
    let size = 16;
    // Two thirds full at most: a longer look costs less than a colder table.
    while (size < names * 1.5) size *= 2;
    this.#slots = new Int32Array(new SharedArrayBuffer(size * 8));
    this.#mask = size - 1;
  }

  add(text: string, entry: NameEntry, zone: Zone): void {
    const wire = wireOf(text);
    const place = this.#at >> 2;
    this.#reserve(ENTRY.NAME * 4 + wire.length);
    const words = this.#words;
    const apex = text === zone.name;
    const cut = this.#cutAbove(text, zone.name) || (entry.delegated ? place : 0);
    const { steered } = entry;
    const site = steered?.site ?? -1;
    const subject = steered === null ? -1 : subjectOf(steered);
    const signed = apex && zone.signed ? SIGNED_BIT : 0;
    words[place + ENTRY.SIZE] = wire.length | (countLabels(wire) << 8) | signed;
    words[place + ENTRY.SUBJECT] = cut === 0 ? subject : -1;
    words[place + ENTRY.METERED] = site;
    words[place + ENTRY.ZONE] = apex ? place : this.#places.get(zone.name)!;
    words[place + ENTRY.CUT] = cut;
    words[place + ENTRY.WILDCARD] = 0;
    this.#bytes.set(wire, (place + ENTRY.NAME) * 4);
    this.#at = (place + ENTRY.NAME) * 4 + wire.length;
    const sets = collectSets(entry.records);
    if (apex) sets.push(...apexSets(sets, zone), ...(zone.signing?.sets ?? []));
    const setsAt = this.#writeSets(sets);
    this.#words[place + ENTRY.SETS] = setsAt;
    this.#at = (this.#at + 3) & ~3;
    this.#places.set(text, place);
    this.#file(hashName(wire, 0), place);
    const above = text.startsWith("*.") ? this.#places.get(text.slice(2)) : undefined;
    if (above !== undefined) this.#words[above + ENTRY.WILDCARD] = place;
  }

  finish(): NameBytes {
    // Whole words, in memory that threads share.
    const bytes = new Uint8Array(new SharedArrayBuffer(this.#at));
    bytes.set(this.#bytes.subarray(0, this.#at));
    return { slots: this.#slots, bytes };
  }

  #file(hash: number, place: number): void {
    let slot = hash & this.#mask;
    while (this.#slots[slot * 2 + 1] !== 0) slot = (slot + 1) & this.#mask;
    this.#slots[slot * 2] = hash;
    this.#slots[slot * 2 + 1] = place;
  }

  /** The delegation that an ancestor below the apex is at or under, or 0. */
  #cutAbove(text: string, apex: string): number {
    for (let rest = text; rest !== apex && rest.length > apex.length; ) {
      rest = rest.slice(rest.indexOf(".") + 1);
      const place = rest === apex ? undefined : this.#places.get(rest);
      if (place !== undefined) return this.#words[place + ENTRY.CUT]!;
    }
    return 0;
  }

  /** Where they begin, or 0 where there are none. */
  #writeSets(sets: readonly RecordSet[]): number {
    if (sets.length === 0) return 0;
    const start = this.#at;
    for (const { type, ttlSec, data } of sets) {
      const size = data.reduce((sum, octets) => sum + 2 + octets.length, 0);
      this.#reserve(SET.RECORDS + size);
      const view = new DataView(this.#bytes.buffer);
      view.setUint16(this.#at + SET.TYPE, type);
      view.setUint32(this.#at + SET.TTL, ttlSec);
      view.setUint16(this.#at + SET.COUNT, data.length);
      view.setUint32(this.#at + SET.SIZE, size);
      this.#at += SET.RECORDS;
      for (const octets of data) {
        view.setUint16(this.#at, octets.length);
        this.#bytes.set(octets, this.#at + 2);
        this.#at += 2 + octets.length;
      }
    }
    this.#reserve(2);
    this.#at += 2;
    return start;
  }

  #reserve(size: number): void {
    // Room for what makes whole words too.
    if (this.#at + size + 4 <= this.#bytes.length) return;
    let length = this.#bytes.length;
    while (length < this.#at + size + 4) length *= 2;
    const bytes = new Uint8Array(length);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#words = new Int32Array(bytes.buffer);
  }
}

/** SOA of the apex, and our NS where the customer gave none. */
function apexSets(own: readonly RecordSet[], zone: Zone): RecordSet[] {
  const named = own.some((set) => set.type === TYPE.NS) || zone.servers.length === 0;
  if (named) return [zone.soa];
  return [zone.soa, { type: TYPE.NS, ttlSec: INFRA_TTL_SEC, data: zone.servers }];
}

function countLabels(wire: Uint8Array): number {
  let labels = 0;
  for (let at = 0; wire[at] !== 0; at += wire[at]! + 1) labels += 1;
  return labels;
}

/** The limits of D14 again: a snapshot that passes them never replaces the one before. */
function collectSets(records: readonly SnapshotRecord[]): RecordSet[] {
  const sets: RecordSet[] = [];
  for (const record of records) {
    const type = typeNumber(record.type);
    assert(type !== null, "A compiled record has a type");
    const at = sets.findIndex((set) => set.type === type);
    const before = sets[at];
    const data = [...(before?.data ?? [])];
    for (const value of record.values) {
      const octets = encodeRecordValue(type, value);
      assert(typeof octets !== "string", "A compiled value is one of its type");
      if (!data.some((known) => sameOctets(known, octets))) data.push(octets);
    }
    assert(data.length <= ZONE_LIMITS.recordsPerSet, "A set has a bounded number of records");
    // One set has one TTL: the least (RFC 2181 5.2).
    const ttlSec = Math.min(before?.ttlSec ?? record.ttlSec, record.ttlSec);
    sets.splice(at < 0 ? sets.length : at, 1, { type, ttlSec, data });
  }
  assert(sets.length <= ZONE_LIMITS.typesPerName, "A name has a bounded number of types");
  return sets;
}

function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}

function wireOf(text: string): Uint8Array {
  const wire = encodeName(text);
  assert(wire !== null, "A compiled name is a name");
  return lowerCaseName(wire);
}

/** A mailbox as a name: dots before the @ are part of its first label (RFC 1035 8). */
function rnameOf(contact: string, zone: string): Uint8Array {
  const at = contact.lastIndexOf("@");
  if (at <= 0) return wireOf(contact === "" ? `hostmaster.${zone}` : contact);
  const local = contact.slice(0, at).replace(/[.\\]/g, "\\$&");
  return encodeName(`${local}.${contact.slice(at + 1)}`) ?? wireOf(`hostmaster.${zone}`);
}
