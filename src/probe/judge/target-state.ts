import type { LoadSource, TargetHealth, TargetState, VantageView } from "../../model/health.ts";
import type { CheckReport, OriginSeen } from "../../model/messages.ts";
import { forcedAt } from "../../model/origin.ts";
import { ASKING, type CheckKind, type Target } from "../plan.ts";
import { agreed, combineLoads, highestByKind, majority, type Vote } from "./combine.ts";
import { EdgeView } from "./edge-view.ts";
import { FlapDamper } from "./flap.ts";
import { Told } from "./told.ts";
import { certificateWords, type SeenLoad, Track } from "./track.ts";

export type Measured = "unknown" | "up" | "down";

/** Now on both clocks: intervals by `monoMs`, what people see by `wallMs`. */
export interface Now {
  readonly monoMs: number;
  readonly wallMs: number;
}

/** Who reports, and the snapshot it looks at. */
export interface Vantage {
  readonly vantage: string;
  readonly snapshot: number;
}

const YOUNG_MS = 60_000;
/** A load is fresh for 3 intervals, a vantage's opinion a little longer: a report may be late. */
const FRESH_INTERVALS = 3;
const LATE_MS = 1000;
/**
 * What a cache saw counts so long. Where it was bad the server is left, and nobody sees it any more: then
 * it counts longer, or users would be sent to and fro every few seconds.
 */
const SEEN_FRESH_MS = 5000;
const SEEN_BAD = 0.5;
const SEEN_BAD_FRESH_MS = 30_000;
/** Caches whose view of one server is kept: about 1.5 KB each. */
const EDGES_MAX = 16;

/** What all vantages saw of one target, and what was made of it. */
export class TargetStateMachine {
  readonly target: Target;
  /** The first snapshot in which it is what it is: what was seen before is of another. */
  readonly fromSnapshot: number;
  readonly #tracks = new Map<string, Track>();
  readonly #measured = new Map<4 | 6, Measured>();
  #dampers = new Map<4 | 6, FlapDamper>();
  /** By itself, by its responses to caches, by its owner. */
  #own = new Told();
  #told = new Told();
  #pushed = new Told();
  #edges = new Told();
  #edgeViews = new Map<string, EdgeView>();
  #state: TargetState = "unknown";
  #since: Now;

  constructor(target: Target, now: Now, fromSnapshot: number) {
    this.target = target;
    this.fromSnapshot = fromSnapshot;
    this.#since = now;
    for (const family of target.families) this.#measured.set(family, "unknown");
    this.#state = this.#forced(this.#overall(), now.wallMs);
  }

  /** What another judge saw, as long as we have seen nothing ourselves. */
  adopt(seen: TargetHealth | undefined): void {
    if (seen === undefined || this.#tracks.size > 0 || this.#overall() !== "unknown") return;
    if (seen.state !== "up" && seen.state !== "down") return;
    for (const family of this.target.families) {
      this.#measured.set(family, (family === 4 ? seen.v4Up : seen.v6Up) ? "up" : "down");
    }
  }

  #overall(): Measured {
    if (this.#anyIs("up")) return "up";
    return this.#anyIs("down") ? "down" : "unknown";
  }

  /** Goes on with what was learnt when only limits or the forced state changed. */
  continuedAs(target: Target, now: Now): TargetStateMachine {
    const next = new TargetStateMachine(target, now, this.fromSnapshot);
    for (const [key, track] of this.#tracks) next.#tracks.set(key, track);
    next.#dampers = this.#dampers;
    next.#own = this.#own;
    next.#told = this.#told;
    next.#pushed = this.#pushed;
    next.#edges = this.#edges;
    next.#edgeViews = this.#edgeViews;
    for (const [family, measured] of this.#measured) next.#measured.set(family, measured);
    next.#state = this.#state;
    next.#since = this.#since;
    return next;
  }

  /** True when the outcome differs from the vantage's last one. */
  take(from: Vantage, report: CheckReport, nowMs: number): boolean {
    const { vantage } = from;
    if (from.snapshot < this.fromSnapshot || !this.#isPlanned(report)) return false;
    const key = `${vantage} ${report.check} ${report.family}`;
    let track = this.#tracks.get(key);
    if (track === undefined) {
      track = new Track(vantage, report.check, report.family);
      this.#tracks.set(key, track);
    }
    return track.take(report, this.target, nowMs);
  }

  /** What a target says of itself each second: it counts where no probe sees that kind. */
  tellsOfItself(loads: readonly SeenLoad[], nowMs: number): void {
    this.#own.take("", { heardMs: nowMs, freshMs: FRESH_INTERVALS * 1000 + LATE_MS, loads });
  }

  /** What its responses told a cache that fetches from it. */
  told(teller: string, word: Parameters<Told["take"]>[1]): void {
    this.#told.take(teller, word);
  }

  /** What a cache saw that fetches from it. */
  seenByEdge(
    node: string,
    seen: OriginSeen,
    at: { readonly atMs: number; readonly nowMs: number },
  ) {
    const view = this.#edgeViews.get(node) ?? new EdgeView();
    // Put in again, so that the map's order is by age; who was silent longest gives way.
    this.#edgeViews.delete(node);
    this.#edgeViews.set(node, view);
    const [oldest] = this.#edgeViews.keys();
    if (this.#edgeViews.size > EDGES_MAX && oldest !== undefined) this.#edgeViews.delete(oldest);
    const load = view.take(seen, { limitMs: this.target.limitMs, ...at });
    if (load === null) return;
    const freshMs = load.load > SEEN_BAD ? SEEN_BAD_FRESH_MS : SEEN_FRESH_MS;
    this.#edges.take(node, { heardMs: at.nowMs, freshMs, loads: [load] });
  }

  /** What its owner says of it. */
  pushed(word: Parameters<Told["take"]>[1]): void {
    this.#pushed.take("", word);
  }

  /** Nobody can add checks that the snapshot does not ask for: memory is bounded by it. */
  #isPlanned(report: CheckReport): boolean {
    const asked = this.target.checks.some(
      (plan) =>
        plan.kind === report.check &&
        (plan.family === report.family ||
          (plan.family === null && (report.family === 4 || report.family === 6))),
    );
    return asked && Number.isFinite(report.atMs);
  }

  forgetVantages(kept: ReadonlySet<string>): void {
    for (const [key, track] of this.#tracks) {
      if (!kept.has(track.vantage)) this.#tracks.delete(key);
    }
  }

  #fresh(nowMs: number): Track[] {
    const limitMs = FRESH_INTERVALS * this.target.intervalMs + this.target.timeoutMs + LATE_MS;
    return [...this.#tracks.values()].filter((track) => nowMs - track.heardMs <= limitMs);
  }

  /** Vantages with a fresh opinion -> whether a deciding check of theirs failed last. */
  failingByVantage(nowMs: number): Map<string, boolean> {
    const failing = new Map<string, boolean>();
    for (const track of this.#fresh(nowMs)) {
      if (!this.target.deciding.includes(track.check)) continue;
      failing.set(track.vantage, (failing.get(track.vantage) ?? false) || !track.ok);
    }
    return failing;
  }

  get measuredUp(): boolean {
    return this.#anyIs("up");
  }

  #anyIs(measured: Measured): boolean {
    return [...this.#measured.values()].includes(measured);
  }

  /** Counts the votes of all vantages but the suspect ones. While held, nothing goes down. */
  decide(now: Now, suspects: ReadonlySet<string>, held: boolean): void {
    const fresh = this.#fresh(now.monoMs);
    for (const [family, previous] of this.#measured) {
      const wanted = majority(this.#votes(fresh, family, suspects), previous);
      if (wanted === "down" && held) continue;
      const damper = this.#dampers.get(family) ?? new FlapDamper();
      this.#dampers.set(family, damper);
      this.#measured.set(family, damper.step(previous, wanted, now.monoMs));
    }
    const state = this.#forced(this.#overall(), now.wallMs);
    if (state === this.#state) return;
    this.#state = state;
    this.#since = now;
  }

  #votes(fresh: readonly Track[], family: 4 | 6, suspects: ReadonlySet<string>): Vote[] {
    const byVantage = new Map<string, Map<CheckKind, Track>>();
    for (const track of fresh) {
      if (track.family !== family || !this.target.deciding.includes(track.check)) continue;
      const checks = byVantage.get(track.vantage) ?? new Map<CheckKind, Track>();
      byVantage.set(track.vantage, checks.set(track.check, track));
    }
    return [...byVantage].map(([vantage, checks]): Vote => {
      const verdicts = this.target.deciding.map((kind) => checks.get(kind)?.streak.verdict);
      if (verdicts.includes("down")) return suspects.has(vantage) ? "hold" : "down";
      return verdicts.every((verdict) => verdict === "up") ? "up" : "undecided";
    });
  }

  /** An operator's word beats what was measured, until it ends. */
  #forced(measured: Measured, wallMs: number): TargetState {
    switch (forcedAt(this.target, wallMs)) {
      case "up":
        return "up";
      case "down":
        return "down";
      case "drain":
        return measured === "down" ? "down" : "draining";
      case "auto":
        return measured;
    }
  }

  /** As it goes on the bus; the load of one that nobody measured is filled in by the judge. */
  health(now: Now): TargetHealth {
    const fresh = this.#fresh(now.monoMs);
    const freshMs = FRESH_INTERVALS * Math.max(this.target.intervalMs, 1000);
    const timed = fresh.flatMap((track) => track.timed(this.target, now.monoMs, freshMs));
    const byVantage = new Map<string, SeenLoad[]>();
    for (const track of fresh) {
      const before = byVantage.get(track.vantage) ?? [];
      byVantage.set(track.vantage, [...before, ...track.told(now.monoMs, freshMs)]);
    }
    const scraped = agreed([...byVantage.values()].map(highestByKind));
    const told = this.#told.loads(now.monoMs);
    const pushed = this.#pushed.loads(now.monoMs);
    const edges = this.#edges.loads(now.monoMs);
    const kinds = new Set([...scraped, ...told].map((seen) => seen.kind));
    const own = this.#own.loads(now.monoMs).filter((seen) => !kinds.has(seen.kind));
    const sources = highestByKind([timed, scraped, told, pushed, own, edges].flatMap(combineLoads));
    const highest = sources[0];
    const warnings = [...this.#warnings(fresh), ...this.#flapping(), ...unread(fresh)];
    const counting = fresh.some(
      (track) => this.target.deciding.includes(track.check) && track.streak.against > 0,
    );
    const changed = this.#state !== "unknown" && now.monoMs - this.#since.monoMs < YOUNG_MS;
    return {
      id: this.target.id,
      state: this.#state,
      sinceMs: this.#since.wallMs,
      young: counting || changed,
      v4Up: this.#familyUp(4, now.wallMs),
      v6Up: this.#familyUp(6, now.wallMs),
      load: highest?.load ?? 0,
      loadKnown: highest !== undefined,
      loadFrom: highest?.kind ?? null,
      ...(forcedAt(this.target, now.wallMs) === this.target.forced ? {} : { forcedEnded: true }),
      sources: warned(sources, warnings),
      views: this.#views(fresh),
      ...(warnings.length === 0 ? {} : { warnings }),
    };
  }

  #flapping(): string[] {
    const words = [...this.#dampers].map(([family, damper]) => {
      return damper.words(this.#measured.get(family) ?? "unknown");
    });
    return [...new Set(words)].filter((one) => one !== null);
  }

  /** The certificate that ends first of those seen. */
  #warnings(fresh: readonly Track[]): readonly string[] {
    const days = fresh.map((track) => track.certificateDays).filter((one) => one !== undefined);
    const least = Math.min(...days);
    if (days.length === 0 || least > this.target.certificateDays) return [];
    return [`certificate ${certificateWords(least)}`];
  }

  /** A family that was not measured counts as there, unless the other one is known to be up. */
  #familyUp(family: 4 | 6, wallMs: number): boolean {
    const measured = this.#measured.get(family);
    if (measured === undefined) return false;
    const forced = forcedAt(this.target, wallMs);
    if (forced === "up" || forced === "down") return forced === "up";
    return measured === "up" || (measured === "unknown" && !this.#anyIs("up"));
  }

  #views(fresh: readonly Track[]): VantageView[] {
    const byVantage = new Map<string, Track[]>();
    for (const track of fresh) {
      if (ASKING.has(track.check)) continue;
      byVantage.set(track.vantage, [...(byVantage.get(track.vantage) ?? []), track]);
    }
    const names = [...byVantage.keys()].sort();
    return names.map((vantage) => {
      const tracks = byVantage.get(vantage) ?? [];
      const deciding = tracks.filter((track) => this.target.deciding.includes(track.check));
      const bad = deciding.find((track) => !track.ok);
      const timed = deciding.find((track) => track.check === "http") ?? deciding[0];
      return {
        vantage,
        up: deciding.length > 0 && deciding.every((track) => track.streak.verdict !== "down"),
        atMs: Math.max(...tracks.map((track) => track.atMs)),
        responseMs: timed?.totalMs ?? null,
        failure: bad?.failure ?? "",
        ...(timed?.timings === undefined ? {} : { timings: timed.timings }),
        ...leastDays(tracks),
      };
    });
  }
}

/** The sources that cannot be read, and why: `exporter: timeout`. */
function unread(fresh: readonly Track[]): string[] {
  const failing = fresh.filter((track) => ASKING.has(track.check) && !track.ok);
  return [...new Set(failing.map(({ check, failure }) => `${check}: ${failure}`))].sort();
}

/** Whoever reads the source that won, as explain shows it, reads the warnings too. */
function warned(sources: readonly LoadSource[], warnings: readonly string[]): LoadSource[] {
  return sources.map((source, i) => {
    const unsaid = i > 0 ? [] : warnings.filter((words) => !source.detail.includes(words));
    return unsaid.length === 0
      ? source
      : { ...source, detail: [source.detail, ...unsaid].join("; ") };
  });
}

function leastDays(tracks: readonly Track[]): Pick<VantageView, "certificateDays"> {
  const days = tracks.map((track) => track.certificateDays).filter((one) => one !== undefined);
  return days.length === 0 ? {} : { certificateDays: Math.min(...days) };
}
