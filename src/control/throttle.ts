import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";

/** Keys remembered at most; beyond, the one that was used longest ago is forgotten. */
const KEYS_MAX = 10_000;

/** A token bucket per key: `burst` at once, then `perSec`. Bounded memory. */
export class Throttle {
  readonly #clock: Clock;
  readonly #perSec: number;
  readonly #burst: number;
  readonly #buckets = new Map<string, { left: number; atMs: number }>();

  constructor(clock: Clock, o: { readonly perSec: number; readonly burst: number }) {
    this.#clock = clock;
    this.#perSec = o.perSec;
    this.#burst = o.burst;
  }

  /** Takes one. Seconds to wait if there is none, else 0. */
  take(key: string): number {
    const bucket = this.#fill(key);
    if (bucket.left < 1) return Math.ceil((1 - bucket.left) / this.#perSec);
    bucket.left -= 1;
    return 0;
  }

  /** Gives one back: what was taken for turned out right. */
  giveBack(key: string): void {
    const bucket = this.#fill(key);
    bucket.left = Math.min(this.#burst, bucket.left + 1);
  }

  #fill(key: string): { left: number; atMs: number } {
    const nowMs = this.#clock.monoMs();
    const known = this.#buckets.get(key);
    this.#buckets.delete(key);
    const left = known === undefined ? this.#burst : known.left;
    const grown = known === undefined ? 0 : ((nowMs - known.atMs) / 1000) * this.#perSec;
    const bucket = { left: Math.min(this.#burst, left + grown), atMs: nowMs };
    this.#buckets.set(key, bucket);
    if (this.#buckets.size > KEYS_MAX) {
      const oldest = this.#buckets.keys().next().value;
      if (oldest !== undefined) this.#buckets.delete(oldest);
    }
    return bucket;
  }
}

/** The Fault for whoever has to wait; its cause is the time in seconds, for `Retry-After`. */
export function tooMany(waitSec: number): Fault {
  return new Fault("too-many-requests", `wait ${waitSec} s`, { cause: waitSec });
}
