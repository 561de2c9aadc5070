import { assert } from "../../base/assert.ts";
import type { Clock } from "../../base/clock.ts";
import { HEADER_BYTES, type Query, RCODE, TYPE, type Writer } from "../../wire/dns/mod.ts";
import {
  canonicalSet,
  concat,
  countLabels,
  nextName,
  nsecData,
  SECURE,
  signatureHead,
  typeBitmap,
  wholeData,
  wholeName,
} from "../../wire/dnssec/mod.ts";
import { type NameIndex, NEGATIVE_SEC } from "./name-index.ts";
import { Budget, hashOctets, SignatureCache, type Signed } from "./sign-cache.ts";
import { SignedRows } from "./sign-rows.ts";
import { type SigningKey, type SigningZone, tellsOfKeys } from "./sign-zone.ts";

/** An answer as it was assembled without signatures; `sign()` changes it in place. Used again for each. */
export interface Assembled {
  bytes: Uint8Array;
  readonly out: Writer;
  readonly query: Query;
  index: NameIndex;
  stream: boolean;
  /** Of a name with one steered address, all that is answered so far; else -1. */
  steeredAt: number;
  rcode: number;
  answers: number;
  authorities: number;
  additionals: number;
}

/** What answers are signed with. */
export interface Signing {
  /** By the zone's name. */
  readonly zones: ReadonlyMap<string, SigningZone>;
  readonly signer: AnswerSigner;
}

/** Records of one owner and type, one after the other. */
interface Group {
  readonly owner: Uint8Array;
  readonly type: number;
  readonly ttlSec: number;
  readonly data: Uint8Array[];
  /** Offset after its last record. */
  end: number;
}

/**
 * Signatures per second and thread. Names that exist come up again, so theirs are kept; a name that
 * does not, or that only a wildcard stands for, is signed for whoever invents it.
 */
export const SIGN_LIMITS = {
  keptPerSec: 4000,
  keptMax: 131_072,
  onceUdpPerSec: 2000,
  onceTcpPerSec: 1000,
  onceMax: 4096,
} as const;
export type SignLimits = { readonly [K in keyof typeof SIGN_LIMITS]: number };

const DAY_SEC = 86_400;
/** Clocks of resolvers may be behind. */
const INCEPTION_SEC = -3600;
const EXPIRATION_SEC = 7 * DAY_SEC;
/** Signatures are made anew after so long, those of different sets at different times. */
const RENEW_SEC = 3 * DAY_SEC;
const JITTER_SEC = DAY_SEC;
/** Nothing is answered that ends before caches have let go of it. */
const SPARE_SEC = DAY_SEC;

/**
 * TTLs of addresses follow health, the signature must not: it is made over the least of these that
 * holds the TTL, and stays valid when the TTL falls (RFC 4035 5.3.3: resolvers take the lower).
 */
const ORIGINAL_TTLS_SEC = [60, 3600, DAY_SEC];
const SOA_TTL_SEC = 3600;

/**
 * Signs answers as they leave, with each zone's active key, and proves what is not there by compact
 * denial (RFC 9824): NSEC of the very name asked, so that no walk and no two names to look for.
 *
 *     answer        becomes
 *     records       records, RRSIG
 *     no data       SOA, RRSIG, NSEC at the name asked with the types that it has, RRSIG
 *     no name       no error; the same with the type NXNAME (128)
 *     a wildcard's  records of the name asked, signed as such
 *     delegation    NS unsigned; DS, or NSEC that shows there is none; RRSIG
 *
 * Signatures are kept by what they sign: a new snapshot or new health costs only what it changed.
 */
export class AnswerSigner {
  readonly #clock: Clock;
  readonly #kept: SignatureCache;
  readonly #once: SignatureCache;
  readonly #keptBudget: Budget;
  readonly #onceUdp: Budget;
  readonly #onceTcp: Budget;
  readonly #rows: SignedRows;
  /** Signatures made so far. */
  made = 0;

  constructor(clock: Clock, limits: SignLimits = SIGN_LIMITS) {
    this.#clock = clock;
    this.#kept = new SignatureCache(limits.keptMax);
    this.#once = new SignatureCache(limits.onceMax);
    this.#keptBudget = new Budget(limits.keptPerSec);
    this.#onceUdp = new Budget(limits.onceUdpPerSec);
    this.#onceTcp = new Budget(limits.onceTcpPerSec);
    this.#rows = new SignedRows(limits.keptMax);
  }

  /** Signatures kept at present. */
  get size(): number {
    return this.#kept.size + this.#once.size;
  }

  /** False when it may not be signed now: the caller sends no records then. */
  sign(a: Assembled): boolean {
    if (a.steeredAt < 0) return this.#sign(a);
    const nowSec = Math.floor(this.#clock.wallMs() / 1000);
    if (this.#rows.append(a, nowSec)) {
      a.answers = 2;
      return true;
    }
    const signed = this.#sign(a);
    if (signed && a.answers === 2) this.#rows.keep(a, nowSec);
    return signed;
  }

  #sign(a: Assembled): boolean {
    const { out, query, bytes } = a;
    const total = out.at;
    const answers = readGroups(bytes, query.questionEnd, a.answers);
    const answersEnd = answers.at(-1)?.end ?? query.questionEnd;
    const authorities = readGroups(bytes, answersEnd, a.authorities);
    const additionals = readGroups(bytes, authorities.at(-1)?.end ?? answersEnd, a.additionals);
    const sections = [...answers, ...authorities, ...additionals];
    if (!sections.some((group) => zoneAt(a.index, group) !== null)) return true;
    // Views of the message would be written over.
    const copy = bytes.slice(query.questionEnd, total);
    for (const group of sections) {
      for (const [i, data] of group.data.entries()) {
        if (data.buffer !== bytes.buffer) continue;
        const from = data.byteOffset - bytes.byteOffset - query.questionEnd;
        group.data[i] = copy.subarray(from, from + data.length);
      }
    }
    out.rewind(answersEnd);
    a.authorities = 0;
    a.additionals = 0;
    for (const group of answers) {
      const written = this.#addSignatures(a, group);
      if (written < 0) return false;
      a.answers += written;
    }
    for (const group of authorities) if (!this.#authority(a, group, answers)) return false;
    for (const group of additionals) this.#additional(a, group);
    return true;
  }

  #authority(a: Assembled, group: Group, answers: readonly Group[]): boolean {
    const { index } = a;
    const place = index.findClosest(group.owner, 0);
    assert(place >= 0, "An authority is one of our names");
    const zone = index.signing(place);
    const explicit = a.query.type === SECURE.NSEC || a.query.type === SECURE.RRSIG;
    const denial = zone !== null && group.type === TYPE.SOA;
    if (!denial || !explicit) {
      writeGroup(a, group);
      a.authorities += group.data.length;
    }
    if (zone === null) return true;
    if (group.type === TYPE.NS && index.cut(place) >= 0) {
      return this.#referral(a, place, group.owner);
    }
    assert(denial, "An authority is a referral or a denial");
    const owner = deniedName(a, answers);
    const nsec = denialOf(a, owner, { ttlSec: group.ttlSec, apex: place });
    if (nsec === null) return false;
    // Who says that it takes the code beside this proof gets it (RFC 9824 5.1).
    if (a.rcode !== RCODE.NXDOMAIN || !a.query.compactOk) a.rcode = RCODE.NOERROR;
    if (!explicit) return this.#countAuthority(a, group) && this.#proof(a, nsec, zone);
    // Who asks for the proof itself gets it as the answer (RFC 9824 3.4).
    if (a.query.type === SECURE.NSEC) {
      writeGroup(a, nsec);
      a.answers += 1;
    }
    const written = this.#addSignatures(a, nsec);
    a.answers += Math.max(0, written);
    return written >= 0;
  }

  #countAuthority(a: Assembled, group: Group, zone?: SigningZone): boolean {
    const written = this.#addSignatures(a, group, zone);
    a.authorities += Math.max(0, written);
    return written >= 0;
  }

  /** Of the group's own zone, unless another is told. */
  #proof(a: Assembled, group: Group, zone?: SigningZone): boolean {
    writeGroup(a, group);
    a.authorities += group.data.length;
    return this.#countAuthority(a, group, zone);
  }

  /** DS of a signed child, or the proof that it has none (RFC 4035 3.1.4). */
  #referral(a: Assembled, cut: number, owner: Uint8Array): boolean {
    const ds = a.index.set(cut, SECURE.DS);
    if (ds >= 0) {
      const ttlSec = a.index.ttlSec(ds);
      return this.#proof(a, {
        owner,
        type: SECURE.DS,
        ttlSec,
        data: recordsOf(a.index, ds),
        end: 0,
      });
    }
    const nsec = denialOf(a, owner, { ttlSec: NEGATIVE_SEC, apex: a.index.zone(cut) });
    return nsec !== null && this.#proof(a, nsec);
  }

  /** What does not fit here, and is not the only way on (RFC 9471 2), is left out without a word (RFC 4035 3.1.1). */
  #additional(a: Assembled, group: Group): void {
    const { out } = a;
    if (out.overflow) return;
    const before = out.at;
    const place = a.index.findExact(group.owner, 0);
    const glue = place < 0 || a.index.cut(place) >= 0;
    writeGroup(a, group);
    if (out.overflow && !glue) out.rewind(before);
    else a.additionals += group.data.length;
    if (glue || out.at === before) return;
    const after = out.at;
    const written = this.#addSignatures(a, group);
    if (written >= 0 && !out.overflow) a.additionals += written;
    else out.rewind(after);
  }

  /** How many RRSIG records were written, or -1 if it may not be signed now. */
  #addSignatures(a: Assembled, group: Group, zone = zoneAt(a.index, group)): number {
    if (zone === null || group.type === SECURE.RRSIG) return 0;
    const signed = this.#signed(a, zone, group);
    if (signed === null) return -1;
    for (const data of signed.records) writeRecord(a, { ...group, type: SECURE.RRSIG }, data);
    return signed.records.length;
  }

  #signed(a: Assembled, zone: SigningZone, group: Group): Signed | null {
    const { owner, type, data } = group;
    const ttlSec = originalTtl(type, group.ttlSec);
    const set = canonicalSet({ owner, type, ttlSec, data });
    const hash = hashOctets(set);
    const kept = a.index.findExact(owner, 0) >= 0;
    const cache = kept ? this.#kept : this.#once;
    const nowMs = this.#clock.wallMs();
    const nowSec = Math.floor(nowMs / 1000);
    const known = cache.get(hash, set);
    const usable = known !== null && nowSec >= known.inceptionSec && nowSec < known.lastSec;
    if (usable && nowSec < known.renewSec) return known;
    const budget = kept ? this.#keptBudget : a.stream ? this.#onceTcp : this.#onceUdp;
    if (!budget.take(this.#clock.monoMs())) return usable ? known : null;
    const terms = { type, labels: countLabels(owner), originalTtlSec: ttlSec, nowSec, hash };
    const keys = tellsOfKeys(type) ? zone.keys : [zone.active];
    const inceptionSec = nowSec + INCEPTION_SEC;
    const jitterSec = hash % JITTER_SEC;
    const signed: Signed = {
      set,
      records: keys.map((key) => signWith(key, zone, { ...terms, set })),
      inceptionSec,
      renewSec: nowSec + RENEW_SEC + jitterSec,
      lastSec: nowSec + EXPIRATION_SEC - jitterSec - SPARE_SEC,
    };
    this.made += keys.length;
    cache.put(hash, signed);
    return signed;
  }
}

function signWith(
  key: SigningKey,
  zone: SigningZone,
  o: {
    readonly type: number;
    readonly labels: number;
    readonly originalTtlSec: number;
    readonly nowSec: number;
    readonly hash: number;
    readonly set: Uint8Array;
  },
): Uint8Array {
  const head = signatureHead({
    type: o.type,
    algorithm: key.algorithm,
    labels: o.labels,
    originalTtlSec: o.originalTtlSec,
    inceptionSec: o.nowSec + INCEPTION_SEC,
    expirationSec: o.nowSec + EXPIRATION_SEC - (o.hash % JITTER_SEC),
    keyTag: key.tag,
    signer: zone.name,
  });
  return concat([head, key.sign(concat([head, o.set]))]);
}

function originalTtl(type: number, ttlSec: number): number {
  if (type === TYPE.SOA) return Math.max(ttlSec, SOA_TTL_SEC);
  if (type !== TYPE.A && type !== TYPE.AAAA) return ttlSec;
  return ORIGINAL_TTLS_SEC.find((one) => one >= ttlSec) ?? ttlSec;
}

/** The signed zone that a set is in, or null: a zone's DS is in the one above it. */
function zoneAt(index: NameIndex, { owner, type }: Group): SigningZone | null {
  const place = index.findClosest(owner, 0);
  assert(place >= 0, "An answer's owner is below one of our names");
  const above = type === SECURE.DS && index.zone(place) === place ? index.zoneAbove(place) : -1;
  return index.signing(above < 0 ? place : above);
}

/** The name asked, or the last one that a CNAME led to. */
function deniedName(a: Assembled, answers: readonly Group[]): Uint8Array {
  const alias = answers.findLast((group) => group.type === TYPE.CNAME);
  return alias?.data[0] ?? wholeName(a.bytes, HEADER_BYTES).name;
}

/**
 * NSEC of exactly this name: it denies the type asked, and lists all that may stand there, so that
 * resolvers that reuse it (RFC 8198) deny nothing that lives.
 */
function denialOf(
  a: Assembled,
  owner: Uint8Array,
  { ttlSec, apex }: { readonly ttlSec: number; readonly apex: number },
): Group | null {
  const next = nextName(owner);
  const place = a.index.findClosest(owner, 0);
  if (next === null || place < 0) return null;
  const exact = a.index.octets(place) === owner.length;
  const source = exact ? place : a.index.wildcard(place);
  // Of a zone of ours below, the one above knows where it is cut (RFC 4035 2.3), and denied its DS.
  const below = source >= 0 && a.index.zone(source) !== apex;
  const known = below ? CUT : source < 0 ? NO_NAME : null;
  const bitmap = known ?? bitmapAt(a.index, source, a.query.type);
  const data = [nsecData(next, bitmap)];
  return { owner, type: SECURE.NSEC, ttlSec, data, end: 0 };
}

const PROVEN = [SECURE.RRSIG, SECURE.NSEC];
const NO_NAME = typeBitmap([SECURE.NXNAME, ...PROVEN]);
const CUT = typeBitmap([TYPE.NS, ...PROVEN]);

function bitmapAt(index: NameIndex, place: number, asked: number): Uint8Array {
  const types: number[] = [...PROVEN];
  const cut = index.cut(place) >= 0;
  const apex = index.zone(place) === place;
  for (let set = index.firstSet(place); set >= 0; set = index.nextSet(set)) {
    const type = index.type(set);
    // Only these of a delegation are ours, and the DS at our own cut is of the zone above.
    const ours = cut
      ? type === TYPE.NS || type === SECURE.DS
      : type !== asked && !(apex && type === SECURE.DS);
    if (ours) types.push(type);
  }
  // These come and go with health; one that is asked for and not there must not be listed.
  const steered = index.subject(place) < 0 ? [] : [TYPE.A, TYPE.AAAA, TYPE.HTTPS];
  return typeBitmap([...types, ...steered.filter((type) => type !== asked)]);
}

function recordsOf(index: NameIndex, set: number): Uint8Array[] {
  const data: Uint8Array[] = [];
  let record = index.first(set);
  for (let i = 0; i < index.count(set); i++, record = index.next(record)) {
    data.push(index.bytes.subarray(record, record + index.size(record)));
  }
  return data;
}

/** Records as groups; names in them whole. Data without names is a view of the message. */
function readGroups(bytes: Uint8Array, start: number, count: number): Group[] {
  const groups: Group[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const { name: owner, end } = wholeName(bytes, at);
    const view = new DataView(bytes.buffer, bytes.byteOffset + end, 10);
    const type = view.getUint16(0);
    const length = view.getUint16(8);
    const data = wholeData(bytes, { type, start: end + 10, length });
    at = end + 10 + length;
    const last = groups.at(-1);
    if (last !== undefined && last.type === type && sameName(last.owner, owner)) {
      last.data.push(data);
      last.end = at;
    } else {
      groups.push({ owner, type, ttlSec: view.getUint32(4), data: [data], end: at });
    }
  }
  return groups;
}

function sameName(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, i) => octet === b[i]);
}

function writeGroup(a: Assembled, group: Group): void {
  for (const data of group.data) writeRecord(a, group, data);
}

function writeRecord(a: Assembled, group: Omit<Group, "data" | "end">, data: Uint8Array): void {
  const { out } = a;
  const suffix = suffixOfQuestion(a, group.owner);
  if (suffix < 0) out.wireName(group.owner);
  else out.u16(0xc000 | suffix);
  out.u16(group.type);
  out.u16(1);
  out.u32(group.ttlSec);
  if (group.type === TYPE.NS || group.type === TYPE.CNAME) {
    const lengthAt = out.at;
    out.u16(0);
    out.wireName(data);
    out.patch16(lengthAt, out.at - lengthAt - 2);
    return;
  }
  out.u16(data.length);
  out.bytes(data);
}

/** Where this name stands at the end of the question's, whatever the case; or -1. */
function suffixOfQuestion(a: Assembled, owner: Uint8Array): number {
  const { query, bytes } = a;
  const start = query.nameEnd - owner.length;
  for (let l = query.labels - 1; l >= 0; l--) {
    const at = query.labelAt[l]!;
    if (at > start) continue;
    if (at < start) return -1;
    for (let i = 0; i < owner.length; i++) {
      const octet = bytes[start + i]!;
      const lower = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
      if (lower !== owner[i]) return -1;
    }
    return start;
  }
  return -1;
}
