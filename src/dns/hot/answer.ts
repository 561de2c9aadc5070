import type { Assignment } from "../../model/assignment.ts";
import type { Health } from "../../model/health.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import { compileNames, groupEntries } from "../../policy/snapshot/mod.ts";
import { clientSeed, stickyBits } from "../../policy/steering/mod.ts";
import {
  CLASS,
  compressedOffset,
  EXTENDED_ERROR,
  FLAG,
  HEADER_BYTES,
  MESSAGE_BYTES_MAX,
  Query,
  RCODE,
  readQuery,
  TYPE,
  targetOffset,
  UDP_BYTES_PLAIN,
  VERDICT,
  Writer,
} from "../../wire/dns/mod.ts";
import { compilePrefixes, type Family, type PrefixTable } from "../../wire/ip/mod.ts";
import { type PackedCounts, packCounts } from "./counts.ts";
import { HealthMirror, type HealthPatch } from "./mirror.ts";
import {
  compileNameIndex,
  type HotName,
  type HotZone,
  type NameIndex,
  NEGATIVE_SEC,
  type RecordSet,
  type Steered,
} from "./name-index.ts";
import { Opt } from "./opt.ts";
import { KIND, type Kind, RateLimiter, SEND } from "./rate-limit.ts";
import { type Sample, Sampler } from "./sampler.ts";
import { type AnswerSettings, PLAIN } from "./settings.ts";
import type { Signing } from "./sign.ts";
import { SteeredTable } from "./steered.ts";
import { HELD_CELL, PROTO, Tally } from "./tally.ts";

/** A packet that came in; reused by whoever reads the socket. */
export interface Packet {
  bytes: Uint8Array;
  length: number;
  /** Where the sender's address lies: 4 or 16 octets. */
  address: Uint8Array;
  addressAt: number;
  family: Family;
  /** Came over TCP, where answers may be long. */
  stream: boolean;
  /** Came over TLS. */
  secure?: boolean;
}

/** How many CNAMEs are followed within our zones; loops end here too (NSD follows 18). */
const CNAME_HOPS_MAX = 8;

/** Hosts of one set whose addresses are looked up, so that no answer costs many searches. */
const HOSTS_MAX = 20;

/** Records added for a host besides its addresses, and whether an answer is cut without them. */
interface Additional {
  /** Others are left out where they do not fit (RFC 2181 9). */
  readonly needed: boolean;
  /** A type besides A and AAAA: what an alias leads to (RFC 9460 4.1). */
  readonly also: number;
}
const NEEDED: Additional = { needed: true, also: TYPE.A };
const HELPFUL: Additional = { needed: false, also: TYPE.A };

/** RFC 8482 4.2: ANY is answered with one small record that says so. */
const HINFO_8482 = Uint8Array.from([7, ...new TextEncoder().encode("RFC8482"), 0]);
const HINFO_TTL_SEC = 3789;

/** A pointer to the question's name, which always stands right after the header. */
const QUESTION_NAME = HEADER_BYTES;

/** What one snapshot compiles to. */
interface Loaded {
  readonly snapshot: Snapshot;
  readonly index: NameIndex;
  readonly groups: PrefixTable;
  readonly mirror: HealthMirror;
  readonly steered: SteeredTable;
  /** Queries per site since the last drain. */
  readonly queries: Uint32Array;
}

/**
 * Answers packets from one snapshot and the latest health. One per thread. The life of a lookup,
 * top to bottom: `answer()` reads the question; `#respond` finds the name and, for a steered one, copies
 * its record; `#resolve` writes other records, `#steer` draws; `#finish` the header and the OPT record.
 */
export class Responder {
  readonly #query = new Query();
  readonly #out = new Writer();
  #bytes: Uint8Array = new Uint8Array(0);
  #packet: Packet | null = null;
  #loaded: Loaded | null = null;
  #pending: PackedCounts[] = [];
  #random: number;
  #flags = 0;
  #answers = 0;
  #authorities = 0;
  #additionals = 0;
  readonly #opt: Opt;
  readonly #cookieRequired: boolean;
  readonly #limiter: RateLimiter | null;
  #signing: Signing | null = null;
  #steeredAt = -1;
  readonly #sampler: Sampler;
  /** What metrics show; whoever owns the thread takes it. */
  readonly tally = new Tally();
  #nowMs = 0;
  #nowSec = 0;
  #wallMs = 0;
  /** Packets that ran into a bug of ours and were answered SERVFAIL, since the last drain. */
  failures = 0;

  /** @param seed an unsigned 32-bit number, for the draws among choices. */
  constructor(seed: number, settings: AnswerSettings = PLAIN) {
    this.#random = seed >>> 0 || 1;
    this.#opt = new Opt(settings);
    this.#cookieRequired = settings.cookies?.required ?? false;
    const limits = settings.rateLimits;
    this.#sampler = new Sampler(settings.sampleEach);
    this.#limiter = limits === null ? null : new RateLimiter(limits, seed);
  }

  /** What time it is, for cookies and limits: told before each batch. Hot. */
  tick(wallMs: number): void {
    this.#nowMs = Math.floor(wallMs) | 0;
    this.#wallMs = wallMs;
    this.#nowSec = Math.floor(wallMs / 1000);
  }

  /**
   * Swaps the snapshot. Nothing is known of its targets' health until `observe()` or `patch()`.
   * Throws, and keeps the one before, if it cannot be compiled.
   */
  load(snapshot: Snapshot): void {
    const index = this.#compile(snapshot);
    const entries = groupEntries(snapshot).map((e) => ({ prefix: e.prefix, value: e.group }));
    const mirror = new HealthMirror(snapshot);
    this.#settle();
    this.#loaded = {
      snapshot,
      index,
      groups: compilePrefixes(entries),
      mirror,
      steered: new SteeredTable(mirror.view),
      queries: new Uint32Array(snapshot.sites.length),
    };
  }

  /** Signs with these keys from now on. They stand among the names, so these are compiled anew. */
  sign(signing: Signing): void {
    this.#signing = signing.zones.size > 0 ? signing : null;
    const loaded = this.#loaded;
    if (loaded !== null) this.#loaded = { ...loaded, index: this.#compile(loaded.snapshot) };
  }

  #compile(snapshot: Snapshot): NameIndex {
    const { number: serial, contact, zone } = snapshot;
    const soa = { serial, contact, zone };
    return compileNameIndex(compileNames(snapshot), soa, this.#signing?.zones);
  }

  /** Takes what was observed. Returns what changed, for responders in other threads. */
  observe(health: Health, assignment: Assignment): HealthPatch | null {
    if (this.#loaded === null) return null;
    const patch = this.#loaded.mirror.diff(health, assignment);
    this.patch(patch);
    return patch;
  }

  /** Takes what changed since the last one; decisions that depend on it are made anew when asked. */
  patch(patch: HealthPatch): void {
    const loaded = this.#loaded;
    if (loaded !== null) loaded.steered.forget(loaded.mirror.apply(patch));
  }

  /** What was answered since the last call: one for each snapshot that was in force. */
  drain(): readonly PackedCounts[] {
    this.#settle();
    const counts = this.#pending;
    this.#pending = [];
    return counts;
  }

  /** Packs the counters while the snapshot that they belong to is here. */
  #settle(): void {
    if (this.#loaded === null) return;
    const { snapshot, steered, queries } = this.#loaded;
    const packed = packCounts(snapshot, { sets: steered.drain(), queries });
    if (packed !== null) this.#pending.push(packed);
  }

  /**
   * Writes the answer into `out`, which must hold 1232 octets, or 65,535 for a stream. Returns its
   * length; 0 means that nothing is sent. Never throws.
   * Budget: no await, no allocation for a steered answer that is already decided; see bench/dns.
   */
  answer(packet: Packet, out: Uint8Array): number {
    const query = this.#query;
    const verdict = readQuery(packet.bytes, packet.length, query);
    if (verdict === VERDICT.DROP) {
      this.tally.held(HELD_CELL.IGNORED);
      return 0;
    }
    this.#begin(packet, out);
    let rcode: number;
    let sent: number;
    try {
      rcode = verdict === VERDICT.ANSWER ? this.#respond() : this.#reject(verdict);
      sent = query.dnssecOk && this.#signing !== null ? this.#sign(this.#signing, rcode) : rcode;
    } catch {
      this.failures += 1;
      this.#begin(packet, out);
      this.#opt.error = EXTENDED_ERROR.OTHER;
      rcode = RCODE.SERVFAIL;
      sent = rcode;
    }
    const written = this.#finish(sent);
    const length = this.#limiter === null ? written : this.#limit(this.#limiter, rcode, written);
    this.tally.request(protoOf(packet), packet.family, query.type);
    if (length > 0) this.tally.response(rcode);
    if (this.#sampler.due()) this.#sample(length);
    return length;
  }

  /** Lookups that were written down since the last call. */
  takeSamples(): readonly Sample[] {
    return this.#sampler.take();
  }

  #sample(length: number): void {
    const query = this.#query;
    const packet = this.#packet!;
    const loaded = this.#loaded;
    const own = { ...packet, bits: packet.family === 4 ? 32 : 128, subnet: false };
    const { subnetAddress: address, subnetFamily: family, subnetSourceBits: bits } = query;
    const told = query.subnet && bits > 0;
    this.#sampler.keep(packet, this.#bytes.subarray(0, length), {
      client: told ? { address, addressAt: 0, family, bits, subnet: true } : own,
      groups: loaded?.groups ?? null,
      numbers: {
        atMs: this.#wallMs,
        snapshot: loaded?.snapshot.number ?? 0,
        health: loaded?.mirror.view.health.number ?? 0,
        assignment: loaded?.mirror.view.assignment.number ?? 0,
      },
    });
  }

  /** Why it is refused, if the client understands that. */
  #reject(verdict: number): number {
    const { class: asked } = this.#query;
    if (verdict === VERDICT.REFUSED) {
      const other = asked !== CLASS.IN;
      this.#opt.error = other ? EXTENDED_ERROR.NOT_SUPPORTED : EXTENDED_ERROR.PROHIBITED;
    }
    return verdict;
  }

  /** The length to be sent, which the client's prefix may have used up; see rate-limit.ts. */
  #limit(limiter: RateLimiter, rcode: number, length: number): number {
    const packet = this.#packet!;
    // TCP and a cookie of ours both show that the client is where it says (RFC 7873 7.1).
    if (this.#opt.proven) this.tally.held(HELD_CELL.PROVEN);
    if (packet.stream || this.#opt.proven) return length;
    const send = limiter.take(packet, kindOf(rcode), this.#nowMs);
    if (send === SEND.ANSWER) return length;
    this.tally.held(send === SEND.NOTHING ? HELD_CELL.DROPPED : HELD_CELL.TRUNCATED);
    if (send === SEND.NOTHING) return 0;
    this.#out.overflow = true;
    return this.#finish(rcode);
  }

  #begin(packet: Packet, out: Uint8Array): void {
    const query = this.#query;
    this.#packet = packet;
    this.#bytes = out;
    this.#flags = query.flags & (FLAG.RECURSION_DESIRED | FLAG.CHECKING_DISABLED);
    this.#answers = 0;
    this.#authorities = 0;
    this.#additionals = 0;
    this.#steeredAt = -1;
    this.#opt.begin(query, packet, this.#nowSec);
    this.#opt.padded = packet.secure === true;
    // The question goes back octet by octet, so that its case does (0x20).
    const end = query.questionEnd;
    const bytes = packet.bytes;
    for (let i = HEADER_BYTES; i < end; i++) out[i] = bytes[i]!;
    this.#out.begin(out, end, this.#bytesMax() - this.#opt.bytesMax(query));
  }

  #bytesMax(): number {
    if (this.#packet!.stream) return MESSAGE_BYTES_MAX;
    return this.#query.edns ? this.#query.payloadBytes : UDP_BYTES_PLAIN;
  }

  /** Finds the name; returns the response code. */
  #respond(): number {
    const query = this.#query;
    const loaded = this.#loaded;
    if (this.#cookieRequired && query.cookieAt >= 0 && !this.#opt.proven) {
      // Over TCP the handshake has shown what a cookie would (RFC 7873 5.2.3).
      if (!this.#packet!.stream) return RCODE.BADCOOKIE;
    }
    if (loaded === null) {
      // Not REFUSED: we may be the right server, only too young to know.
      this.#opt.error = EXTENDED_ERROR.NOT_READY;
      return RCODE.SERVFAIL;
    }
    const { index } = loaded;
    const place = index.find(this.#packet!.bytes, query);
    if (place < 0) {
      this.#opt.error = EXTENDED_ERROR.NOT_AUTHORITATIVE;
      return RCODE.REFUSED;
    }
    const exact = index.labels(place) === query.labels;
    const subject = index.subject(place);
    if (exact && subject >= 0 && (query.type === TYPE.A || query.type === TYPE.AAAA)) {
      this.#flags |= FLAG.AUTHORITATIVE;
      const site = index.metered(place);
      if (site >= 0) loaded.queries[site]! += 1;
      const group = this.#clientGroup(loaded.groups);
      const row = loaded.steered.row(subject, group, query.type === TYPE.A ? 4 : 6);
      const length = loaded.steered.copy(row, this.#bytes, query.questionEnd);
      // Always fits: a question has at most 271 octets, the record 28 and the OPT record 136.
      if (length < 0) return this.#steer(loaded, index.name(place), { row, owner: null });
      this.#out.at += length;
      this.#answers = 1;
      this.#steeredAt = place;
      return RCODE.NOERROR;
    }
    const name = index.name(place);
    const cut = name.cut;
    // The DS of a delegation belongs to the parent: to us (RFC 4035 3.1.4.1).
    if (cut !== null && !(exact && cut === name && query.type === TYPE.DS)) {
      return this.#refer(loaded, cut, null);
    }
    this.#flags |= FLAG.AUTHORITATIVE;
    const source = exact ? name : name.wildcard;
    if (source === null) return this.#deny(name.zone, null, RCODE.NXDOMAIN);
    if (query.type === TYPE.ANY) {
      this.#record(null, TYPE.HINFO, { ttlSec: HINFO_TTL_SEC, data: HINFO_8482 });
      this.#answers += 1;
      return RCODE.NOERROR;
    }
    return this.#resolve(loaded, source);
  }

  /** Writes the records of a name, following CNAMEs within our zones. */
  #resolve(loaded: Loaded, first: HotName): number {
    const type = this.#query.type;
    let name = first;
    let owner: Uint8Array | null = null;
    this.#out.noteName(QUESTION_NAME);
    for (let hops = 0; hops < CNAME_HOPS_MAX; hops++) {
      if (name.steered !== null && (type === TYPE.A || type === TYPE.AAAA)) {
        this.#countQuery(loaded, name.steered);
        const group = this.#clientGroup(loaded.groups);
        const subject = name.steered.for === "origins" ? name.steered.site + 1 : 0;
        const row = loaded.steered.row(subject, group, type === TYPE.A ? 4 : 6);
        return this.#steer(loaded, name, { row, owner });
      }
      const set = findSet(name.sets, type);
      if (set !== null) {
        this.#answers += this.#set(owner, set);
        if (targetOffset(type) >= 0) this.#addHosts(loaded, set, { name, owner });
        return RCODE.NOERROR;
      }
      if (name.steered !== null) this.#countQuery(loaded, name.steered);
      if (name.cname === null) return this.#deny(name.zone, owner, RCODE.NOERROR);
      this.#answers += this.#set(owner, name.cname);
      owner = name.cname.data[0]!;
      const place = loaded.index.findClosest(owner);
      if (place < 0) return RCODE.NOERROR;
      const next = loaded.index.name(place);
      // What was found stands; whoever wants the rest asks there (RFC 1034 4.3.2 3b).
      if (next.cut !== null) return this.#refer(loaded, next.cut, owner);
      const exact = loaded.index.octets(place) === owner.length;
      const source = exact ? next : next.wildcard;
      // RFC 6604 2.1: the code is that of the last name of the chain.
      if (source === null) return this.#deny(next.zone, owner, RCODE.NXDOMAIN);
      name = source;
    }
    return RCODE.NOERROR;
  }

  /** Addresses that are decided per client, where one record of the question's name is not all. */
  #steer(loaded: Loaded, name: HotName, at: { row: number; owner: Uint8Array | null }): number {
    const type = this.#query.type;
    const { owner } = at;
    const table = loaded.steered;
    const set = table.set(at.row);
    if (set.choices.length === 0) return this.#deny(name.zone, owner, RCODE.NOERROR);
    if (set.all) {
      for (const data of set.data) this.#record(owner, type, { ttlSec: set.ttlSec, data });
      this.#answers += set.data.length;
      table.count(set, -1);
      return RCODE.NOERROR;
    }
    const sticks = set.choices[0]?.stick !== undefined;
    const drawn = table.draw(set, sticks ? this.#clientSeed() : this.#nextRandom());
    this.#record(owner, type, { ttlSec: set.ttlSec, data: set.data[drawn]! });
    this.#answers += 1;
    table.count(set, drawn);
    return RCODE.NOERROR;
  }

  #countQuery(loaded: Loaded, steered: Steered): void {
    if (steered.site !== null) loaded.queries[steered.site]! += 1;
  }

  /** By client subnet if one was sent, else by the resolver's own address. */
  #clientGroup(groups: PrefixTable): number {
    const query = this.#query;
    // A source length of 0 asks us not to use the client's address (RFC 7871 7.1.2).
    if (query.subnet && query.subnetSourceBits > 0) {
      const { subnetAddress, subnetFamily, subnetSourceBits } = query;
      const packed = groups.lookup(subnetAddress, 0, subnetFamily, subnetSourceBits);
      this.#opt.scopeBits = packed & 255;
      return packed >> 8;
    }
    const { address, addressAt, family } = this.#packet!;
    return groups.lookup(address, addressAt, family, family === 4 ? 32 : 128) >> 8;
  }

  /** The seed of a draw that sticks to clients; the answer's scope is then as long as it looks. */
  #clientSeed(): number {
    const query = this.#query;
    if (query.subnet && query.subnetSourceBits > 0) {
      const { subnetAddress, subnetFamily: family, subnetSourceBits: bits } = query;
      this.#opt.scopeBits = Math.max(this.#opt.scopeBits, stickyBits(family));
      return clientSeed(subnetAddress, 0, { family, bits });
    }
    const { address, addressAt, family } = this.#packet!;
    return clientSeed(address, addressAt, { family, bits: family === 4 ? 32 : 128 });
  }

  #nextRandom(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x >>> 0;
    return this.#random;
  }

  /** NXDOMAIN or no data: the zone's SOA says for how long (RFC 2308 3). */
  #deny(zone: HotZone, owner: Uint8Array | null, rcode: number): number {
    const data = zone.soa.data[0]!;
    const out = this.#out;
    if (owner === null) this.#ancestor(zone.labels);
    else out.wireName(zone.wire);
    this.#tail(TYPE.SOA, { ttlSec: NEGATIVE_SEC, data });
    this.#authorities += 1;
    return rcode;
  }

  /** A name below a delegation: whom to ask, and where they are if that lies below it too. */
  #refer(loaded: Loaded, cut: HotName, owner: Uint8Array | null): number {
    const set = findSet(cut.sets, TYPE.NS);
    if (set === null) return RCODE.SERVFAIL;
    this.#out.noteName(QUESTION_NAME);
    for (const data of set.data) {
      if (owner === null) this.#ancestor(cut.labels);
      else this.#out.wireName(lastLabels(owner, cut.labels));
      this.#tail(TYPE.NS, { ttlSec: set.ttlSec, data });
      this.#authorities += 1;
    }
    // Without the addresses that lie below the cut nobody gets there: they must fit (RFC 9471 2).
    for (const below of [true, false]) {
      for (const server of set.data) {
        const place = loaded.index.findExact(server);
        if (place < 0) continue;
        const host = loaded.index.name(place);
        if ((host.cut === cut) === below)
          this.#addAddresses(host, server, below ? NEEDED : HELPFUL);
      }
    }
    return RCODE.NOERROR;
  }

  /**
   * Addresses of the hosts that NS, MX, SRV, SVCB and HTTPS name (RFC 1035 3.3.9, RFC 2782, RFC 9460
   * 4.1), where they are in the same zone, or of our own name servers.
   */
  #addHosts(
    loaded: Loaded,
    set: RecordSet,
    at: { readonly name: HotName; readonly owner: Uint8Array | null },
  ): void {
    const { name, owner } = at;
    const offset = targetOffset(set.type);
    for (let i = 0; i < set.data.length && i < HOSTS_MAX; i++) {
      if (namedBefore(set, i, offset)) continue;
      const host = set.data[i]!.subarray(offset, nameEnd(set.data[i]!, offset));
      if (host[0] === 0) {
        // The owner itself, unless it is an alias for nothing (RFC 9460 2.5.1, 2.5.2).
        if (isService(set.type) && isServiceMode(set.data[i]!))
          this.#addAddresses(name, owner, HELPFUL);
        continue;
      }
      const place = loaded.index.findExact(host);
      if (place < 0) continue;
      const found = loaded.index.name(place);
      if (found.zone !== name.zone && set.type !== TYPE.NS) continue;
      const alias = isService(set.type) && !isServiceMode(set.data[i]!);
      this.#addAddresses(found, host, alias ? { needed: false, also: set.type } : HELPFUL);
    }
  }

  #addAddresses(host: HotName, owner: Uint8Array | null, which: Additional): void {
    const { needed, also } = which;
    for (const set of host.sets) {
      if (set.type !== TYPE.A && set.type !== TYPE.AAAA && set.type !== also) continue;
      const out = this.#out;
      if (out.overflow) return;
      const start = out.at;
      const count = this.#set(owner, set);
      if (out.overflow && !needed) out.rewind(start);
      else this.#additionals += count;
    }
  }

  /** The question's name without its first labels, as a pointer. */
  #ancestor(labels: number): void {
    this.#out.u16(0xc000 | this.#query.labelAt[this.#query.labels - labels]!);
  }

  #set(owner: Uint8Array | null, set: RecordSet): number {
    for (const data of set.data) this.#record(owner, set.type, { ttlSec: set.ttlSec, data });
    return set.data.length;
  }

  /** `owner` null is the question's name. */
  #record(
    owner: Uint8Array | null,
    type: number,
    rest: { ttlSec: number; data: Uint8Array },
  ): void {
    if (owner === null) this.#out.u16(0xc000 | QUESTION_NAME);
    else this.#out.wireName(owner);
    this.#tail(type, rest);
  }

  /** Type, class, TTL and data. */
  #tail(type: number, rest: { ttlSec: number; data: Uint8Array }): void {
    const out = this.#out;
    const data = rest.data;
    out.u16(type);
    out.u16(1);
    out.u32(rest.ttlSec);
    const nameAt = compressedOffset(type);
    if (nameAt >= 0) {
      const lengthAt = out.at;
      out.u16(0);
      if (nameAt > 0) out.bytes(data.subarray(0, nameAt));
      out.wireName(nameAt > 0 ? data.subarray(nameAt) : data);
      out.patch16(lengthAt, out.at - lengthAt - 2);
      return;
    }
    out.u16(data.length);
    out.bytes(data);
  }

  /**
   * Adds signatures and proofs. When so many were made of late that it may not: over UDP the client
   * is sent to TCP, where it must show itself; there it is told to ask another server.
   */
  #sign(signing: Signing, rcode: number): number {
    const { index } = this.#loaded ?? {};
    const data = rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN;
    if (index === undefined || !data || this.#out.overflow) return rcode;
    const { stream } = this.#packet!;
    const assembled = {
      bytes: this.#bytes,
      out: this.#out,
      query: this.#query,
      index,
      stream,
      steeredAt: this.#steeredAt,
      rcode,
      answers: this.#answers,
      authorities: this.#authorities,
      additionals: this.#additionals,
    };
    const signed = signing.signer.sign(assembled);
    if (!signed && stream) {
      this.#begin(this.#packet!, this.#bytes);
      return RCODE.SERVFAIL;
    }
    if (!signed) this.#out.overflow = true;
    this.#answers = assembled.answers;
    this.#authorities = assembled.authorities;
    this.#additionals = assembled.additionals;
    return assembled.rcode;
  }

  /** The OPT record and the header; what did not fit becomes TC with the question alone. */
  #finish(rcode: number): number {
    const query = this.#query;
    const out = this.#out;
    if (out.overflow) {
      out.rewind(query.questionEnd);
      this.#flags |= FLAG.TRUNCATED;
      this.#answers = 0;
      this.#authorities = 0;
      this.#additionals = 0;
    }
    out.extend(this.#bytesMax());
    if (query.edns) this.#opt.write(out, query, rcode);
    const bytes = this.#bytes;
    const flags = this.#flags | FLAG.RESPONSE | (query.opcode << 11) | (rcode & 15);
    put16(bytes, 0, query.id);
    put16(bytes, 2, flags);
    put16(bytes, 4, query.questionEnd > HEADER_BYTES ? 1 : 0);
    put16(bytes, 6, this.#answers);
    put16(bytes, 8, this.#authorities);
    put16(bytes, 10, this.#additionals + (query.edns ? 1 : 0));
    return out.at;
  }
}

function protoOf(packet: Packet): number {
  if (!packet.stream) return PROTO.UDP;
  return packet.secure === true ? PROTO.TLS : PROTO.TCP;
}

function kindOf(rcode: number): Kind {
  if (rcode === RCODE.NOERROR) return KIND.ANSWER;
  return rcode === RCODE.NXDOMAIN ? KIND.NXDOMAIN : KIND.ERROR;
}

function findSet(sets: readonly RecordSet[], type: number): RecordSet | null {
  for (const set of sets) if (set.type === type) return set;
  return null;
}

function isService(type: number): boolean {
  return type === TYPE.SVCB || type === TYPE.HTTPS;
}

/** Priority 0 is an alias (RFC 9460 2.4.1). */
function isServiceMode(data: Uint8Array): boolean {
  return (data[0]! | data[1]!) !== 0;
}

/** Whether an earlier record of the set names the same host. */
function namedBefore(set: RecordSet, index: number, offset: number): boolean {
  const own = set.data[index]!;
  const end = nameEnd(own, offset);
  for (let i = 0; i < index; i++) {
    const other = set.data[i]!;
    let at = offset;
    while (at < end && own[at] === other[at]) at++;
    if (at === end) return true;
  }
  return false;
}

/** The end of a name, so many labels long. */
function lastLabels(name: Uint8Array, labels: number): Uint8Array {
  let own = 0;
  for (let at = 0; name[at] !== 0; at += name[at]! + 1) own += 1;
  let from = 0;
  for (; own > labels; own--) from += name[from]! + 1;
  return name.subarray(from);
}

/** The offset after the name at `at`. */
function nameEnd(data: Uint8Array, at: number): number {
  let end = at;
  while (data[end] !== 0) end += data[end]! + 1;
  return end + 1;
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}
