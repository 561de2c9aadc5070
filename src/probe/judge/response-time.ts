/** Log-spaced buckets from 0.1 ms up, 5 % apart: 280 of them reach 85 s. */
const BUCKETS = 280;
const LEAST_MS = 0.1;
const STEP = Math.log(1.05);
const IDLE_SHARE = 0.1;
/** Counts are kept for half a day and the half before it: the idle time spans 12 to 24 hours. */
const HALF_MS = 12 * 3_600_000;
/** Until so many samples are known, idle leans to the fastest seen. */
const SAMPLES_ENOUGH = 3600;
const EWMA_SHARE = 0.5;

/**
 * The response time of one server as one vantage sees it: smoothed, and what it is when idle. The
 * median of three takes lone spikes out, the moving average follows a real change within 3 samples.
 */
export class ResponseTime {
  readonly #recent: number[] = [];
  #ewmaMs: number | null = null;
  #now = new Uint16Array(BUCKETS);
  #before = new Uint16Array(BUCKETS);
  #samples = 0;
  #samplesBefore = 0;
  #halfSinceMs: number | null = null;

  add(ms: number, nowMs: number): void {
    this.#recent.push(ms);
    if (this.#recent.length > 3) this.#recent.shift();
    const sorted = [...this.#recent].sort((a, b) => a - b);
    const middle = sorted[Math.floor((sorted.length - 1) / 2)] ?? ms;
    const ewma = this.#ewmaMs;
    this.#ewmaMs = ewma === null ? middle : ewma + EWMA_SHARE * (middle - ewma);
    this.#count(ms, nowMs);
  }

  get ewmaMs(): number {
    return this.#ewmaMs ?? 0;
  }

  /**
   * The 10th percentile of up to 24 hours. A server that turns slow soon after it was first seen
   * must not count as slow by nature, so the share grows from the fastest seen to a tenth over
   * the first hour of samples.
   */
  get idleMs(): number {
    const samples = this.#samples + this.#samplesBefore;
    const rank = IDLE_SHARE * samples * Math.min(1, samples / SAMPLES_ENOUGH);
    let seen = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      seen += this.#now[bucket]! + this.#before[bucket]!;
      if (seen > rank) return LEAST_MS * Math.exp(STEP * (bucket + 0.5));
    }
    return 0;
  }

  #count(ms: number, nowMs: number): void {
    this.#halfSinceMs ??= nowMs;
    if (nowMs - this.#halfSinceMs >= HALF_MS) {
      this.#before = this.#now;
      this.#samplesBefore = this.#samples;
      this.#now = new Uint16Array(BUCKETS);
      this.#samples = 0;
      this.#halfSinceMs = nowMs;
    }
    const bucket = Math.floor(Math.log(Math.max(ms, LEAST_MS) / LEAST_MS) / STEP);
    const at = Math.min(BUCKETS - 1, bucket);
    if (this.#now[at]! < 65_535) {
      this.#now[at]!++;
      this.#samples++;
    }
  }
}

/** Differences below this share of the limit are noise and no load. */
const NOISE_SHARE = 0.02;
const LOAD_MAX = 10;

/**
 * Response time as load: (ewma - idle) / (limit - idle), where idle is taken 2 % of the limit
 * higher so that a few ms of noise are 0. At or over the limit it is at least 1.
 */
export function responseLoad(time: {
  readonly ewmaMs: number;
  readonly idleMs: number;
  readonly limitMs: number;
}): number {
  const { ewmaMs, limitMs } = time;
  const idleMs = time.idleMs + NOISE_SHARE * limitMs;
  const load = Math.max(0, (ewmaMs - idleMs) / Math.max(limitMs - idleMs, NOISE_SHARE * limitMs));
  return Math.min(LOAD_MAX, ewmaMs >= limitMs ? Math.max(1, load) : load);
}

/** For people: `ewma 84 ms, idle 12 ms, limit 500 ms`. */
export function responseDetail(time: {
  readonly ewmaMs: number;
  readonly idleMs: number;
  readonly limitMs: number;
}): string {
  const ms = (value: number) => (value < 10 ? value.toFixed(1) : String(Math.round(value)));
  return `ewma ${ms(time.ewmaMs)} ms, idle ${ms(time.idleMs)} ms, limit ${time.limitMs} ms`;
}
