import { readFileSync } from "node:fs";
import type { Limit } from "../../policy/rules/mod.ts";
import type { Stamp } from "../cache/mod.ts";
import type { Words } from "../hot/crew.ts";

/** Marks of keys, and as many of sites. Two that fall on one place only cost a question each. */
const MARKS = 65_536;
const MARK_BITS = BigInt(MARKS - 1);
/** Buckets stand in sets of so many, each under a lock of its own. */
const WAYS = 8;
const SETS = 8_192;
/** 32 bytes a bucket: two words of its name's hash, then tokens and the time they are of, and whose it is. */
const BUCKET_WORDS = 8;
const OWNER_AT = 6;
/** A lock is held for less than a microsecond, unless its holder was stopped or killed in between. */
const LOCK_MS = 50;

const HEAD_WORDS = 16;
const KEYS_AT = HEAD_WORDS;
const SITES_AT = KEYS_AT + MARKS;
const LOCKS_AT = SITES_AT + MARKS;
const BUCKETS_AT = LOCKS_AT + SETS;
/** The size of the file in which they are. */
export const WORDS_BYTES = 4 * (BUCKETS_AT + SETS * WAYS * BUCKET_WORDS);

const BEHIND = 0;
const KEEPER = 1;
/** A number of eight bytes. */
const APPLIED = 1;
const HTTP3 = 4;
/** Of the purge log; 0: none is known. */
const TERM = 5;
/** Random, from the start on: nobody knows whose marks and buckets fall on one place. */
export const SEED = 6;
/** Of HTTP/3: no process listens for it; clients are to leave it; all else is what it shows. */
const [NO_HTTP3, CLEAR_HTTP3] = [0, 1];

/**
 * The words of `hot/crew` in a file that all processes of a node have mapped. It lies in memory
 * (/dev/shm) and is written whole before it is mapped: a full disk takes no page away.
 */
export class SharedWords implements Words {
  readonly #words: Uint32Array;
  readonly #numbers: Float64Array;
  readonly #nowMs: () => number;
  #asked = { digest: "", word: wordOf("") };

  /** @param nowMs of a clock that is the same for all processes and never goes back */
  constructor(path: string, nowMs: () => number = sinceBoot()) {
    const bytes = Bun.mmap(path, { shared: true });
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, WORDS_BYTES / 4);
    this.#numbers = new Float64Array(bytes.buffer, bytes.byteOffset, WORDS_BYTES / 8);
    this.#nowMs = nowMs;
  }

  isBehind(): boolean {
    return Atomics.load(this.#words, BEHIND) !== 0;
  }

  setBehind(behind: boolean): void {
    Atomics.store(this.#words, BEHIND, behind ? 1 : 0);
  }

  /** Whether the purge that was given this number, under this term, is in force on this node. */
  hasApplied(number: number, term: string | undefined): boolean {
    const isOfTerm = term === undefined || Atomics.load(this.#words, TERM) === wordOf(term);
    return isOfTerm && number <= this.#numbers[APPLIED]!;
  }

  /** The last number of the purge log that is in force on this node. */
  setPurgesApplied(number: number, term: string | undefined): void {
    const word = term === undefined ? 0 : wordOf(term);
    // In between it is of neither: a number under one term says nothing under another.
    if (Atomics.load(this.#words, TERM) !== word) Atomics.store(this.#words, TERM, 0);
    this.#numbers[APPLIED] = number;
    Atomics.store(this.#words, TERM, word);
  }

  /** To be called once nothing of the key is served by the keeper any more. */
  markKey(key: string): void {
    Atomics.add(this.#words, this.#placeOfKey(key), 1);
  }

  /** The same for all that a site has. */
  markSite(of: { readonly customer: string; readonly site: string }): void {
    Atomics.add(this.#words, this.#placeOfSite(of), 1);
  }

  isKeeperThere(): boolean {
    const pid = Atomics.load(this.#words, KEEPER);
    if (pid === 0) return false;
    try {
      process.kill(pid, 0);
      return true;
    } catch {
      return false;
    }
  }

  /** The process that is the keeper from now on; 0: none is. */
  setKeeper(pid: number): void {
    Atomics.store(this.#words, KEEPER, pid);
  }

  /** What the one process that listens for HTTP/3 says of it; `digest` is of the certificates it shows. */
  setHttp3(state: "clear" | object | null, digest: string): void {
    const word = state === null ? NO_HTTP3 : state === "clear" ? CLEAR_HTTP3 : wordOf(digest);
    Atomics.store(this.#words, HTTP3, word);
  }

  /** `same`: it shows these certificates. */
  http3(digest: string): "none" | "clear" | "same" {
    const word = Atomics.load(this.#words, HTTP3);
    if (word === CLEAR_HTTP3) return "clear";
    if (word === NO_HTTP3) return "none";
    // Asked with each answer; of many names it is a megabyte.
    if (this.#asked.digest !== digest) this.#asked = { digest, word: wordOf(digest) };
    return word === this.#asked.word ? "same" : "none";
  }

  stampOf(of: { readonly key: string; readonly customer: string; readonly site: string }): Stamp {
    const [key, site] = [this.#placeOfKey(of.key), this.#placeOfSite(of)];
    return { key, site, sum: this.#sum(key, site) };
  }

  isCurrent({ key, site, sum }: Stamp): boolean {
    return this.#sum(key, site) === sum;
  }

  #hash(text: string): bigint {
    return Bun.hash(text, this.#words[SEED]!) as bigint;
  }

  #placeOfKey(key: string): number {
    return KEYS_AT + Number(this.#hash(key) & MARK_BITS);
  }

  #placeOfSite({ customer, site }: { readonly customer: string; readonly site: string }): number {
    return SITES_AT + Number(this.#hash(`${customer} ${site}`) & MARK_BITS);
  }

  /** Both only go up, so their sum is the same only where both are. */
  #sum(key: number, site: number): number {
    return Atomics.load(this.#words, key) + Atomics.load(this.#words, site);
  }

  takeRate(name: string, rate: Limit): number {
    const hash = this.#hash(name);
    const [high, low] = [Number(hash >> 32n), Number(hash & 0xffff_ffffn)];
    const set = low % SETS;
    this.#lock(LOCKS_AT + set);
    try {
      return this.#take(this.#find(set, { high, low, owner: ownerOf(rate) }), rate);
    } finally {
      Atomics.store(this.#words, LOCKS_AT + set, 0);
    }
  }

  /**
   * The bucket's first word. A new one takes a place that nobody had yet, else that of the owner who would have
   * the most in this set: the one seen longest ago. It is full.
   */
  #find(
    set: number,
    { high, low, owner }: { readonly high: number; readonly low: number; readonly owner: number },
  ): { readonly at: number; readonly isNew: boolean } {
    const first = BUCKETS_AT + set * WAYS * BUCKET_WORDS;
    for (let at = first; at < first + WAYS * BUCKET_WORDS; at += BUCKET_WORDS) {
      if (this.#words[at] === high && this.#words[at + 1] === low) return { at, isNew: false };
    }
    let [place, most] = [first, -1];
    for (let at = first; at < first + WAYS * BUCKET_WORDS; at += BUCKET_WORDS) {
      const count = this.#countOf(first, { of: at, owner });
      const isEarlier = this.#seenMs(at) < this.#seenMs(place);
      if (count > most || (count === most && isEarlier)) [place, most] = [at, count];
    }
    this.#words[place] = high;
    this.#words[place + 1] = low;
    this.#words[place + OWNER_AT] = owner;
    return { at: place, isNew: true };
  }

  /** How many of the set the owner of this one has, with the new one; more than all: nobody had it. */
  #countOf(first: number, { of, owner }: { readonly of: number; readonly owner: number }): number {
    if (this.#seenMs(of) === 0) return WAYS + 2;
    let count = this.#words[of + OWNER_AT] === owner ? 1 : 0;
    for (let at = first; at < first + WAYS * BUCKET_WORDS; at += BUCKET_WORDS) {
      if (this.#words[at + OWNER_AT] === this.#words[of + OWNER_AT]) count++;
    }
    return count;
  }

  /** When the bucket was taken from last; 0: never. */
  #seenMs(at: number): number {
    return this.#numbers[at / 2 + 2]!;
  }

  #take({ at, isNew }: { readonly at: number; readonly isNew: boolean }, rate: Limit): number {
    const [tokensAt, seenAt] = [at / 2 + 1, at / 2 + 2];
    const seenMs = isNew ? 0 : this.#numbers[seenAt]!;
    const nowMs = Math.max(seenMs, this.#nowMs());
    const before = isNew ? rate.burst : this.#numbers[tokensAt]!;
    const passedSec = isNew ? 0 : (nowMs - seenMs) / 1000;
    const tokens = Math.min(rate.burst, before + passedSec * rate.perSec);
    this.#numbers[seenAt] = nowMs;
    this.#numbers[tokensAt] = tokens >= 1 ? tokens - 1 : tokens;
    return tokens >= 1 ? 0 : Math.max(1, Math.ceil((1 - tokens) / rate.perSec));
  }

  #lock(at: number): void {
    if (Atomics.compareExchange(this.#words, at, 0, 1) === 0) return;
    const untilMs = performance.now() + LOCK_MS;
    while (Atomics.compareExchange(this.#words, at, 0, 1) !== 0) {
      if (performance.now() >= untilMs) return;
    }
  }
}

function ownerOf({ owner = "" }: Limit): number {
  return Number((Bun.hash(owner) as bigint) & 0xffff_ffffn);
}

/** Of the words that say something else none. */
function wordOf(digest: string): number {
  return Math.max(CLEAR_HTTP3 + 1, Number((Bun.hash(digest) as bigint) & 0xffff_ffffn));
}

/** Ms since the machine started, to its hundredth of a second the same in all processes. */
function sinceBoot(): () => number {
  try {
    const upMs = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 1000;
    const offsetMs = upMs - performance.now();
    return () => offsetMs + performance.now();
  } catch {
    return () => Date.now();
  }
}
