import {
  compressedOffset,
  FLAG,
  HEADER_BYTES,
  MESSAGE_BYTES_MAX,
  Query,
  TYPE,
  UDP_BYTES_PLAIN,
  Writer,
} from "../../wire/dns/mod.ts";
import type { Family } from "../../wire/ip/mod.ts";
import { NameIndex, NEGATIVE_SEC, NO_NAMES } from "./name-index.ts";
import { Opt } from "./opt.ts";
import type { AnswerSettings } from "./settings.ts";

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
  /** Came over TLS or HTTPS. */
  secure?: boolean;
  /** Came over HTTPS. */
  https?: boolean;
}

/** A pointer to the question's name, which always stands right after the header. */
export const QUESTION_NAME = HEADER_BYTES;
/** In place of an owner that is written out: no name lies at 0. */
export const QUESTION = 0;

/**
 * The answer that is being written: its records, counts and flags, then the OPT record and header.
 * One per thread, reused: `begin()` starts the next. Budget: no allocation.
 */
export class Reply {
  /** What was asked; read into it before `begin()`. */
  readonly query = new Query();
  readonly out = new Writer();
  readonly opt: Opt;
  /** Where records are copied from; replaced with each snapshot. */
  names = new NameIndex(NO_NAMES);
  bytes: Uint8Array = new Uint8Array(0);
  flags = 0;
  /** Whose records are written next: a name among the index's bytes, or `QUESTION`. */
  owner = QUESTION;
  answers = 0;
  authorities = 0;
  additionals = 0;
  #packet: Packet | null = null;
  #rcode = 0;

  constructor(settings: AnswerSettings) {
    this.opt = new Opt(settings);
  }

  get packet(): Packet {
    return this.#packet!;
  }

  begin(packet: Packet, out: Uint8Array, nowSec: number): void {
    const query = this.query;
    this.#packet = packet;
    this.bytes = out;
    this.flags = query.flags & (FLAG.RECURSION_DESIRED | FLAG.CHECKING_DISABLED);
    this.owner = QUESTION;
    this.answers = 0;
    this.authorities = 0;
    this.additionals = 0;
    this.opt.begin(query, packet, nowSec);
    this.opt.padded = packet.secure === true;
    // The question goes back octet by octet, so that its case does (0x20).
    const end = query.questionEnd;
    const bytes = packet.bytes;
    for (let i = HEADER_BYTES; i < end; i++) out[i] = bytes[i]!;
    this.out.begin(out, end, this.#bytesMax() - this.opt.bytesMax(query));
  }

  #bytesMax(): number {
    if (this.#packet!.stream) return MESSAGE_BYTES_MAX;
    return this.query.edns ? this.query.payloadBytes : UDP_BYTES_PLAIN;
  }

  /** NXDOMAIN or no data: the zone's SOA says for how long (RFC 2308 3). Its apex is at `zone`. */
  deny(zone: number, rcode: number): number {
    const { names } = this;
    if (this.owner === QUESTION) this.ancestor(names.labels(zone));
    else this.out.wireName(names.bytes, names.name(zone));
    this.#stored(TYPE.SOA, NEGATIVE_SEC, names.first(names.set(zone, TYPE.SOA)));
    this.authorities += 1;
    return rcode;
  }

  /** The question's name without its first labels, as a pointer. */
  ancestor(labels: number): void {
    this.out.u16(0xc000 | this.query.labelAt[this.query.labels - labels]!);
  }

  /** All records of a set; returns how many. */
  set(set: number): number {
    const { names } = this;
    const count = names.count(set);
    const type = names.type(set);
    const ttlSec = names.ttlSec(set);
    let record = names.first(set);
    for (let i = 0; i < count; i++, record = names.next(record)) {
      this.ownerName();
      this.#stored(type, ttlSec, record);
    }
    return count;
  }

  /** One record whose data is not among the names. */
  record(type: number, ttlSec: number, data: Uint8Array): void {
    this.ownerName();
    this.#head(type, ttlSec);
    this.out.u16(data.length);
    this.out.bytes(data);
  }

  /** NS of a delegation, whose owner is an ancestor of the name. */
  delegation(cut: number, set: number): void {
    const { names } = this;
    const labels = names.labels(cut);
    const count = names.count(set);
    const ttlSec = names.ttlSec(set);
    let record = names.first(set);
    for (let i = 0; i < count; i++, record = names.next(record)) {
      if (this.owner === QUESTION) this.ancestor(labels);
      else this.out.wireName(names.bytes, names.name(cut));
      this.#stored(TYPE.NS, ttlSec, record);
      this.authorities += 1;
    }
  }

  /** Whose records come next: the question's name, by a pointer, or another. */
  ownerName(): void {
    if (this.owner === QUESTION) this.out.u16(0xc000 | QUESTION_NAME);
    else this.out.wireName(this.names.bytes, this.owner);
  }

  #head(type: number, ttlSec: number): void {
    this.out.u16(type);
    this.out.u16(1);
    this.out.u32(ttlSec);
  }

  /** Type, class, TTL and data of a record among the names. */
  #stored(type: number, ttlSec: number, record: number): void {
    const { out, names } = this;
    const { bytes } = names;
    const size = names.size(record);
    this.#head(type, ttlSec);
    const nameAt = compressedOffset(type);
    if (nameAt < 0) {
      out.u16(size);
      out.copy(bytes, record, record + size);
      return;
    }
    const lengthAt = out.at;
    out.u16(0);
    out.copy(bytes, record, record + nameAt);
    out.wireName(bytes, record + nameAt);
    out.patch16(lengthAt, out.at - lengthAt - 2);
  }

  /** Ends it anew with the question alone, so that the client comes back over TCP. */
  truncate(): number {
    this.out.overflow = true;
    return this.finish(this.#rcode);
  }

  /** The OPT record and the header; what did not fit becomes TC with the question alone. */
  finish(rcode: number): number {
    const { query, out } = this;
    this.#rcode = rcode;
    if (out.overflow) {
      out.rewind(query.questionEnd);
      this.flags |= FLAG.TRUNCATED;
      this.answers = 0;
      this.authorities = 0;
      this.additionals = 0;
    }
    out.extend(this.#bytesMax());
    if (query.edns) this.opt.write(out, query, rcode);
    const bytes = this.bytes;
    const flags = this.flags | FLAG.RESPONSE | (query.opcode << 11) | (rcode & 15);
    put16(bytes, 0, query.id);
    put16(bytes, 2, flags);
    put16(bytes, 4, query.questionEnd > HEADER_BYTES ? 1 : 0);
    put16(bytes, 6, this.answers);
    put16(bytes, 8, this.authorities);
    put16(bytes, 10, this.additionals + (query.edns ? 1 : 0));
    return out.at;
  }
}

function put16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8;
  bytes[at + 1] = value;
}
