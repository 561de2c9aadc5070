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
import { type HotZone, NEGATIVE_SEC, type RecordSet } from "./name-index.ts";
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
  /** Came over TLS. */
  secure?: boolean;
}

/** A pointer to the question's name, which always stands right after the header. */
export const QUESTION_NAME = HEADER_BYTES;

/**
 * The answer that is being written: its records, counts and flags, then the OPT record and header.
 * One per thread, reused: `begin()` starts the next. Budget: no allocation.
 */
export class Reply {
  /** What was asked; read into it before `begin()`. */
  readonly query = new Query();
  readonly out = new Writer();
  readonly opt: Opt;
  bytes: Uint8Array = new Uint8Array(0);
  flags = 0;
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

  /** NXDOMAIN or no data: the zone's SOA says for how long (RFC 2308 3). */
  deny(zone: HotZone, owner: Uint8Array | null, rcode: number): number {
    const data = zone.soa.data[0]!;
    const out = this.out;
    if (owner === null) this.ancestor(zone.labels);
    else out.wireName(zone.wire);
    this.tail(TYPE.SOA, { ttlSec: NEGATIVE_SEC, data });
    this.authorities += 1;
    return rcode;
  }

  /** The question's name without its first labels, as a pointer. */
  ancestor(labels: number): void {
    this.out.u16(0xc000 | this.query.labelAt[this.query.labels - labels]!);
  }

  set(owner: Uint8Array | null, set: RecordSet): number {
    for (const data of set.data) this.record(owner, set.type, { ttlSec: set.ttlSec, data });
    return set.data.length;
  }

  /** `owner` null is the question's name. */
  record(owner: Uint8Array | null, type: number, rest: { ttlSec: number; data: Uint8Array }): void {
    if (owner === null) this.out.u16(0xc000 | QUESTION_NAME);
    else this.out.wireName(owner);
    this.tail(type, rest);
  }

  /** Type, class, TTL and data. */
  tail(type: number, rest: { ttlSec: number; data: Uint8Array }): void {
    const out = this.out;
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
