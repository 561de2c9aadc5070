import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { CheckReport } from "../model/messages.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { AddressRules } from "../wire/ip/mod.ts";
import { ASKING, type CheckPlan, hostOf, type Target, targetsOf } from "./plan.ts";
import { Room } from "./room.ts";
import { CheckRunner } from "./run-check.ts";

export interface Schedule {
  /** Checks of what the snapshot names start, of what it no longer names stop. */
  setSnapshot(snapshot: Snapshot): void;
  /** Somebody saw this target fail: what decides of it is checked now, if that is not too often. */
  hurry(target: string): void;
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
/**
 * A failure is confirmed or not after this share of the interval, until `fall` is reached. A check
 * that hangs for so long, where the one before took less than half of that, is not waited for.
 */
const CONFIRM_SHARE = 0.5;
/**
 * Checks per second of one address by one vantage, all customers' together: whoever points many
 * names at one victim makes its checks slower, not the victim's life harder.
 */
const PER_ADDRESS_MAX = 64;

interface Shared extends ScheduleOptions {
  rules: AddressRules;
  /** Host -> how many times longer its intervals are than asked for. */
  stretch: ReadonlyMap<string, number>;
  readonly room: Room;
}

/** Runs every check of the snapshot at its interval, each on its own beat. */
export function startSchedule(options: ScheduleOptions): Schedule {
  const rules = { allowPrivate: false, ranges: [] };
  const shared: Shared = { ...options, rules, stretch: new Map(), room: new Room() };
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
      shared.stretch = stretchOf([...wanted.values()]);
      for (const [key, beat] of beats) {
        if (wanted.has(key)) continue;
        beat.stop();
        beats.delete(key);
      }
      for (const [key, { target, plan }] of wanted) {
        if (!beats.has(key)) beats.set(key, new Beat(target, plan, shared));
      }
    },
    hurry(target) {
      for (const beat of beats.values()) if (beat.target === target) beat.hurry();
    },
    stop() {
      for (const beat of beats.values()) beat.stop();
      beats.clear();
    },
  };
}

function stretchOf(wanted: readonly { target: Target; plan: CheckPlan }[]): Map<string, number> {
  const perSec = new Map<string, number>();
  for (const { target, plan } of wanted) {
    const host = hostOf(plan);
    perSec.set(host, (perSec.get(host) ?? 0) + 1000 / target.intervalMs);
  }
  for (const [host, rate] of perSec) perSec.set(host, Math.max(1, rate / PER_ADDRESS_MAX));
  return perSec;
}

/** One check, repeated until it is stopped. */
class Beat {
  readonly #runner: CheckRunner;
  readonly #shared: Shared;
  readonly #target: Target;
  readonly #kind: CheckPlan["kind"];
  readonly #host: string;
  /** In a row. */
  #failures = 0;
  /** The last check passed, and soon. */
  #quick = false;
  readonly #ended = new AbortController();
  #startedMs = Number.NEGATIVE_INFINITY;
  /** Or waiting for room. */
  #underWay = false;
  #dueMs = 0;
  #timer: ReturnType<typeof setTimeout>;

  constructor(target: Target, plan: CheckPlan, shared: Shared) {
    this.#runner = new CheckRunner(target, plan);
    this.#shared = shared;
    this.#target = target;
    this.#kind = plan.kind;
    this.#host = hostOf(plan);
    const withinMs = FIRST_WITHIN_MS * (shared.stretch.get(this.#host) ?? 1);
    this.#timer = this.#after(shared.rng.float() * withinMs);
  }

  #after(ms: number): ReturnType<typeof setTimeout> {
    const { clock, room } = this.#shared;
    const waitMs = Math.max(0, ms);
    this.#dueMs = clock.monoMs() + waitMs;
    return setTimeout(() => {
      const nowMs = clock.monoMs();
      room.late(nowMs - this.#dueMs, nowMs);
      this.#turn();
    }, waitMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#ended.abort();
  }

  get target(): string {
    return this.#target.id;
  }

  /**
   * Checks now, unless that is under way, or was begun so lately that not even a failure would be
   * confirmed yet; unless the server is down already, or its address is checked as often as may be.
   */
  hurry(): void {
    const { intervalMs, fall } = this.#target;
    if (this.#underWay || this.#failures >= fall || ASKING.has(this.#kind)) return;
    if ((this.#shared.stretch.get(this.#host) ?? 1) > 1) return;
    if (this.#shared.clock.monoMs() - this.#startedMs < intervalMs * CONFIRM_SHARE) return;
    clearTimeout(this.#timer);
    this.#turn();
  }

  #turn(): void {
    this.#underWay = true;
    this.#shared.room.enter(() => this.#begin());
  }

  #begin(): void {
    const { clock, rng, room } = this.#shared;
    if (this.#ended.signal.aborted) {
      room.leave();
      return;
    }
    const jitter = 1 + JITTER_SHARE * (2 * rng.float() - 1);
    const stretch = this.#shared.stretch.get(this.#host) ?? 1;
    const startMs = clock.monoMs();
    this.#startedMs = startMs;
    this.#round(this.#target.intervalMs * CONFIRM_SHARE * stretch).finally(() => {
      this.#underWay = false;
      if (this.#ended.signal.aborted) return;
      const nextMs = startMs + this.#target.intervalMs * this.#share() * stretch * jitter;
      this.#timer = this.#after(nextMs - clock.monoMs());
    });
  }

  /** Of the interval until the next check: less while a server that passed is failing. */
  #share(): number {
    return this.#failures > 0 && this.#failures < this.#target.fall ? CONFIRM_SHARE : 1;
  }

  /** One check, and a second beside it where the first hangs and there is room. */
  async #round(hangsMs: number): Promise<void> {
    const first = this.#check();
    if (!this.#quick || ASKING.has(this.#kind)) return await first;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const hanging = new Promise<"hangs">((resolve) => {
      timer = setTimeout(() => resolve("hangs"), hangsMs);
    });
    const seen = await Promise.race([first, hanging]);
    clearTimeout(timer);
    const again = seen === "hangs" && !this.#ended.signal.aborted && this.#shared.room.tryEnter();
    await (again ? Promise.all([first, this.#check()]) : first);
  }

  /** Within the room; leaves it. */
  async #check(): Promise<void> {
    const { clock, rng, rules, log, onReport } = this.#shared;
    const { signal } = this.#ended;
    try {
      const report = await this.#runner.run({ clock, rng, rules, signal });
      if (signal.aborted) return;
      this.#failures = report.ok ? 0 : this.#failures + 1;
      const quickMs = (this.#target.intervalMs * CONFIRM_SHARE) / 2;
      this.#quick = report.ok && (report.totalMs ?? 0) < quickMs;
      onReport(report);
    } catch (error) {
      log.error("A check broke", { error });
    } finally {
      this.#shared.room.leave();
    }
  }
}
