import type { Assignment } from "../../model/assignment.ts";
import type { Health } from "../../model/health.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import {
  CLASS,
  EXTENDED_ERROR,
  FLAG,
  RCODE,
  readQuery,
  TYPE,
  VERDICT,
} from "../../wire/dns/mod.ts";
import { openPrefixes } from "../../wire/ip/mod.ts";
import { type PackedCounts, packCounts } from "./counts.ts";
import { HealthDiffer, HealthMirror, type HealthPatch } from "./mirror.ts";
import { NameIndex } from "./name-index.ts";
import { KIND, type Kind, RateLimiter, SEND } from "./rate-limit.ts";
import { type Packet, Reply } from "./reply.ts";
import { type Loaded, Resolver } from "./resolve.ts";
import { type Sample, Sampler } from "./sampler.ts";
import { type AnswerSettings, PLAIN } from "./settings.ts";
import type { Assembled, Signing } from "./sign.ts";
import { SteeredTable } from "./steered.ts";
import { isOfCaches } from "./subject.ts";
import { compileTables, type Tables, withKeys } from "./tables.ts";
import { HELD_CELL, PROTO, Tally } from "./tally.ts";

export type { Packet } from "./reply.ts";

/** RFC 8482 4.2: ANY is answered with one small record that says so. */
const HINFO_8482 = Uint8Array.from([7, ...new TextEncoder().encode("RFC8482"), 0]);
const HINFO_TTL_SEC = 3789;

/**
 * Answers packets from one snapshot and the latest health. One per thread. The life of a lookup,
 * top to bottom: `answer()` reads the question; `#respond` finds the name and, for a steered one, copies
 * its record; `Resolver` (resolve.ts) writes other records and draws; `Signing` signs; `Reply` (reply.ts)
 * holds what was written and ends it with the OPT record and the header.
 */
export class Responder {
  readonly #reply: Reply;
  readonly #resolver: Resolver;
  #loaded: Loaded | null = null;
  /** Where snapshots and health are told whole; null in a thread that takes tables and patches. */
  #told: { readonly snapshot: Snapshot; readonly differ: HealthDiffer } | null = null;
  #pending: PackedCounts[] = [];
  readonly #cookieRequired: boolean;
  readonly #limiter: RateLimiter | null;
  #signing: Signing | null = null;
  #steeredAt = -1;
  readonly #assembled: Assembled;
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
    this.#reply = new Reply(settings);
    this.#resolver = new Resolver(this.#reply, seed);
    const { bytes, out, query, names } = this.#reply;
    const none = { rcode: 0, answers: 0, authorities: 0, additionals: 0 };
    this.#assembled = { bytes, out, query, index: names, stream: false, steeredAt: -1, ...none };
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
   * Swaps the snapshot, and returns its tables for responders in other threads. Nothing is known of
   * its targets' health until `observe()` or `patch()`. Throws, and keeps the one before, if it cannot
   * be compiled.
   */
  load(snapshot: Snapshot): Tables {
    const tables = compileTables(snapshot, this.#signing?.zones);
    const { mirror } = this.take(tables);
    this.#told = { snapshot, differ: new HealthDiffer(snapshot, mirror) };
    return tables;
  }

  /** Swaps the snapshot for one that was compiled in another thread. */
  take(tables: Tables): Loaded {
    const mirror = new HealthMirror(tables.steering);
    const { sites, origins, base } = tables.steering;
    const loaded: Loaded = {
      tables,
      index: new NameIndex(tables.names, this.#signing?.zones.values()),
      groups: openPrefixes(tables.groups),
      mirror,
      steered: new SteeredTable(mirror, { sites, origins, nodes: base.nodes.length }),
    };
    this.#settle();
    this.#use(loaded);
    return loaded;
  }

  #use(loaded: Loaded): void {
    this.#loaded = loaded;
    this.#reply.names = loaded.index;
  }

  /**
   * Signs with these keys from now on. They stand among the names, so these are compiled anew, and
   * returned for other threads; or `tables` are those of a thread that has done so.
   */
  sign(signing: Signing, tables: Tables | null = null): Tables | null {
    this.#signing = signing.zones.size > 0 ? signing : null;
    const { zones } = this.#signing ?? {};
    const told = this.#told;
    const loaded = this.#loaded;
    if (loaded === null) return null;
    const given = tables?.snapshot === loaded.tables.snapshot ? tables : loaded.tables;
    const next = told === null ? given : withKeys(loaded.tables, told.snapshot, zones);
    this.#use({ ...loaded, tables: next, index: new NameIndex(next.names, zones?.values()) });
    return next;
  }

  /** Takes what was observed. Returns what changed, for responders in other threads. */
  observe(health: Health, assignment: Assignment): HealthPatch | null {
    if (this.#told === null) return null;
    const patch = this.#told.differ.diff(health, assignment);
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
    const { tables, steered } = this.#loaded;
    const packed = packCounts(tables.snapshot, steered.drain());
    if (packed !== null) this.#pending.push(packed);
  }

  /**
   * Writes the answer into `out`, which must hold 1232 octets, or 65,535 for a stream. Returns its
   * length; 0 means that nothing is sent. Never throws.
   * Budget: no await, no allocation for a steered answer that is already decided; see bench/dns.
   */
  answer(packet: Packet, out: Uint8Array): number {
    const query = this.#reply.query;
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
      this.#reply.opt.error = EXTENDED_ERROR.OTHER;
      rcode = RCODE.SERVFAIL;
      sent = rcode;
    }
    const written = this.#reply.finish(sent);
    const kind = kindOf(rcode);
    const length = this.#limiter === null ? written : this.#limit(this.#limiter, kind, written);
    this.tally.request(protoOf(packet), packet.family, query.type);
    if (length > 0) this.tally.response(sent);
    if (this.#sampler.due()) this.#sample(length);
    return length;
  }

  /** Lookups that were written down since the last call. */
  takeSamples(): readonly Sample[] {
    return this.#sampler.take();
  }

  #sample(length: number): void {
    const reply = this.#reply;
    const { query } = reply;
    const packet = reply.packet;
    const loaded = this.#loaded;
    const own = { ...packet, bits: packet.family === 4 ? 32 : 128, subnet: false };
    const { subnetAddress: address, subnetFamily: family, subnetSourceBits: bits } = query;
    const told = query.subnet && bits > 0;
    this.#sampler.keep(packet, reply.bytes.subarray(0, length), {
      proto: protoOf(packet),
      client: told ? { address, addressAt: 0, family, bits, subnet: true } : own,
      groups: loaded?.groups ?? null,
      numbers: {
        atMs: this.#wallMs,
        snapshot: loaded?.tables.snapshot ?? 0,
        health: loaded?.mirror.numbers[0] ?? 0,
        assignment: loaded?.mirror.numbers[1] ?? 0,
      },
    });
  }

  /** Why it is refused, if the client understands that. */
  #reject(verdict: number): number {
    const reply = this.#reply;
    const { class: asked } = reply.query;
    if (verdict === VERDICT.REFUSED) {
      const other = asked !== CLASS.IN;
      reply.opt.error = other ? EXTENDED_ERROR.NOT_SUPPORTED : EXTENDED_ERROR.PROHIBITED;
    }
    return verdict;
  }

  /** The length to be sent, which the client's prefix may have used up; see rate-limit.ts. */
  #limit(limiter: RateLimiter, kind: Kind, length: number): number {
    const reply = this.#reply;
    const packet = reply.packet;
    // TCP and a cookie of ours both show that the client is where it says (RFC 7873 7.1).
    if (reply.opt.proven) this.tally.held(HELD_CELL.PROVEN);
    if (packet.stream || reply.opt.proven) return length;
    const send = limiter.take(packet, kind, this.#nowMs);
    if (send === SEND.ANSWER) return length;
    this.tally.held(send === SEND.NOTHING ? HELD_CELL.DROPPED : HELD_CELL.TRUNCATED);
    if (send === SEND.NOTHING) return 0;
    return reply.truncate();
  }

  #begin(packet: Packet, out: Uint8Array): void {
    this.#steeredAt = -1;
    this.#reply.begin(packet, out, this.#nowSec);
  }

  /** Finds the name; returns the response code. */
  #respond(): number {
    const reply = this.#reply;
    const { query } = reply;
    const loaded = this.#loaded;
    if (this.#cookieRequired && query.cookieAt >= 0 && !reply.opt.proven) {
      // Over TCP the handshake has shown what a cookie would (RFC 7873 5.2.3).
      if (!reply.packet.stream) return RCODE.BADCOOKIE;
    }
    if (loaded === null) {
      // Not REFUSED: we may be the right server, only too young to know.
      reply.opt.error = EXTENDED_ERROR.NOT_READY;
      return RCODE.SERVFAIL;
    }
    const { index } = loaded;
    const place = index.find(reply.packet.bytes, query);
    if (place < 0) {
      reply.opt.error = EXTENDED_ERROR.NOT_AUTHORITATIVE;
      return RCODE.REFUSED;
    }
    const exact = index.labels(place) === query.labels;
    const subject = index.subject(place);
    if (exact && subject >= 0 && (query.type === TYPE.A || query.type === TYPE.AAAA)) {
      reply.flags |= FLAG.AUTHORITATIVE;
      if (isOfCaches(subject)) this.#resolver.countOther(loaded, place);
      const group = this.#resolver.clientGroup(loaded.groups);
      const row = loaded.steered.row(subject, group, query.type === TYPE.A ? 4 : 6);
      const length = loaded.steered.copy(row, reply.bytes, query.questionEnd);
      // Always fits: a question has at most 271 octets, the record 28 and the OPT record 136.
      if (length < 0) return this.#resolver.steer(loaded, place, row);
      reply.out.at += length;
      reply.answers = 1;
      this.#steeredAt = place;
      return RCODE.NOERROR;
    }
    const cut = index.cut(place);
    // The DS of a delegation belongs to the parent: to us (RFC 4035 3.1.4.1).
    if (cut >= 0 && !(exact && cut === place && query.type === TYPE.DS)) {
      return this.#resolver.refer(index, cut);
    }
    reply.flags |= FLAG.AUTHORITATIVE;
    const source = exact ? place : index.wildcard(place);
    if (source < 0) return reply.deny(index.zone(place), RCODE.NXDOMAIN);
    if (query.type === TYPE.ANY) {
      reply.record(TYPE.HINFO, HINFO_TTL_SEC, HINFO_8482);
      reply.answers += 1;
      return RCODE.NOERROR;
    }
    return this.#resolver.resolve(loaded, source);
  }

  /**
   * Adds signatures and proofs. When so many were made of late that it may not: over UDP the client
   * is sent to TCP, where it must show itself; there it is told to ask another server.
   */
  #sign(signing: Signing, rcode: number): number {
    const reply = this.#reply;
    const data = rcode === RCODE.NOERROR || rcode === RCODE.NXDOMAIN;
    if (this.#loaded === null || !data || reply.out.overflow) return rcode;
    const { stream } = reply.packet;
    const assembled = this.#assembled;
    assembled.bytes = reply.bytes;
    assembled.index = this.#loaded.index;
    assembled.stream = stream;
    assembled.steeredAt = this.#steeredAt;
    assembled.rcode = rcode;
    assembled.answers = reply.answers;
    assembled.authorities = reply.authorities;
    assembled.additionals = reply.additionals;
    const { signer } = signing;
    const before = signer.made;
    const unsigned = reply.out.at;
    const signed = signer.sign(assembled);
    this.tally.held(HELD_CELL.SIGNATURES, signer.made - before);
    if (!signed) this.tally.held(HELD_CELL.UNSIGNED);
    if (!signed && stream) {
      this.#begin(reply.packet, reply.bytes);
      return RCODE.SERVFAIL;
    }
    // The small record for ANY is none with its signature: whoever wants that shows itself first.
    const grown = reply.query.type === TYPE.ANY && reply.out.at > unsigned;
    if (!signed || (grown && !stream && !reply.opt.proven)) reply.out.overflow = true;
    reply.answers = assembled.answers;
    reply.authorities = assembled.authorities;
    reply.additionals = assembled.additionals;
    return assembled.rcode;
  }
}

function protoOf(packet: Packet): number {
  if (!packet.stream) return PROTO.UDP;
  if (packet.secure !== true) return PROTO.TCP;
  return packet.https === true ? PROTO.HTTPS : PROTO.TLS;
}

function kindOf(rcode: number): Kind {
  if (rcode === RCODE.NOERROR) return KIND.ANSWER;
  return rcode === RCODE.NXDOMAIN ? KIND.NXDOMAIN : KIND.ERROR;
}
