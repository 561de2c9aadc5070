import type { RuleRate } from "../../model/rules.ts";
import { clearHostBits, formatAddress } from "../../wire/ip/mod.ts";

interface Bucket {
  tokens: number;
  seenMs: number;
}

/**
 * Token buckets by client prefix, at most so many: whoever was seen longest ago is forgotten first,
 * which limits less and never more. So a flood of addresses costs no more memory than that.
 */
export class Buckets {
  readonly #buckets = new Map<string, Bucket>();
  readonly #countMax: number;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get count(): number {
    return this.#buckets.size;
  }

  /**
   * Takes one request. 0: it may go on; else the seconds until one more may, whole and at least 1.
   *
   * @param nowMs of a clock that never goes back
   */
  take(name: string, rate: Pick<RuleRate, "perSec" | "burst">, nowMs: number): number {
    const bucket = this.#buckets.get(name) ?? { tokens: rate.burst, seenMs: nowMs };
    this.#buckets.delete(name);
    this.#buckets.set(name, bucket);
    if (this.#buckets.size > this.#countMax) {
      this.#buckets.delete(this.#buckets.keys().next().value!);
    }
    const passedSec = Math.max(0, nowMs - bucket.seenMs) / 1000;
    bucket.seenMs = nowMs;
    bucket.tokens = Math.min(rate.burst, bucket.tokens + passedSec * rate.perSec);
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return 0;
    }
    return Math.max(1, Math.ceil((1 - bucket.tokens) / rate.perSec));
  }
}

/** Clients that share a limit, as a name: their prefix. All of unknown address are one. */
export function bucketName(
  client: Uint8Array | null,
  rate: Pick<RuleRate, "v4Bits" | "v6Bits">,
): string {
  if (client === null) return "unknown";
  const prefix = client.slice();
  clearHostBits(prefix, client.length === 4 ? rate.v4Bits : rate.v6Bits);
  return formatAddress(prefix);
}
