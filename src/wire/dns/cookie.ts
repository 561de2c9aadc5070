import type { Family } from "../ip/mod.ts";

/** RFC 7873 4: what a client sends first, and what goes back: its cookie and the server's. */
export const CLIENT_COOKIE_BYTES = 8;
export const COOKIE_BYTES = 24;
export const COOKIE_BYTES_MAX = 40;

/** RFC 9018 4.3: how old a cookie may be, how far ahead of our clock, and when it is renewed. */
const OLD_SEC_MAX = 3600;
const AHEAD_SEC_MAX = 300;
const RENEW_SEC = 1800;

/** Who asks: the client's cookie is part of `bytes`, its address of `address`. */
export interface CookieAsker {
  readonly bytes: Uint8Array;
  readonly address: Uint8Array;
  readonly addressAt: number;
  readonly family: Family;
}

/** What a cookie is worth: `FRESH` and `OLD` are ours; an old one is answered with a new one. */
export const COOKIE = { NONE: 0, FRESH: 1, OLD: 2 } as const;
export type CookieWorth = (typeof COOKIE)[keyof typeof COOKIE];

/**
 * Server cookies as all servers with the same secrets make and accept them (RFC 9018 4): version 1,
 * the time, and SipHash-2-4 over these, the client's cookie and its address. The first secret makes
 * them, all are accepted, so that a secret can be rolled (RFC 9018 5). Times are whole seconds since
 * 1970, compared as serial numbers, so that 2038 and 2106 pass unnoticed. Hot: nothing is allocated.
 */
export class Cookies {
  readonly #keys: readonly Int32Array[];
  readonly #input = new Uint8Array(32);
  readonly #hash = new Uint8Array(8);
  /** Given to the hash each time, so that no packet makes an object. */
  readonly #hashed = { size: 0, out: this.#hash };

  /** @param secrets of 16 octets each, one at least. */
  constructor(secrets: readonly Uint8Array[]) {
    this.#keys = secrets.map((secret) => Int32Array.from([0, 4, 8, 12], (at) => word(secret, at)));
  }

  /** Judges the whole cookie, of 24 octets, that begins at `at`. */
  judge(asker: CookieAsker, at: number, nowSec: number): CookieWorth {
    const { bytes } = asker;
    if (bytes[at + 8] !== 1) return COOKIE.NONE;
    const madeSec =
      (bytes[at + 12]! << 24) | (bytes[at + 13]! << 16) | (bytes[at + 14]! << 8) | bytes[at + 15]!;
    const age = (nowSec - madeSec) | 0;
    if (age > OLD_SEC_MAX || age < -AHEAD_SEC_MAX) return COOKIE.NONE;
    for (let i = 0; i < 8; i++) this.#input[8 + i] = bytes[at + 8 + i]!;
    this.#fill(asker, at);
    for (let i = 0; i < this.#keys.length; i++) {
      sipHash24(this.#keys[i]!, this.#input, this.#hashed);
      let different = 0;
      // All octets are compared, so that time tells nothing.
      for (let k = 0; k < 8; k++) different |= this.#hash[k]! ^ bytes[at + 16 + k]!;
      if (different === 0) return i > 0 || age > RENEW_SEC ? COOKIE.OLD : COOKIE.FRESH;
    }
    return COOKIE.NONE;
  }

  /** Writes 24 octets to `out`: the client's 8 that begin at `at`, and ours. */
  make(asker: CookieAsker, at: number, to: { out: Uint8Array; nowSec: number }): void {
    const { out, nowSec } = to;
    for (let i = 0; i < CLIENT_COOKIE_BYTES; i++) out[i] = asker.bytes[at + i]!;
    out[8] = 1;
    out.fill(0, 9, 12);
    for (let i = 0; i < 4; i++) out[12 + i] = nowSec >>> (24 - i * 8);
    for (let i = 0; i < 8; i++) this.#input[8 + i] = out[8 + i]!;
    this.#fill(asker, at);
    sipHash24(this.#keys[0]!, this.#input, this.#hashed);
    for (let i = 0; i < 8; i++) out[16 + i] = this.#hash[i]!;
  }

  /** What is hashed: client cookie; version, reserved and time, which are there already; address. */
  #fill(asker: CookieAsker, at: number): void {
    const input = this.#input;
    for (let i = 0; i < 8; i++) input[i] = asker.bytes[at + i]!;
    const octets = asker.family === 4 ? 4 : 16;
    for (let i = 0; i < octets; i++) input[16 + i] = asker.address[asker.addressAt + i]!;
    this.#hashed.size = 16 + octets;
  }
}

/** v0 to v3, each as its low and its high word. */
const state = new Int32Array(8);

/**
 * SipHash-2-4 (Aumasson and Bernstein) by 32-bit words; `key` is its four words in little-endian
 * order. Writes 8 octets.
 */
export function sipHash24(
  key: Int32Array,
  input: Uint8Array,
  o: { readonly size: number; readonly out: Uint8Array },
): void {
  const v = state;
  v[0] = key[0]! ^ 0x70736575;
  v[1] = key[1]! ^ 0x736f6d65;
  v[2] = key[2]! ^ 0x6e646f6d;
  v[3] = key[3]! ^ 0x646f7261;
  v[4] = key[0]! ^ 0x6e657261;
  v[5] = key[1]! ^ 0x6c796765;
  v[6] = key[2]! ^ 0x79746573;
  v[7] = key[3]! ^ 0x74656462;
  const whole = o.size & ~7;
  for (let at = 0; at < whole; at += 8) absorb(word(input, at), word(input, at + 4));
  let low = 0;
  let high = o.size << 24;
  for (let i = whole; i < o.size; i++) {
    const k = i - whole;
    if (k < 4) low |= input[i]! << (k * 8);
    else high |= input[i]! << ((k - 4) * 8);
  }
  absorb(low, high);
  v[4]! ^= 0xff;
  for (let i = 0; i < 4; i++) sipRound();
  const outLow = v[0]! ^ v[2]! ^ v[4]! ^ v[6]!;
  const outHigh = v[1]! ^ v[3]! ^ v[5]! ^ v[7]!;
  for (let i = 0; i < 4; i++) {
    o.out[i] = outLow >>> (i * 8);
    o.out[4 + i] = outHigh >>> (i * 8);
  }
}

function absorb(low: number, high: number): void {
  state[6]! ^= low;
  state[7]! ^= high;
  sipRound();
  sipRound();
  state[0]! ^= low;
  state[1]! ^= high;
}

function sipRound(): void {
  addTo(0, 2);
  rotate(2, 13);
  xorWith(2, 0);
  swap(0);
  addTo(4, 6);
  rotate(6, 16);
  xorWith(6, 4);
  addTo(0, 6);
  rotate(6, 21);
  xorWith(6, 0);
  addTo(4, 2);
  rotate(2, 17);
  xorWith(2, 4);
  swap(4);
}

/** Lanes are named by the place of their low word. */
function addTo(a: number, b: number): void {
  const low = (state[a]! >>> 0) + (state[b]! >>> 0);
  state[a] = low;
  state[a + 1] = state[a + 1]! + state[b + 1]! + (low > 0xffffffff ? 1 : 0);
}

function xorWith(a: number, b: number): void {
  state[a]! ^= state[b]!;
  state[a + 1]! ^= state[b + 1]!;
}

/** To the left by less than 32 bits. */
function rotate(a: number, bits: number): void {
  const low = state[a]!;
  const high = state[a + 1]!;
  state[a] = (low << bits) | (high >>> (32 - bits));
  state[a + 1] = (high << bits) | (low >>> (32 - bits));
}

/** To the left by 32 bits. */
function swap(a: number): void {
  const low = state[a]!;
  state[a] = state[a + 1]!;
  state[a + 1] = low;
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}
