import type { Family } from "../ip/mod.ts";
import {
  CLASS,
  FLAG,
  HEADER_BYTES,
  LABEL_BYTES_MAX,
  NAME_BYTES_MAX,
  OPCODE,
  OPTION,
  TYPE,
  UDP_BYTES_EDNS,
  UDP_BYTES_PLAIN,
} from "./codes.ts";
import { CLIENT_COOKIE_BYTES, COOKIE_BYTES_MAX } from "./cookie.ts";

/**
 * What a server does with a packet before it knows any name. From 0 on these are response codes, to
 * be sent with the bare header or the question, by `Query.questionEnd`.
 */
export const VERDICT = {
  ANSWER: -2,
  /** No question, only a cookie: NOERROR with a server cookie (RFC 7873 5.4). */
  COOKIE: 0,
  /** Not one byte goes back: too short for a header, or itself a response (a reflection loop). */
  DROP: -1,
  FORMERR: 1,
  NOTIMP: 4,
  REFUSED: 5,
  BADVERS: 16,
} as const;
export type Verdict = (typeof VERDICT)[keyof typeof VERDICT];

const NXNAME = 128;

/** A name has at most 127 labels (of one octet each), and the root. */
const LABELS_MAX = 128;

/**
 * One query, read in place and reused for the next: fields are those of the last `readQuery()`.
 * Offsets are into the packet. Hot: nothing is allocated.
 */
export class Query {
  id = 0;
  flags = 0;
  opcode = 0;
  type = 0;
  class = 0;
  /** End of the question, or of the header when there is no readable question. */
  questionEnd = HEADER_BYTES;
  /** End of the question's name, after the root's zero. */
  nameEnd = HEADER_BYTES;
  /** Offsets of the name's labels; `labels` of them. */
  readonly labelAt = new Uint16Array(LABELS_MAX);
  labels = 0;
  edns = false;
  ednsVersion = 0;
  dnssecOk = false;
  /** Takes NXDOMAIN beside the proof of compact denial (RFC 9824 5.1). */
  compactOk = false;
  /** What the client takes over UDP: 512 without EDNS, never less, never above 1232. */
  payloadBytes = UDP_BYTES_PLAIN;
  /** A client subnet option was sent; zeros fill the address. */
  subnet = false;
  /** As sent: 0, 1 or 2. */
  subnetCode = 0;
  subnetFamily: Family = 4;
  subnetSourceBits = 0;
  readonly subnetAddress = new Uint8Array(16);
  /** Where a cookie begins and its octets: 8 of the client, or 16 to 40 with a server's; or -1. */
  cookieAt = -1;
  cookieBytes = 0;
  /** Asked which server this is (RFC 5001). */
  nsid = false;
}

/**
 * Reads the packet's first `length` bytes into `query`, and says what to do. Stricter than the
 * general decoder: one question (RFC 9619), no pointer in its name (nothing lies before it), one
 * OPT at most, in the additional section, at the root; nothing after the last record.
 * Budget: no allocation.
 */
export function readQuery(packet: Uint8Array, length: number, query: Query): Verdict {
  if (length < HEADER_BYTES) return VERDICT.DROP;
  const flags = u16(packet, 2);
  if ((flags & FLAG.RESPONSE) !== 0) return VERDICT.DROP;
  query.id = u16(packet, 0);
  query.flags = flags;
  query.opcode = (flags >> 11) & 15;
  query.questionEnd = HEADER_BYTES;
  query.type = 0;
  query.edns = false;
  query.ednsVersion = 0;
  query.dnssecOk = false;
  query.compactOk = false;
  query.payloadBytes = UDP_BYTES_PLAIN;
  query.subnet = false;
  query.cookieAt = -1;
  query.nsid = false;
  if (query.opcode === OPCODE.NOTIFY || query.opcode === OPCODE.UPDATE) return VERDICT.REFUSED;
  if (query.opcode !== OPCODE.QUERY) return VERDICT.NOTIMP;
  const questions = u16(packet, 4);
  if (questions > 1) return VERDICT.FORMERR;
  if (questions === 1 && !readQuestion(packet, length, query)) return VERDICT.FORMERR;
  if (!readRecords(packet, length, query)) {
    query.edns = false;
    query.subnet = false;
    query.cookieAt = -1;
    query.nsid = false;
    return VERDICT.FORMERR;
  }
  if (query.edns && query.ednsVersion !== 0) return VERDICT.BADVERS;
  if (questions === 0) return query.cookieAt < 0 ? VERDICT.FORMERR : VERDICT.COOKIE;
  return verdictOfType(query);
}

/** What no name server of ours answers: transfers, other classes, meta types. */
function verdictOfType(query: Query): Verdict {
  if (query.class !== CLASS.IN) return VERDICT.REFUSED;
  const type = query.type;
  // NXNAME stands in bitmaps only (RFC 9824 3.5).
  if (type === TYPE.OPT || type === 0 || type === NXNAME) return VERDICT.FORMERR;
  if (type === TYPE.AXFR || type === TYPE.IXFR) return VERDICT.REFUSED;
  if (type >= 128 && type < 255) return VERDICT.NOTIMP;
  return VERDICT.ANSWER;
}

function readQuestion(packet: Uint8Array, length: number, query: Query): boolean {
  let at = HEADER_BYTES;
  let labels = 0;
  for (;;) {
    if (at >= length) return false;
    const size = packet[at]!;
    if (size === 0) break;
    if (size > LABEL_BYTES_MAX) return false;
    query.labelAt[labels++] = at;
    at += size + 1;
    if (at - HEADER_BYTES >= NAME_BYTES_MAX) return false;
  }
  at += 1;
  if (at + 4 > length) return false;
  query.labels = labels;
  query.nameEnd = at;
  query.type = u16(packet, at);
  query.class = u16(packet, at + 2);
  query.questionEnd = at + 4;
  return true;
}

function readRecords(packet: Uint8Array, length: number, query: Query): boolean {
  let at = query.questionEnd;
  const before = u16(packet, 6) + u16(packet, 8);
  const all = before + u16(packet, 10);
  // Each record takes 11 octets or more, so the loop ends with the packet.
  for (let i = 0; i < all; i++) {
    const nameAt = at;
    at = skipName(packet, at, length);
    if (at < 0 || at + 10 > length) return false;
    const end = at + 10 + u16(packet, at + 8);
    if (end > length) return false;
    if (u16(packet, at) === TYPE.OPT) {
      if (i < before || query.edns || at !== nameAt + 1) return false;
      if (!readOpt(packet, at, query)) return false;
    }
    at = end;
  }
  return at === length;
}

/** The offset after a name, or -1. A pointer ends it; where to does not matter here. */
function skipName(packet: Uint8Array, start: number, length: number): number {
  let at = start;
  while (at < length) {
    const size = packet[at]!;
    if (size === 0) return at + 1;
    if (size >= 0xc0) return at + 2;
    if (size > LABEL_BYTES_MAX) return -1;
    at += size + 1;
  }
  return -1;
}

/** `at` is after the owner; the record is known to lie within the packet. */
function readOpt(packet: Uint8Array, at: number, query: Query): boolean {
  const payload = u16(packet, at + 2);
  query.edns = true;
  query.payloadBytes = Math.min(UDP_BYTES_EDNS, Math.max(UDP_BYTES_PLAIN, payload));
  query.ednsVersion = packet[at + 5]!;
  query.dnssecOk = (packet[at + 6]! & 0x80) !== 0;
  query.compactOk = (packet[at + 6]! & 0xc0) === 0xc0;
  // Options of a version we do not know may look otherwise (RFC 6891 6.1.3).
  if (query.ednsVersion !== 0) return true;
  const end = at + 10 + u16(packet, at + 8);
  let option = at + 10;
  while (option < end) {
    if (option + 4 > end) return false;
    const next = option + 4 + u16(packet, option + 2);
    if (next > end) return false;
    const code = u16(packet, option);
    if (code === OPTION.CLIENT_SUBNET) {
      if (query.subnet || !readSubnet(packet, option + 4, query)) return false;
    } else if (code === OPTION.COOKIE) {
      if (!readCookie(option + 4, next, query)) return false;
    } else if (code === OPTION.NSID) query.nsid = true;
    option = next;
  }
  return true;
}

/**
 * As `decodeClientSubnet`, and a query's scope must be 0 (RFC 7871 7.1.2). Before `at` stands the
 * option's length, and it lies within the packet.
 */
function readSubnet(packet: Uint8Array, at: number, query: Query): boolean {
  const size = u16(packet, at - 2);
  if (size < 4) return false;
  const code = u16(packet, at);
  const source = packet[at + 2]!;
  const known = code === 1 || code === 2 || (code === 0 && source === 0);
  const octets = (source + 7) >> 3;
  if (!known || source > (code === 2 ? 128 : 32)) return false;
  if (packet[at + 3] !== 0 || size !== 4 + octets) return false;
  const rest = source & 7;
  if (rest !== 0 && (packet[at + 3 + octets]! & (0xff >> rest)) !== 0) return false;
  query.subnet = true;
  query.subnetCode = code;
  query.subnetFamily = code === 2 ? 6 : 4;
  query.subnetSourceBits = source;
  for (let i = 0; i < 16; i++) query.subnetAddress[i] = i < octets ? packet[at + 4 + i]! : 0;
  return true;
}

/** RFC 7873 5.2.2: other lengths are FORMERR. Of several cookies the first counts (5.2). */
function readCookie(at: number, end: number, query: Query): boolean {
  const octets = end - at;
  const right = octets === CLIENT_COOKIE_BYTES || (octets >= 16 && octets <= COOKIE_BYTES_MAX);
  if (!right) return false;
  if (query.cookieAt >= 0) return true;
  query.cookieAt = at;
  query.cookieBytes = octets;
  return true;
}

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 8) | bytes[at + 1]!;
}
