import {
  COOKIE,
  COOKIE_BYTES,
  type CookieAsker,
  Cookies,
  MESSAGE_BYTES_MAX,
  OPTION,
  type Query,
  TYPE,
  UDP_BYTES_EDNS,
  type Writer,
} from "../../wire/dns/mod.ts";
import type { AnswerSettings } from "./settings.ts";

const HEAD_BYTES = 11;
const OPTION_HEAD_BYTES = 4;
const EXTENDED_ERROR_BYTES = OPTION_HEAD_BYTES + 2;
const NSID_BYTES_MAX = 63;
const PADDING_BLOCK = 468;
const NONE = -1;

/**
 * The OPT record of the answer that is being written (RFC 6891): client subnet, cookie, server id and
 * extended error. Reused for each: `begin()` starts the next.
 */
export class Opt {
  /** Pad to full blocks: what goes over TLS should not tell its length (RFC 8467 4.1). */
  padded = false;
  readonly #cookies: Cookies | null;
  readonly #nsid: Uint8Array;
  readonly #cookie = new Uint8Array(COOKIE_BYTES);
  /** Where cookies are made, and when: one object for all packets. */
  readonly #making = { out: this.#cookie, nowSec: 0 };
  #cookieBytes = 0;
  /** The client sent a cookie of ours: its address is its own. */
  proven = false;
  /** How many bits of the client's subnet the answer depends on (RFC 7871 7.2.1). */
  scopeBits = 0;
  /** Of `EXTENDED_ERROR`; -1 for none. */
  error: number = NONE;

  constructor(settings: AnswerSettings) {
    this.#cookies = settings.cookies === null ? null : new Cookies(settings.cookies.secrets);
    this.#nsid = new TextEncoder().encode(settings.nsid).subarray(0, NSID_BYTES_MAX);
  }

  /** Judges the query's cookie and makes the answer's. Hot: nothing is allocated. */
  begin(query: Query, asker: CookieAsker, nowSec: number): void {
    this.scopeBits = 0;
    this.error = NONE;
    this.proven = false;
    this.#cookieBytes = 0;
    const cookies = this.#cookies;
    const at = query.cookieAt;
    if (cookies === null || at < 0) return;
    const whole = query.cookieBytes === COOKIE_BYTES;
    const worth = whole ? cookies.judge(asker, at, nowSec) : COOKIE.NONE;
    this.proven = worth !== COOKIE.NONE;
    this.#cookieBytes = COOKIE_BYTES;
    this.#making.nowSec = nowSec;
    if (worth !== COOKIE.FRESH) cookies.make(asker, at, this.#making);
    else for (let i = 0; i < COOKIE_BYTES; i++) this.#cookie[i] = asker.bytes[at + i]!;
  }

  /** The most octets that `write()` will take. */
  bytesMax(query: Query): number {
    if (!query.edns) return 0;
    return HEAD_BYTES + this.#optionBytes(query) + EXTENDED_ERROR_BYTES;
  }

  write(out: Writer, query: Query, rcode: number): void {
    const failed = this.error !== NONE;
    out.u8(0);
    out.u16(TYPE.OPT);
    out.u16(UDP_BYTES_EDNS);
    out.u8(rcode >> 4);
    out.u8(0);
    out.u16((query.dnssecOk ? 0x8000 : 0) | (query.compactOk ? 0x4000 : 0));
    const size = this.#optionBytes(query) + (failed ? EXTENDED_ERROR_BYTES : 0);
    const padding = this.padded ? paddingBytes(out.at + 2 + size) : 0;
    out.u16(size + padding);
    if (query.subnet) this.#writeSubnet(out, query);
    if (this.#cookieBytes > 0) writeOption(out, OPTION.COOKIE, this.#cookie);
    if (this.#tellsId(query)) writeOption(out, OPTION.NSID, this.#nsid);
    if (failed) {
      out.u16(OPTION.EXTENDED_ERROR);
      out.u16(2);
      out.u16(this.error);
    }
    if (padding === 0) return;
    out.u16(OPTION.PADDING);
    out.u16(padding - OPTION_HEAD_BYTES);
    for (let i = OPTION_HEAD_BYTES; i < padding; i++) out.u8(0);
  }

  #tellsId(query: Query): boolean {
    return query.nsid && this.#nsid.length > 0;
  }

  #optionBytes(query: Query): number {
    let size = 0;
    if (query.subnet) size += OPTION_HEAD_BYTES + 4 + ((query.subnetSourceBits + 7) >> 3);
    if (this.#cookieBytes > 0) size += OPTION_HEAD_BYTES + COOKIE_BYTES;
    if (this.#tellsId(query)) size += OPTION_HEAD_BYTES + this.#nsid.length;
    return size;
  }

  #writeSubnet(out: Writer, query: Query): void {
    const octets = (query.subnetSourceBits + 7) >> 3;
    out.u16(OPTION.CLIENT_SUBNET);
    out.u16(4 + octets);
    out.u16(query.subnetCode);
    out.u8(query.subnetSourceBits);
    out.u8(this.scopeBits);
    for (let i = 0; i < octets; i++) out.u8(query.subnetAddress[i]!);
  }
}

/** Octets of an option that makes a message of this length whole blocks; 0 where it is too long. */
function paddingBytes(length: number): number {
  const whole = Math.ceil((length + OPTION_HEAD_BYTES) / PADDING_BLOCK) * PADDING_BLOCK;
  return whole > MESSAGE_BYTES_MAX ? 0 : whole - length;
}

function writeOption(out: Writer, code: number, data: Uint8Array): void {
  out.u16(code);
  out.u16(data.length);
  out.bytes(data);
}
