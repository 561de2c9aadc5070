import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { CheckReport } from "../model/messages.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { AddressRules } from "../wire/ip/mod.ts";
import { type CheckPlan, type Target, targetsOf } from "./plan.ts";
import { CheckRunner } from "./run-check.ts";

export interface Schedule {
  /** Checks of what the snapshot names start, of what it no longer names stop. */
  setSnapshot(snapshot: Snapshot): void;
  stop(): void;
}

export interface ScheduleOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly onReport: (report: CheckReport) => void;
}

/** A first check comes within this, so that a new server is known soon and starts do not burst. */
const FIRST_WITHIN_MS = 300;
const JITTER_SHARE = 0.05;
/** Sockets open at once; beyond it checks wait their turn. */
const UNDER_WAY_MAX = 512;
const TURN_MS = 50;

interface Shared extends ScheduleOptions {
  rules: AddressRules;
  underWay: number;
}

/** Runs every check of the snapshot at its interval, each on its own beat. */
export function startSchedule(options: ScheduleOptions): Schedule {
  const shared: Shared = { ...options, rules: { allowPrivate: false, ranges: [] }, underWay: 0 };
  const beats = new Map<string, Beat>();
  return {
    setSnapshot(snapshot) {
      const { allowPrivateOrigins: allowPrivate, allowOriginRanges: ranges } = snapshot;
      shared.rules = { allowPrivate, ranges };
      const wanted = new Map<string, { target: Target; plan: CheckPlan }>();
      for (const target of targetsOf(snapshot)) {
        for (const plan of target.checks) {
          const key = JSON.stringify([target.id, target.intervalMs, target.timeoutMs, plan]);
          wanted.set(key, { target, plan });
        }
      }
      for (const [key, beat] of beats) {
        if (wanted.has(key)) continue;
        beat.stop();
        beats.delete(key);
      }
      for (const [key, { target, plan }] of wanted) {
        if (!beats.has(key)) beats.set(key, new Beat(target, plan, shared));
      }
    },
    stop() {
      for (const beat of beats.values()) beat.stop();
      beats.clear();
    },
  };
}

/** One check, repeated until it is stopped. */
class Beat {
  readonly #runner: CheckRunner;
  readonly #shared: Shared;
  readonly #intervalMs: number;
  readonly #ended = new AbortController();
  #timer: ReturnType<typeof setTimeout>;

  constructor(target: Target, plan: CheckPlan, shared: Shared) {
    this.#runner = new CheckRunner(target, plan);
    this.#shared = shared;
    this.#intervalMs = target.intervalMs;
    this.#timer = setTimeout(() => this.#turn(), shared.rng.float() * FIRST_WITHIN_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#ended.abort();
  }

  #turn(): void {
    const { clock, rng } = this.#shared;
    if (this.#shared.underWay >= UNDER_WAY_MAX) {
      this.#timer = setTimeout(() => this.#turn(), TURN_MS);
      return;
    }
    const jitter = 1 + JITTER_SHARE * (2 * rng.float() - 1);
    const nextMs = clock.monoMs() + this.#intervalMs * jitter;
    this.#check().finally(() => {
      if (this.#ended.signal.aborted) return;
      this.#timer = setTimeout(() => this.#turn(), Math.max(0, nextMs - clock.monoMs()));
    });
  }

  async #check(): Promise<void> {
    const { clock, rules, log, onReport } = this.#shared;
    const { signal } = this.#ended;
    this.#shared.underWay++;
    try {
      const report = await this.#runner.run({ clock, rules, signal });
      if (!signal.aborted) onReport(report);
    } catch (error) {
      log.error("A check broke", { error });
    } finally {
      this.#shared.underWay--;
    }
  }
}
