import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Bus } from "../bus/mod.ts";
import type { Assignment } from "../model/assignment.ts";
import type { Feed } from "../model/feed.ts";
import type { Health, TargetHealth } from "../model/health.ts";
import type { ProbeReport } from "../model/messages.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { assign } from "../policy/steering/mod.ts";
import { Election } from "./election.ts";
import { DemandMeter, type GroupPlaces, Judge, type Judgement } from "./judge/mod.ts";

export interface Judging {
  setSnapshot(snapshot: Snapshot): void;
  /** Where its client groups are, once that was found out. */
  setPlaces(places: GroupPlaces): void;
  /** This node's own report; others' come by the bus. */
  take(report: ProbeReport): void;
  stop(): void;
}

export interface JudgingOptions {
  readonly node: string;
  readonly feed: Feed;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
}

const TICK_MS = 1000;
/** How soon health follows a report in which an outcome changed, and any other report. */
const CHANGED_MS = 15;
const REPORT_MS = 150;
/** Judging takes at most this share of the time, however large the network is. */
const BUSY_SHARE = 0.1;
/** A load that moved by this much is sent without waiting for the tick, but not more often. */
const LOAD_STEP = 0.02;
const LOAD_EVERY_MS = 400;

/** Every probe folds all reports; the elected one publishes health and the assignment. */
export function startJudging(options: JudgingOptions): Judging {
  return new Bench(options);
}

class Bench implements Judging {
  readonly #options: JudgingOptions;
  readonly #judge = new Judge();
  readonly #demand = new DemandMeter();
  readonly #election: Election;
  readonly #ends: (() => void)[];
  #snapshot: Snapshot | null = null;
  /** The latest of any judge: numbers and assignment go on from there. */
  #health: Health;
  #assignment: Assignment;
  #judging = false;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #dueMs = 0;
  #sentMs = Number.NEGATIVE_INFINITY;
  #tookMs = 0;

  constructor(options: JudgingOptions) {
    const { bus, clock, feed, node } = options;
    this.#options = options;
    this.#health = feed.health();
    this.#assignment = feed.assignment();
    this.#election = new Election(node, clock.monoMs());
    this.#ends = [
      bus.subscribe("probe.report", (report) => {
        if (report.vantage !== node) this.take(report);
      }),
      bus.subscribe("stats", (stats) => {
        this.#demand.take(stats);
        this.#judge.takeStats(stats, clock.monoMs());
      }),
      bus.subscribe("load.told", (told) => {
        this.#judge.takeTold(told, clock.monoMs());
        this.#within(REPORT_MS);
      }),
      bus.subscribe("health", (message) => this.#heard(message)),
    ];
    this.#within(TICK_MS);
  }

  setSnapshot(snapshot: Snapshot): void {
    const { clock } = this.#options;
    const now = { monoMs: clock.monoMs(), wallMs: clock.wallMs() };
    this.#snapshot = snapshot;
    this.#judge.setSnapshot(snapshot, now);
    this.#judge.adopt(this.#health);
    this.#demand.setSnapshot(snapshot);
    const probes = snapshot.nodes.filter((node) => node.roles.includes("probe"));
    this.#election.setMembers(new Set(probes.map((node) => node.name)));
    this.#within(CHANGED_MS);
  }

  setPlaces(places: GroupPlaces): void {
    this.#judge.setPlaces(places);
  }

  take(report: ProbeReport): void {
    const nowMs = this.#options.clock.monoMs();
    this.#election.heardProbe(report.vantage, nowMs);
    const changed = this.#judge.take(report, nowMs);
    this.#within(changed ? CHANGED_MS : Math.max(REPORT_MS, this.#tookMs / BUSY_SHARE));
  }

  stop(): void {
    for (const end of this.#ends) end();
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #heard(message: { readonly health: Health; readonly assignment: Assignment }): void {
    const { health, assignment } = message;
    if (health.judge === this.#options.node) return;
    this.#election.heardJudge(health.judge, this.#options.clock.monoMs());
    this.#judge.adopt(health);
    if (health.number > this.#health.number) this.#health = health;
    if (assignment.number > this.#assignment.number) this.#assignment = assignment;
  }

  /** Judges within so many ms, or sooner if that was planned. */
  #within(ms: number): void {
    const dueMs = this.#options.clock.monoMs() + ms;
    if (this.#timer !== null) {
      if (this.#dueMs <= dueMs) return;
      clearTimeout(this.#timer);
    }
    this.#dueMs = dueMs;
    this.#timer = setTimeout(() => this.#turn(), ms);
  }

  #turn(): void {
    const { clock } = this.#options;
    this.#timer = null;
    const startMs = clock.monoMs();
    try {
      this.#judgeNow();
    } catch (error) {
      this.#options.log.error("Judging broke", { error });
    }
    this.#tookMs = clock.monoMs() - startMs;
    this.#within(TICK_MS);
  }

  #judgeNow(): void {
    const { clock, node, log } = this.#options;
    const now = { monoMs: clock.monoMs(), wallMs: clock.wallMs() };
    const snapshot = this.#snapshot;
    if (snapshot === null) return;
    const judgement = this.#judge.judge(now);
    const judging = this.#election.isJudge(now.monoMs);
    if (judging !== this.#judging) {
      log.info(judging ? "This probe judges now" : "Another probe judges now", { judge: node });
    }
    const took = judging && !this.#judging;
    this.#judging = judging;
    if (!judging) return;
    const waitMs = took ? 0 : this.#sentMs + waitFor(this.#health, judgement) - now.monoMs;
    if (waitMs <= 5) this.#publish(snapshot, judgement);
    else this.#within(waitMs);
  }

  #publish(snapshot: Snapshot, judgement: Judgement): void {
    const { bus, clock, node, log } = this.#options;
    const atMs = clock.wallMs();
    if (judgement.held !== null && judgement.held !== this.#health.held) {
      log.warn("Health is held", { why: judgement.held });
    }
    const health: Health = {
      number: this.#health.number + 1,
      judge: node,
      atMs,
      snapshot: snapshot.number,
      ...judgement,
    };
    const demand = this.#demand.demand(clock.monoMs());
    const assignment = assign({ snapshot, health, demand, previous: this.#assignment, atMs });
    this.#health = health;
    this.#assignment = assignment;
    this.#sentMs = clock.monoMs();
    bus.publish("health", { health, assignment });
  }
}

/** How long after the last message this judgement may wait, ms: answers follow from states. */
function waitFor(before: Health, after: Judgement): number {
  if (before.held !== after.held) return 0;
  const ids = Object.keys(after.targets);
  if (ids.length !== Object.keys(before.targets).length) return 0;
  let waitMs = TICK_MS;
  for (const id of ids) {
    const a = before.targets[id];
    const b = after.targets[id];
    if (a === undefined || b === undefined || stateDiffers(a, b)) return 0;
    if (loadDiffers(a, b)) waitMs = LOAD_EVERY_MS;
  }
  return waitMs;
}

function stateDiffers(a: TargetHealth, b: TargetHealth): boolean {
  if (a.forcedEnded !== b.forcedEnded) return true;
  return a.state !== b.state || a.v4Up !== b.v4Up || a.v6Up !== b.v6Up;
}

function loadDiffers(a: TargetHealth, b: TargetHealth): boolean {
  return a.loadKnown !== b.loadKnown || Math.abs(a.load - b.load) >= LOAD_STEP;
}
