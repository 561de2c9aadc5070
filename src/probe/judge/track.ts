import type { LoadSourceKind, VantageView } from "../../model/health.ts";
import type { CheckReport } from "../../model/messages.ts";
import type { CheckKind, Target } from "../plan.ts";
import { ResponseTime, responseDetail, responseLoad } from "./response-time.ts";
import { NO_STREAK, type Streak, step } from "./streak.ts";

/** One load as one vantage knows it. */
export interface SeenLoad {
  readonly kind: LoadSourceKind;
  readonly load: number;
  readonly detail: string;
  /** When it was measured, wall clock. */
  readonly atMs: number;
}

/** Shares of processors and networks jump within a second; memory does not. */
const SMOOTHED: ReadonlySet<LoadSourceKind> = new Set(["cpu", "network"]);
const EWMA_SHARE = 0.6;
const LOAD_MAX = 10;
const FAILURE_CHARS_MAX = 40;

/** All that is remembered of one check of one target by one vantage. */
export class Track {
  readonly vantage: string;
  readonly check: CheckKind;
  readonly family: 4 | 6;
  #streak: Streak = NO_STREAK;
  #ok = false;
  #failure = "";
  #atMs = 0;
  #heardMs = Number.NEGATIVE_INFINITY;
  #okMs = Number.NEGATIVE_INFINITY;
  #totalMs: number | null = null;
  #timings: VantageView["timings"];
  #certificateDays: number | undefined;
  #note = "";
  readonly #response = new ResponseTime();
  readonly #loads = new Map<LoadSourceKind, SeenLoad>();

  constructor(vantage: string, check: CheckKind, family: 4 | 6) {
    this.vantage = vantage;
    this.check = check;
    this.family = family;
  }

  get streak(): Streak {
    return this.#streak;
  }

  /** The last outcome. */
  get ok(): boolean {
    return this.#ok;
  }

  get failure(): string {
    return this.#failure;
  }

  /** When the last outcome was seen: the vantage's wall clock. */
  get atMs(): number {
    return this.#atMs;
  }

  /** When it was heard: our monotonic clock, for vantages' clocks may be wrong. */
  get heardMs(): number {
    return this.#heardMs;
  }

  get totalMs(): number | null {
    return this.#ok ? this.#totalMs : null;
  }

  get timings(): VantageView["timings"] {
    return this.#timings;
  }

  /** Of the certificate last seen; undefined where there was none. */
  get certificateDays(): number | undefined {
    return this.#certificateDays;
  }

  /** Takes one outcome. True when it differs from the one before, or decides. */
  take(report: CheckReport, target: Target, nowMs: number): boolean {
    const { verdict } = this.#streak;
    this.#streak = step(this.#streak, report.ok, target);
    const first = this.#heardMs === Number.NEGATIVE_INFINITY;
    const changed = first || this.#ok !== report.ok || this.#streak.verdict !== verdict;
    this.#ok = report.ok;
    this.#failure = report.ok ? "" : report.failure.slice(0, FAILURE_CHARS_MAX);
    this.#atMs = report.atMs;
    this.#heardMs = nowMs;
    this.#totalMs = report.totalMs;
    this.#timings = {
      resolveMs: report.resolveMs ?? null,
      connectMs: report.connectMs,
      tlsMs: report.tlsMs ?? null,
      firstByteMs: report.firstByteMs,
    };
    this.#certificateDays = report.certificateDays;
    this.#note = report.note?.slice(0, FAILURE_CHARS_MAX) ?? "";
    if (!report.ok) return changed;
    this.#okMs = nowMs;
    const { totalMs } = report;
    if (totalMs !== null && Number.isFinite(totalMs) && totalMs >= 0) {
      this.#response.add(totalMs, nowMs);
    }
    for (const seen of report.loads ?? []) this.#takeLoad(seen, report.atMs);
    return changed;
  }

  #takeLoad(seen: Omit<SeenLoad, "atMs">, atMs: number): void {
    if (!Number.isFinite(seen.load) || seen.load < 0) return;
    const load = Math.min(LOAD_MAX, seen.load);
    const before = this.#loads.get(seen.kind);
    const smooth = before !== undefined && SMOOTHED.has(seen.kind);
    const value = smooth ? before.load + EWMA_SHARE * (load - before.load) : load;
    const detail = smooth ? `${seen.detail}, smoothed` : seen.detail;
    this.#loads.set(seen.kind, { kind: seen.kind, load: value, detail, atMs });
  }

  /** What the server told of itself by this check, if it passed within `freshMs`. */
  told(nowMs: number, freshMs: number): SeenLoad[] {
    if (nowMs - this.#okMs > freshMs) return [];
    return [...this.#loads.values()].filter((seen) => this.#atMs - seen.atMs <= freshMs);
  }

  /** The load that the response time is, if the check passed within `freshMs`. */
  timed(target: Target, nowMs: number, freshMs: number): SeenLoad[] {
    if (nowMs - this.#okMs > freshMs) return [];
    const { check } = this;
    if (check === "exporter" || check === "load" || check === "snmp") return [];
    if (!target.timed.includes(check) || this.#totalMs === null) return [];
    const { ewmaMs, idleMs } = this.#response;
    const time = { ewmaMs, idleMs, limitMs: target.limitMs };
    const load = responseLoad(time);
    return [{ kind: check, load, detail: this.#detail(time), atMs: this.#atMs }];
  }

  #detail(time: Parameters<typeof responseDetail>[0]): string {
    const days = this.#certificateDays;
    const certificate = days === undefined ? "" : `; certificate ${certificateWords(days)}`;
    const note = this.#note === "" ? "" : `; ${this.#note}`;
    return `${responseDetail(time)}${certificate}${note}`;
  }
}

/** @example certificateWords(1) // "ends in 1 day" */
export function certificateWords(days: number): string {
  if (days < 0) return "has ended";
  return `ends in ${days} ${days === 1 ? "day" : "days"}`;
}
