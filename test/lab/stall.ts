const BEAT_MS = 10;

/**
 * How long this process was held up, ms, since it was made: what a busy machine adds to any time
 * measured here. A bound that a promise names holds for the time that is left without it.
 */
export class Stall {
  #lostMs = 0;
  #dueMs = performance.now() + BEAT_MS;
  readonly #timer = setInterval(() => this.#beat(), BEAT_MS);

  #beat(): void {
    const nowMs = performance.now();
    this.#lostMs += Math.max(0, nowMs - this.#dueMs);
    this.#dueMs = nowMs + BEAT_MS;
  }

  get lostMs(): number {
    return this.#lostMs + Math.max(0, performance.now() - this.#dueMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Runs `act`; how long it took, and how long without what the machine took from it, ms. */
export async function timed<T>(
  act: () => Promise<T>,
): Promise<{ readonly value: T; readonly tookMs: number; readonly ownMs: number }> {
  const stall = new Stall();
  const startMs = performance.now();
  try {
    const value = await act();
    const tookMs = performance.now() - startMs;
    return { value, tookMs, ownMs: Math.max(0, tookMs - stall.lostMs) };
  } finally {
    stall.stop();
  }
}
