import type { ProbeReport } from "../../model/messages.ts";

const FRESH_MS = 10_000;

/** Latency from pops to client groups: the least that a vantage of the pop measured lately. */
export class ClientRtt {
  readonly #byVantage = new Map<
    string,
    { pop: string; heardMs: number; rttMs: ProbeReport["rttMs"] }
  >();

  take(report: ProbeReport, nowMs: number): void {
    const { pop, rttMs } = report;
    this.#byVantage.set(report.vantage, { pop, heardMs: nowMs, rttMs });
  }

  forgetVantages(kept: ReadonlySet<string>): void {
    for (const vantage of this.#byVantage.keys()) {
      if (!kept.has(vantage)) this.#byVantage.delete(vantage);
    }
  }

  /** Client group -> pop -> ms, of the groups named. */
  table(groups: ReadonlySet<string>, nowMs: number): Record<string, Record<string, number>> {
    const table: Record<string, Record<string, number>> = {};
    for (const { pop, heardMs, rttMs } of this.#byVantage.values()) {
      if (nowMs - heardMs > FRESH_MS) continue;
      for (const [group, ms] of Object.entries(rttMs)) {
        if (!groups.has(group) || !Number.isFinite(ms) || ms < 0) continue;
        table[group] ??= {};
        const row = table[group];
        row[pop] = Math.min(row[pop] ?? Number.POSITIVE_INFINITY, Math.round(ms * 10) / 10);
      }
    }
    return table;
  }
}
