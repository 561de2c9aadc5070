import type { Clock } from "../../base/clock.ts";

/** Later than this a timer says that we were busy, not that the server is slow. */
const LATE_MS = 20;

/**
 * Calls `late` once the time is over, unless it is stopped. Where this process itself was held up,
 * what has arrived meanwhile is read first: half the timeout more at most.
 */
export function startDeadline(
  timeoutMs: number,
  clock: Clock,
  late: () => void,
): { readonly stop: () => void } {
  const startMs = clock.monoMs();
  let timer = setTimeout(() => {
    const heldUpMs = clock.monoMs() - startMs - timeoutMs;
    const graceMs = heldUpMs > LATE_MS ? Math.min(heldUpMs, timeoutMs / 2) : 0;
    timer = setTimeout(late, graceMs);
  }, timeoutMs);
  return { stop: () => clearTimeout(timer) };
}
