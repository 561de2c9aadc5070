import { assert } from "../../base/assert.ts";
import type { SnapshotRecord } from "../../model/snapshot.ts";
import { encodeRecordValue, ZONE_LIMITS } from "../../model/zone.ts";
import type { NameEntry, NameTable } from "../../policy/snapshot/mod.ts";
import { encodeName, lowerCaseName, type Query, TYPE, typeNumber } from "../../wire/dns/mod.ts";
import { encodeSoa } from "./record-data.ts";
import type { SigningZone } from "./sign-zone.ts";

/** Records of one name and type, as octets. Names among them are whole, in lower case. */
export interface RecordSet {
  readonly type: number;
  readonly ttlSec: number;
  readonly data: readonly Uint8Array[];
}

export interface HotZone {
  readonly wire: Uint8Array;
  /** Labels of the apex, so that its name can be found at the end of a longer one. */
  readonly labels: number;
  readonly soa: RecordSet;
  /** What its answers are signed with; null where they are not. */
  readonly signing: SigningZone | null;
}

/** Whose addresses are decided per client at a name. */
export type Steered = NonNullable<NameEntry["steered"]>;

/** What stands at one name, ready to be written. */
export interface HotName {
  readonly zone: HotZone;
  readonly sets: readonly RecordSet[];
  readonly cname: RecordSet | null;
  readonly steered: Steered | null;
  readonly labels: number;
  /** The delegation this name is at or below; null where we are authoritative. */
  readonly cut: HotName | null;
  /** `*` right below this name: it stands for what does not exist there (RFC 4592). */
  readonly wildcard: HotName | null;
}
type Draft = { -readonly [K in keyof HotName]: HotName[K] };

/** Negative answers are kept by resolvers for so long (RFC 2308 5). */
export const NEGATIVE_SEC = 5;
const INFRA_TTL_SEC = 3600;
const NO_SETS: readonly RecordSet[] = [];

/** Fields of a place in the table, in 32-bit words; a place is half a cache line. */
const PLACE = 8;
const HASH = 0;
/** The name's number plus one; 0 where the place is free. */
const NUMBER = 1;
const OCTETS_AT = 2;
const OCTETS = 3;
const LABELS = 4;
/** What addresses are decided about: 0 for caches, a site plus one for its servers, or -1. */
const SUBJECT = 5;
/** The site whose queries are counted, or -1. */
const METERED = 6;

/**
 * All names by a hash of their octets in lower case. The hash runs from the root's end to the
 * front, so one pass over a name gives those of all its ancestors too: a flood of random names
 * costs one pass and a probe per label. All that a steered answer needs of a name lies at its place,
 * so that it costs two cache misses and not a dozen, however many names there are.
 */
export class NameIndex {
  readonly #table: Int32Array;
  readonly #mask: number;
  readonly #octets: Uint8Array;
  readonly #names: readonly HotName[];
  /** Scratch: the hash at each label of the name asked last. */
  readonly #labelHash = new Int32Array(128);

  constructor(entries: readonly { readonly wire: Uint8Array; readonly name: HotName }[]) {
    let size = 16;
    while (size < entries.length * 2) size *= 2;
    this.#mask = size - 1;
    this.#table = new Int32Array(size * PLACE);
    this.#octets = new Uint8Array(entries.reduce((sum, { wire }) => sum + wire.length, 0));
    this.#names = entries.map(({ name }) => name);
    let octetsAt = 0;
    for (const [i, { wire, name }] of entries.entries()) {
      const hash = hashName(wire);
      let slot = hash & this.#mask;
      while (this.#table[slot * PLACE + NUMBER] !== 0) slot = (slot + 1) & this.#mask;
      const { labels, steered, cut } = name;
      const site = steered?.site ?? -1;
      const subject = steered?.for === "origins" ? site + 1 : 0;
      const known = steered !== null && cut === null;
      const place = [hash, i + 1, octetsAt, wire.length, labels, known ? subject : -1, site];
      this.#table.set(place, slot * PLACE);
      this.#octets.set(wire, octetsAt);
      octetsAt += wire.length;
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

  /** The place of exactly this name, whole octets in lower case; -1 if it is not ours. */
  findExact(wire: Uint8Array): number {
    return this.#probe(hashName(wire), wire, 0);
  }

  /** As `find()`, for whole octets in lower case. */
  findClosest(wire: Uint8Array): number {
    for (let at = 0; wire[at] !== 0; at += wire[at]! + 1) {
      const rest = wire.subarray(at);
      const found = this.#probe(hashName(rest), rest, 0);
      if (found >= 0) return found;
    }
    return -1;
  }

  name(place: number): HotName {
    return this.#names[this.#table[place + NUMBER]! - 1]!;
  }

  labels(place: number): number {
    return this.#table[place + LABELS]!;
  }

  octets(place: number): number {
    return this.#table[place + OCTETS]!;
  }

  subject(place: number): number {
    return this.#table[place + SUBJECT]!;
  }

  metered(place: number): number {
    return this.#table[place + METERED]!;
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
    const table = this.#table;
    for (let slot = hash & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const place = slot * PLACE;
      if (table[place + NUMBER] === 0) return -1;
      if (table[place + HASH] === hash && this.#same(place, bytes, at)) return place;
    }
  }

  /** Length octets are below 64, so lowering them changes nothing (RFC 4343). */
  #same(place: number, bytes: Uint8Array, at: number): boolean {
    const octets = this.#octets;
    const from = this.#table[place + OCTETS_AT]!;
    const length = this.#table[place + OCTETS]!;
    for (let i = 0; i < length; i++) {
      const octet = bytes[at + i]!;
      const lower = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
      if (lower !== octets[from + i]) return false;
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

function hashName(wire: Uint8Array): number {
  let hash = SEED;
  for (let at = wire.length - 2; at >= 0; at--) hash = mix(hash, wire[at]!);
  return finish(hash);
}

/**
 * Turns the table of names into octets: SOA and NS of every zone, plain records by type, and for
 * each name the delegation it lies under. Asserts what compiling a snapshot has made sure of.
 */
export function compileNameIndex(
  table: NameTable,
  soa: { readonly serial: number; readonly contact: string; readonly zone: string },
  signing: ReadonlyMap<string, SigningZone> = new Map(),
): NameIndex {
  const servers = table.zones.map((zone) => zone.servers.map(wireOf));
  const zones = table.zones.map((zone, i): HotZone => {
    const data = encodeSoa({
      mname: servers[i]![0] ?? wireOf(zone.name),
      rname: rnameOf(soa.contact, soa.zone),
      serial: soa.serial,
      minimumSec: NEGATIVE_SEC,
    });
    const set = { type: TYPE.SOA, ttlSec: INFRA_TTL_SEC, data: [data] };
    return {
      wire: wireOf(zone.name),
      labels: zone.name.split(".").length,
      soa: set,
      signing: zone.dnssec === true ? (signing.get(zone.name) ?? null) : null,
    };
  });
  const drafts = new Map<string, Draft>();
  // Ancestors before descendants, so that a cut is known before the names under it.
  const ordered = [...table.names].sort((a, b) => a[0].length - b[0].length);
  for (const [text, entry] of ordered) {
    const zone = zones[entry.zone]!;
    const apex = table.zones[entry.zone]!.name;
    const sets = collectSets(entry.records);
    if (text === apex) {
      const own = apexSets(sets, zone, servers[entry.zone]!);
      sets.push(...own, ...(zone.signing?.sets ?? []));
    }
    const draft: Draft = {
      labels: text.split(".").length,
      zone,
      sets: sets.length === 0 ? NO_SETS : sets,
      cname: sets.find((set) => set.type === TYPE.CNAME) ?? null,
      steered: entry.steered,
      cut: null,
      wildcard: null,
    };
    draft.cut = cutAbove(text, apex, drafts) ?? (entry.delegated ? draft : null);
    drafts.set(text, draft);
    const parent = text.startsWith("*.") ? drafts.get(text.slice(2)) : undefined;
    if (parent !== undefined) parent.wildcard = draft;
  }
  return new NameIndex([...drafts].map(([text, name]) => ({ wire: wireOf(text), name })));
}

/** SOA of the apex, and our NS where the customer gave none. */
function apexSets(
  own: readonly RecordSet[],
  zone: HotZone,
  servers: readonly Uint8Array[],
): RecordSet[] {
  const named = own.some((set) => set.type === TYPE.NS) || servers.length === 0;
  return named ? [zone.soa] : [zone.soa, { type: TYPE.NS, ttlSec: INFRA_TTL_SEC, data: servers }];
}

/** The delegation that an ancestor below the apex is at or under, or null. */
function cutAbove(text: string, apex: string, drafts: ReadonlyMap<string, Draft>): HotName | null {
  let rest = text;
  while (rest !== apex && rest.length > apex.length) {
    rest = rest.slice(rest.indexOf(".") + 1);
    const cut = rest === apex ? null : (drafts.get(rest)?.cut ?? null);
    if (cut !== null) return cut;
  }
  return null;
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
