/** Length of one bucket, ms. */
export const BUCKET_MS = 2000;
/** Buckets kept: five minutes. */
export const BUCKETS = 150;
/** Whole buckets that a rate is averaged over. */
export const RATE_BUCKETS = 5;

/** Sums per bucket of a few fields over the last five minutes, in memory of a fixed size. */
export class Ring {
  readonly #fields: number;
  readonly #sums: Float64Array;
  readonly #bucketOf = new Float64Array(BUCKETS).fill(-1);

  constructor(fields: number) {
    this.#fields = fields;
    this.#sums = new Float64Array(fields * BUCKETS);
  }

  add(atMs: number, field: number, amount: number): void {
    const i = this.#slot(atMs) + field;
    this.#sums[i] = this.#sums[i]! + amount;
  }

  set(atMs: number, field: number, value: number): void {
    this.#sums[this.#slot(atMs) + field] = value;
  }

  /** Per second, averaged over the last ten seconds of whole buckets. */
  rate(nowMs: number, field: number): number {
    return this.sum(nowMs, field, RATE_BUCKETS) / ((RATE_BUCKETS * BUCKET_MS) / 1000);
  }

  /** The sum of the last whole buckets. */
  sum(nowMs: number, field: number, buckets: number): number {
    const now = Math.floor(nowMs / BUCKET_MS);
    let sum = 0;
    for (let bucket = now - buckets; bucket < now; bucket++) sum += this.#at(bucket, field) ?? 0;
    return sum;
  }

  /** Whole buckets, oldest first, from the first one with anything in it. Null: nothing was said. */
  history(nowMs: number): { atMs: number; sums: (number | null)[] }[] {
    const now = Math.floor(nowMs / BUCKET_MS);
    const out: { atMs: number; sums: (number | null)[] }[] = [];
    for (let bucket = now - BUCKETS + 1; bucket < now; bucket++) {
      const sums = Array.from({ length: this.#fields }, (_, f) => this.#at(bucket, f));
      if (out.length > 0 || sums.some((s) => s !== null)) {
        out.push({ atMs: bucket * BUCKET_MS, sums });
      }
    }
    return out;
  }

  #slot(atMs: number): number {
    const bucket = Math.floor(atMs / BUCKET_MS);
    const slot = bucket % BUCKETS;
    if (this.#bucketOf[slot] !== bucket) {
      this.#bucketOf[slot] = bucket;
      this.#sums.fill(0, slot * this.#fields, (slot + 1) * this.#fields);
    }
    return slot * this.#fields;
  }

  #at(bucket: number, field: number): number | null {
    const slot = ((bucket % BUCKETS) + BUCKETS) % BUCKETS;
    if (this.#bucketOf[slot] !== bucket) return null;
    return this.#sums[slot * this.#fields + field] ?? null;
  }
}
