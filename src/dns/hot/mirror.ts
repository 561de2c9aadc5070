import type { Assignment } from "../../model/assignment.ts";
import type { Health, TargetHealth, TargetState } from "../../model/health.ts";
import type { SiteIndex, Snapshot } from "../../model/snapshot.ts";
import { usesLatency, type View } from "../../policy/steering/mod.ts";

/**
 * What decisions depend on, of health and assignment, kept in step by patches: each tick brings the
 * full table of all targets, most of which say what they said before. A patch holds the rest, packed,
 * so that a Worker neither copies a whole table nor decides anew what cannot have changed.
 */
export interface HealthPatch {
  /** The numbers of health and assignment that it leads to. */
  readonly numbers: readonly [health: number, assignment: number];
  /** Targets that changed, by place: the snapshot's origins, then its nodes. */
  readonly targets: Uint32Array;
  /** For each of these: state and marks, load, and projected load (NaN for none). */
  readonly marks: Uint8Array;
  readonly loads: Float64Array;
  readonly projected: Float64Array;
  /** Sites whose assignment changed, with all of it. */
  readonly assigned: readonly (readonly [SiteIndex, Readonly<Record<string, string>>])[];
  /** Whole, or null where they are as before. */
  readonly edges: Assignment["edges"] | null;
  readonly rttMs: Health["rttMs"] | null;
}

/** What a patch makes stale. */
export interface Stale {
  readonly sites: ReadonlySet<SiteIndex>;
  readonly edges: boolean;
}

const STATES: readonly TargetState[] = ["up", "down", "draining", "unknown"];
const YOUNG = 4;
const V4_UP = 8;
const V6_UP = 16;
const LOAD_KNOWN = 32;
/** Not in the table at all: never measured. */
const ABSENT = 64;

type MutableTarget = { -readonly [K in keyof TargetHealth]: TargetHealth[K] };

/**
 * Health and assignment of one snapshot as plain records that are changed in place. The main thread
 * and each Worker hold one; `diff()` in the first makes the patches that `apply()` takes in all.
 * Sources and vantages of a measurement are left out: they explain a decision and do not make it.
 */
export class HealthMirror {
  readonly view: View;
  readonly #snapshot: Snapshot;
  readonly #ids: readonly string[];
  /** Sites whose decisions depend on round-trip times. */
  readonly #byLatency: readonly SiteIndex[];
  readonly #marks: Uint8Array;
  readonly #loads: Float64Array;
  readonly #projected: Float64Array;
  readonly #targets: Record<string, MutableTarget> = {};
  readonly #projectedOf: Record<string, number> = {};
  readonly #origins: Record<string, Readonly<Record<string, string>>> = {};
  #edges: Assignment["edges"] = {};
  #rttMs: Health["rttMs"] = {};
  #numbers: HealthPatch["numbers"] = [0, 0];

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#ids = [...snapshot.origins, ...snapshot.nodes].map((target) => target.id);
    this.#byLatency = snapshot.sites.filter(usesLatency).map((site) => site.index);
    const size = this.#ids.length;
    this.#marks = new Uint8Array(size).fill(ABSENT);
    this.#loads = new Float64Array(size);
    this.#projected = new Float64Array(size).fill(Number.NaN);
    const mirror = this;
    this.view = {
      snapshot,
      health: {
        get number() {
          return mirror.#numbers[0];
        },
        judge: "",
        atMs: 0,
        snapshot: snapshot.number,
        targets: this.#targets,
        get rttMs() {
          return mirror.#rttMs;
        },
        held: null,
      },
      assignment: {
        get number() {
          return mirror.#numbers[1];
        },
        atMs: 0,
        snapshot: snapshot.number,
        health: 0,
        origins: this.#origins,
        get edges() {
          return mirror.#edges;
        },
        projected: this.#projectedOf,
      },
    };
  }

  /** What differs from what was applied last. Does not apply it. */
  diff(health: Health, assignment: Assignment): HealthPatch {
    const targets: number[] = [];
    const marks: number[] = [];
    const loads: number[] = [];
    const projected: number[] = [];
    for (const [i, id] of this.#ids.entries()) {
      const target = health.targets[id];
      const mark = target === undefined ? ABSENT : marksOf(target);
      const load = target?.load ?? 0;
      const moved = assignment.projected[id] ?? Number.NaN;
      const same = mark === this.#marks[i] && load === this.#loads[i];
      if (same && Object.is(moved, this.#projected[i])) continue;
      targets.push(i);
      marks.push(mark);
      loads.push(load);
      projected.push(moved);
    }
    return {
      numbers: [health.number, assignment.number],
      targets: Uint32Array.from(targets),
      marks: Uint8Array.from(marks),
      loads: Float64Array.from(loads),
      projected: Float64Array.from(projected),
      assigned: this.#diffAssigned(assignment),
      edges: sameRecord(this.#edges, assignment.edges) ? null : assignment.edges,
      rttMs: sameTable(this.#rttMs, health.rttMs) ? null : health.rttMs,
    };
  }

  #diffAssigned(assignment: Assignment): HealthPatch["assigned"] {
    const changed: [SiteIndex, Readonly<Record<string, string>>][] = [];
    for (const site of this.#snapshot.sites) {
      const next = assignment.origins[site.hostname];
      const before = this.#origins[site.hostname];
      if (next === before || (next && before && sameRecord(before, next))) continue;
      if (next !== undefined || before !== undefined) changed.push([site.index, next ?? {}]);
    }
    return changed;
  }

  /** Changes the view in place; says which decisions are stale. */
  apply(patch: HealthPatch): Stale {
    this.#numbers = patch.numbers;
    const sites = new Set<SiteIndex>();
    let edges = patch.edges !== null || patch.rttMs !== null;
    for (const [k, i] of patch.targets.entries()) {
      this.#set(i, patch.marks[k]!, [patch.loads[k]!, patch.projected[k]!]);
      const site = this.#snapshot.origins[i]?.site;
      if (site === undefined) edges = true;
      else sites.add(site);
    }
    for (const [site, groups] of patch.assigned) {
      this.#origins[this.#snapshot.sites[site]!.hostname] = groups;
      sites.add(site);
    }
    if (patch.edges !== null) this.#edges = patch.edges;
    if (patch.rttMs !== null) {
      this.#rttMs = patch.rttMs;
      for (const site of this.#byLatency) sites.add(site);
    }
    return { sites, edges };
  }

  #set(i: number, marks: number, loads: readonly [number, number]): void {
    const id = this.#ids[i]!;
    const [load, projected] = loads;
    this.#marks[i] = marks;
    this.#loads[i] = load;
    this.#projected[i] = projected;
    if (Number.isNaN(projected)) delete this.#projectedOf[id];
    else this.#projectedOf[id] = projected;
    if (marks === ABSENT) {
      delete this.#targets[id];
      return;
    }
    this.#targets[id] ??= emptyTarget(id);
    const target = this.#targets[id];
    target.state = STATES[marks & 3]!;
    target.young = (marks & YOUNG) !== 0;
    target.v4Up = (marks & V4_UP) !== 0;
    target.v6Up = (marks & V6_UP) !== 0;
    target.loadKnown = (marks & LOAD_KNOWN) !== 0;
    target.load = load;
  }
}

function marksOf(target: TargetHealth): number {
  return (
    STATES.indexOf(target.state) |
    (target.young ? YOUNG : 0) |
    (target.v4Up ? V4_UP : 0) |
    (target.v6Up ? V6_UP : 0) |
    (target.loadKnown ? LOAD_KNOWN : 0)
  );
}

function emptyTarget(id: string): MutableTarget {
  return {
    id,
    state: "unknown",
    sinceMs: 0,
    young: false,
    v4Up: false,
    v6Up: false,
    load: 0,
    loadKnown: false,
    loadFrom: null,
    sources: [],
    views: [],
  };
}

function sameRecord<T>(a: Readonly<Record<string, T>>, b: Readonly<Record<string, T>>): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

function sameTable(a: Health["rttMs"], b: Health["rttMs"]): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => b[key] !== undefined && sameRecord(a[key]!, b[key]))
  );
}
