import type { RuleRate } from "../../model/rules.ts";
import { clearHostBits, formatAddress } from "../../wire/ip/mod.ts";

interface Bucket {
  tokens: number;
  seenMs: number;
}

/** A limit that a bucket is of. */
export interface Limit extends Pick<RuleRate, "perSec" | "burst"> {
  /** Whose it is: who has many buckets takes none from who has few. Left out: nobody's. */
  readonly owner?: string;
}

/**
 * Token buckets by client prefix, at most so many: of the owner with the most, whoever was seen longest ago is
 * forgotten first, which limits less and never more. So a flood of addresses costs no more memory than
 * that, and no other owner's clients come by new buckets through it.
 */
export class Buckets {
  /** By owner; each has some. */
  readonly #owners = new Map<string, Map<string, Bucket>>();
  readonly #countMax: number;
  #count = 0;

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Takes one request. 0: it may go on; else the seconds until one more may, whole and at least 1.
   *
   * @param nowMs of a clock that never goes back
   */
  take(name: string, rate: Limit, nowMs: number): number {
    const bucket = this.#bucket(name, rate) ?? { tokens: rate.burst, seenMs: nowMs };
    this.#put(name, bucket, rate);
    const passedSec = Math.max(0, nowMs - bucket.seenMs) / 1000;
    bucket.seenMs = nowMs;
    bucket.tokens = Math.min(rate.burst, bucket.tokens + passedSec * rate.perSec);
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return 0;
    }
    return Math.max(1, Math.ceil((1 - bucket.tokens) / rate.perSec));
  }

  #bucket(name: string, { owner = "" }: Limit): Bucket | undefined {
    return this.#owners.get(owner)?.get(name);
  }

  /** As the one seen last. */
  #put(name: string, bucket: Bucket, { owner = "" }: Limit): void {
    const own = this.#owners.get(owner) ?? new Map<string, Bucket>();
    this.#owners.set(owner, own);
    if (!own.delete(name)) this.#count++;
    own.set(name, bucket);
    if (this.#count > this.#countMax) this.#forgetOne(own);
  }

  /** Who has more than its part gives way by itself: nobody has to look for who has the most. */
  #forgetOne(own: Map<string, Bucket>): void {
    let most = own;
    if (own.size * this.#owners.size <= this.#countMax) {
      for (const one of this.#owners.values()) if (one.size > most.size) most = one;
    }
    most.delete(most.keys().next().value!);
    this.#count--;
    if (most.size > 0) return;
    for (const [owner, one] of this.#owners) if (one === most) this.#owners.delete(owner);
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
