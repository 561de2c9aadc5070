/** Signatures over one record set: the data of its RRSIG records. */
export interface Signed {
  /** What was signed after the RRSIG's head. */
  readonly set: Uint8Array;
  readonly records: readonly Uint8Array[];
  readonly inceptionSec: number;
  /** From here on it is to be made anew; until `lastSec` it may still be used. */
  readonly renewSec: number;
  readonly lastSec: number;
}

/**
 * Signatures by what they sign, at most twice `entriesMax`: when one generation is full, the one
 * before it is forgotten, with all that nobody asked for in the meantime. Two sets of one hash take
 * each other's place: an attacker who finds such pairs gains a signature, not memory.
 */
export class SignatureCache {
  readonly #entriesMax: number;
  #young = new Map<number, Signed>();
  #old = new Map<number, Signed>();

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(hash: number, set: Uint8Array): Signed | null {
    const young = this.#young.get(hash);
    if (young !== undefined) return same(young.set, set) ? young : null;
    const old = this.#old.get(hash);
    if (old === undefined || !same(old.set, set)) return null;
    this.put(hash, old);
    return old;
  }

  put(hash: number, signed: Signed): void {
    if (this.#young.size >= this.#entriesMax) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#old.delete(hash);
    this.#young.set(hash, signed);
  }
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function hashOctets(octets: Uint8Array): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < octets.length; i++) hash = Math.imul(hash ^ octets[i]!, 0x01000193);
  const h = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}

/** So many each second, and so many at once after a pause. */
export class Budget {
  readonly #perSec: number;
  readonly #burst: number;
  #left: number;
  #atMs = 0;

  constructor(perSec: number, burst = perSec) {
    this.#perSec = perSec;
    this.#burst = burst;
    this.#left = burst;
  }

  take(nowMs: number): boolean {
    const passedMs = Math.max(0, nowMs - this.#atMs);
    this.#atMs = nowMs;
    this.#left = Math.min(this.#burst, this.#left + (passedMs * this.#perSec) / 1000);
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}
