import { compilePrefixes, type Family, type PrefixTable } from "../../wire/ip/mod.ts";

/** Responses a second that a client prefix (/24 or /56) gets over UDP without a cookie of ours. */
export interface RateLimits {
  /** Answers, also those without data. */
  readonly answersPerSec: number;
  readonly nxdomainPerSec: number;
  /** All others: refused, malformed, our own failures. */
  readonly errorsPerSec: number;
  /**
   * Of the responses beyond, each so-many-th is sent truncated, so that a real resolver comes back
   * over TCP; the others are dropped. 0 drops all, 1 truncates all.
   */
  readonly slip: number;
  /** Prefixes that are never limited: resolvers of one's own, loopback. */
  readonly exempt: readonly string[];
}

export const SEND = { ANSWER: 0, TRUNCATED: 1, NOTHING: 2 } as const;
export type Send = (typeof SEND)[keyof typeof SEND];

/** What kind of response a limit is about. */
export const KIND = { ANSWER: 0, NXDOMAIN: 1, ERROR: 2 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** Buckets of one set: a cache line. A new prefix takes the place of the one seen longest ago. */
const WAYS = 4;
/** A bucket, in words: tag, tokens in thousandths, when last seen (ms), responses not sent. */
const BUCKET = 4;
const TAG = 0;
const TOKENS = 1;
const SEEN_MS = 2;
const HELD = 3;
/** 1 MB: 65,536 buckets. */
const SETS = 16_384;
/** One second's worth may come at once. */
const BURST_SEC = 1;
/** Tokens are thousandths in 32 bits. */
const PER_SEC_MAX = 2_000_000;

/**
 * Token buckets per client prefix and kind of response, in memory of a fixed size: a flood from any
 * number of prefixes only makes the table forget, which limits less and never more. Hashed with a
 * seed, so that nobody can pick prefixes that share a set.
 */
export class RateLimiter {
  readonly #buckets = new Int32Array(SETS * WAYS * BUCKET);
  readonly #perSec: readonly number[];
  readonly #slip: number;
  readonly #seed: number;
  readonly #exempt: PrefixTable;

  /** @param seed an unsigned 32-bit number. */
  constructor(limits: RateLimits, seed: number) {
    const { answersPerSec, nxdomainPerSec, errorsPerSec, slip } = limits;
    this.#perSec = [answersPerSec, nxdomainPerSec, errorsPerSec].map((n) =>
      Math.min(n, PER_SEC_MAX),
    );
    this.#slip = slip;
    this.#exempt = compilePrefixes(limits.exempt.map((prefix) => ({ prefix, value: 1 })));
    this.#seed = seed | 0;
  }

  /**
   * Takes one response of this kind to the client. `nowMs` is whole and may wrap at 2^31.
   * Hot: nothing is allocated, one cache line is touched.
   */
  take(client: LimitedClient, kind: Kind, nowMs: number): Send {
    const hash = this.#hash(client, kind);
    const at = this.#bucket(hash, kind, nowMs);
    const buckets = this.#buckets;
    const perSec = this.#perSec[kind]!;
    const most = perSec * 1000 * BURST_SEC;
    const passedMs = Math.max(0, (nowMs - buckets[at + SEEN_MS]!) | 0);
    buckets[at + SEEN_MS] = nowMs;
    const tokens = Math.min(most, buckets[at + TOKENS]! + passedMs * perSec);
    if (tokens >= 1000) {
      buckets[at + TOKENS] = tokens - 1000;
      return SEND.ANSWER;
    }
    buckets[at + TOKENS] = tokens;
    const { address, addressAt, family } = client;
    const bits = family === 4 ? 32 : 128;
    if (this.#exempt.lookup(address, addressAt, family, bits) >> 8 === 1) return SEND.ANSWER;
    const held = buckets[at + HELD]! + 1;
    buckets[at + HELD] = held;
    return this.#slip > 0 && held % this.#slip === 0 ? SEND.TRUNCATED : SEND.NOTHING;
  }

  /** The bucket of this prefix, or a full one in the place of the one seen longest ago. */
  #bucket(hash: number, kind: Kind, nowMs: number): number {
    const buckets = this.#buckets;
    const set = ((hash >>> 2) & (SETS - 1)) * WAYS * BUCKET;
    const tag = hash | 1;
    let oldest = set;
    let oldestMs = -1;
    for (let way = 0; way < WAYS; way++) {
      const at = set + way * BUCKET;
      if (buckets[at + TAG] === tag) return at;
      const agoMs = buckets[at + TAG] === 0 ? 0x7fffffff : (nowMs - buckets[at + SEEN_MS]!) | 0;
      if (agoMs <= oldestMs) continue;
      oldestMs = agoMs;
      oldest = at;
    }
    buckets[oldest + TAG] = tag;
    buckets[oldest + TOKENS] = this.#perSec[kind]! * 1000 * BURST_SEC;
    buckets[oldest + SEEN_MS] = nowMs;
    buckets[oldest + HELD] = 0;
    return oldest;
  }

  #hash(client: LimitedClient, kind: Kind): number {
    const { address, addressAt, family } = client;
    const octets = family === 4 ? 3 : 7;
    let h = this.#seed ^ Math.imul(kind + 1, 0x9e3779b1) ^ family;
    for (let i = 0; i < octets; i++) h = Math.imul(h ^ address[addressAt + i]!, 0x01000193);
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return h ^ (h >>> 16);
  }
}

/** Where a client's address lies: 4 or 16 octets. */
export interface LimitedClient {
  readonly address: Uint8Array;
  readonly addressAt: number;
  readonly family: Family;
}
