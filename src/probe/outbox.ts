import type { CheckReport } from "../model/messages.ts";

export interface Outbox {
  add(report: CheckReport): void;
  /** Sends what waits. */
  flush(): void;
  stop(): void;
}

/** What changed must be known at once; the rest rides along a little later. */
const CHANGED_MS = 30;
const SOON_MS = 250;
/** Beats by which others know that this probe lives: see election.ts. */
export const LEAST_EVERY_MS = 300;
const CHECKS_MAX = 50_000;
/** So many failures in a row are told at once each: the last of them makes a server be down. */
const FAILURES_AT_ONCE = 10;

/**
 * Gathers checks into reports: at once when an outcome differs from the last one and for the first
 * failures in a row, soon otherwise, and at least every 300 ms, for a report also says that its
 * vantage is alive.
 */
export function startOutbox(send: (checks: readonly CheckReport[]) => void): Outbox {
  /** Failures in a row at present, by check. */
  const failures = new Map<string, number>();
  let pending: CheckReport[] = [];
  let urgent = false;
  let timer = setTimeout(flush, LEAST_EVERY_MS);

  function flush(): void {
    const checks = pending;
    pending = [];
    urgent = false;
    timer = setTimeout(flush, LEAST_EVERY_MS);
    send(checks);
  }

  function within(ms: number): void {
    clearTimeout(timer);
    timer = setTimeout(flush, ms);
  }

  return {
    add(report) {
      const key = `${report.target} ${report.check} ${report.family}`;
      const before = failures.get(key);
      const inRow = report.ok ? 0 : (before ?? 0) + 1;
      const news = report.ok ? before !== 0 : inRow <= FAILURES_AT_ONCE;
      if (failures.size >= CHECKS_MAX) failures.clear();
      failures.set(key, inRow);
      if (pending.length < CHECKS_MAX) pending.push(report);
      if (news && !urgent) {
        urgent = true;
        within(CHANGED_MS);
      } else if (pending.length === 1) within(SOON_MS);
    },
    flush() {
      if (pending.length === 0) return;
      clearTimeout(timer);
      flush();
    },
    stop: () => clearTimeout(timer),
  };
}
