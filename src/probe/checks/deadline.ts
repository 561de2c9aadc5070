import type { Clock } from "../../base/clock.ts";

/** Less than this in all says nothing: timers are never quite in time. */
const LATE_MS = 20;
const BEAT_MS = 50;

/**
 * Calls `late` once the time is over, unless it is stopped. What this process was held up does not
 * count, in one piece or in many small ones, as on a machine with too much to do: that says that we
 * were busy, not that the server is slow. Half the timeout more at most.
 */
export function startDeadline(
  timeoutMs: number,
  clock: Clock,
  late: () => void,
): { readonly stop: () => void } {
  const startMs = clock.monoMs();
  let heldUpMs = 0;
  let dueMs = startMs;
  let over = false;
  let timer: ReturnType<typeof setTimeout>;
  const next = (nowMs: number, leftMs: number) => {
    const waitMs = Math.min(BEAT_MS, leftMs);
    dueMs = nowMs + waitMs;
    timer = setTimeout(beat, waitMs);
  };
  const beat = () => {
    const nowMs = clock.monoMs();
    const lateMs = Math.max(0, nowMs - dueMs);
    heldUpMs += lateMs;
    const graceMs = heldUpMs > LATE_MS ? Math.min(heldUpMs, timeoutMs / 2) : 0;
    const leftMs = startMs + timeoutMs + graceMs - nowMs;
    if (leftMs > 0) return next(nowMs, leftMs);
    // After a long pause what has arrived meanwhile is read first, once.
    if (lateMs <= LATE_MS || over) return late();
    over = true;
    next(nowMs, 1);
  };
  next(startMs, timeoutMs);
  return { stop: () => clearTimeout(timer) };
}
