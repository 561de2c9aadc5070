import type { Clock } from "../base/clock.ts";

/** Signals that ask a program to end. */
const ENDING = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * A signal that follows the first one this fast is the same wish: Ctrl-C reaches every process of the
 * foreground group, and a parent of ours (npm, a wrapper) may pass on what it got as well.
 */
const SAME_WISH_MS = 500;

interface Signals {
  on(signal: (typeof ENDING)[number], heard: () => void): unknown;
  exit(code: number): void;
}

/**
 * Resolves at the first interrupt, termination or hang-up. A later one, by somebody who does not
 * want to wait, ends the process at once with code 130.
 */
export function untilSignal(clock: Clock, signals: Signals = process): Promise<void> {
  return new Promise((done) => {
    let firstMs: number | null = null;
    const heard = () => {
      const nowMs = clock.monoMs();
      if (firstMs === null) firstMs = nowMs;
      else if (nowMs - firstMs > SAME_WISH_MS) signals.exit(130);
      done();
    };
    for (const signal of ENDING) signals.on(signal, heard);
  });
}
