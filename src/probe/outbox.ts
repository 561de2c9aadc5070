import type { CheckReport } from "../model/messages.ts";

export interface Outbox {
  add(report: CheckReport): void;
  stop(): void;
}

/** What changed must be known at once; the rest rides along a little later. */
const CHANGED_MS = 30;
const SOON_MS = 250;
/** Beats by which others know that this probe lives: see election.ts. */
export const LEAST_EVERY_MS = 300;
const CHECKS_MAX = 50_000;

/**
 * Gathers checks into reports: at once when an outcome differs from the last one, soon otherwise,
 * and at least every 300 ms, for a report also says that its vantage is alive.
 */
export function startOutbox(send: (checks: readonly CheckReport[]) => void): Outbox {
  const lastOk = new Map<string, boolean>();
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
      const changed = lastOk.get(key) !== report.ok;
      if (lastOk.size >= CHECKS_MAX) lastOk.clear();
      lastOk.set(key, report.ok);
      if (pending.length < CHECKS_MAX) pending.push(report);
      if (changed && !urgent) {
        urgent = true;
        within(CHANGED_MS);
      } else if (pending.length === 1) within(SOON_MS);
    },
    stop: () => clearTimeout(timer),
  };
}
