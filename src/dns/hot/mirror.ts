import type { Assignment } from "../../model/assignment.ts";
import type { Health, TargetHealth, TargetState } from "../../model/health.ts";
import type { SiteIndex, Snapshot, SnapshotOrigin, SnapshotSite } from "../../model/snapshot.ts";
import type { View } from "../../policy/steering/mod.ts";
import { readSite, type SteeringBytes } from "./steering-bytes.ts";
import { siteOf } from "./subject.ts";

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
  /** What its weight is multiplied by; 1 for most. */
  readonly trims: Float64Array;
  /** Sites whose assignment changed, with all of it. */
  readonly assigned: readonly (readonly [SiteIndex, Readonly<Record<string, string>>])[];
  /** Whole, or null where they are as before. */
  readonly edges: Assignment["edges"] | null;
  readonly shelves: NonNullable<Assignment["shelves"]> | null;
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
const FORCED_ENDED = 128;
/** Not in the table at all: never measured. */
const ABSENT = 64;

/**
 * Health and assignment of one snapshot as this thread knows them, by index: changed by patches only,
 * between packets. The records that `steer()` takes are made for one decision at a time.
 */
export class HealthMirror {
  readonly #steering: SteeringBytes;
  readonly #marks: Uint8Array;
  readonly #loads: Float64Array;
  readonly #projected: Float64Array;
  readonly #trims: Float64Array;
  readonly #assigned = new Map<SiteIndex, Readonly<Record<string, string>>>();
  #edges: Assignment["edges"] = {};
  #shelves: NonNullable<Assignment["shelves"]> = {};
  #rttMs: Health["rttMs"] = {};
  #numbers: HealthPatch["numbers"] = [0, 0];
  /** What decisions about caches see; null when it is to be made anew. */
  #caches: View | null = null;

  constructor(steering: SteeringBytes) {
    this.#steering = steering;
    const size = steering.origins + steering.base.nodes.length;
    this.#marks = new Uint8Array(size).fill(ABSENT);
    this.#loads = new Float64Array(size);
    this.#projected = new Float64Array(size).fill(Number.NaN);
    this.#trims = new Float64Array(size).fill(1);
  }

  /** The numbers of health and assignment. */
  get numbers(): HealthPatch["numbers"] {
    return this.#numbers;
  }

  get edges(): Assignment["edges"] {
    return this.#edges;
  }

  get shelves(): NonNullable<Assignment["shelves"]> {
    return this.#shelves;
  }

  get rttMs(): Health["rttMs"] {
    return this.#rttMs;
  }

  assigned(site: SiteIndex): Readonly<Record<string, string>> | undefined {
    return this.#assigned.get(site);
  }

  /** Whether the target at this place is known to be like that. */
  holds(i: number, health: TargetHealth | undefined, by: Moved): boolean {
    const mark = health === undefined ? ABSENT : marksOf(health);
    if (mark !== this.#marks[i] || (health?.load ?? 0) !== this.#loads[i]) return false;
    return Object.is(by.projected, this.#projected[i]) && by.trim === this.#trims[i];
  }

  /** Takes what changed; says which decisions are stale. */
  apply(patch: HealthPatch): Stale {
    this.#numbers = patch.numbers;
    this.#caches = null;
    const sites = new Set<SiteIndex>();
    let edges = patch.edges !== null || patch.shelves !== null || patch.rttMs !== null;
    for (const [k, i] of patch.targets.entries()) {
      this.#marks[i] = patch.marks[k]!;
      this.#loads[i] = patch.loads[k]!;
      this.#projected[i] = patch.projected[k]!;
      this.#trims[i] = patch.trims[k]!;
      if (i < this.#steering.origins) sites.add(this.#steering.siteOf[i]!);
      else edges = true;
    }
    for (const [site, groups] of patch.assigned) {
      this.#assigned.set(site, groups);
      sites.add(site);
    }
    if (patch.edges !== null) this.#edges = patch.edges;
    if (patch.shelves !== null) this.#shelves = patch.shelves;
    if (patch.rttMs !== null) {
      this.#rttMs = patch.rttMs;
      for (const site of this.#steering.byLatency) sites.add(site);
    }
    return { sites, edges };
  }

  /** What a decision about the caches or a site's servers is made from. */
  view(subject: number): View {
    const site = siteOf(subject);
    if (site >= 0) return this.#viewOfSite(site);
    this.#caches ??= this.#viewOf([], this.#steering.base.nodes, this.#steering.origins);
    return this.#caches;
  }

  #viewOfSite(index: SiteIndex): View {
    const { site, origins } = readSite(this.#steering, index);
    const view = this.#viewOf(origins, origins, 0);
    const sites: SnapshotSite[] = [];
    sites[index] = site;
    const assigned = this.#assigned.get(index);
    const { snapshot, assignment } = view;
    return {
      ...view,
      snapshot: { ...snapshot, sites },
      assignment: assigned ? { ...assignment, origins: { [site.hostname]: assigned } } : assignment,
    };
  }

  /** Of these targets, the places of which begin at `first`. */
  #viewOf(
    own: readonly SnapshotOrigin[],
    targets: readonly { readonly index: number; readonly id: string }[],
    first: number,
  ): View {
    const { base } = this.#steering;
    // At their own indexes, as in the whole snapshot.
    const origins: SnapshotOrigin[] = [];
    for (const origin of own) origins[origin.index] = origin;
    const health: Record<string, TargetHealth> = {};
    const projected: Record<string, number> = {};
    const factor: Record<string, number> = {};
    for (const { index, id } of targets) {
      const i = first + index;
      if (this.#marks[i] !== ABSENT) health[id] = targetOf(id, this.#marks[i]!, this.#loads[i]!);
      if (!Number.isNaN(this.#projected[i])) projected[id] = this.#projected[i]!;
      if (this.#trims[i] !== 1) factor[id] = this.#trims[i]!;
    }
    return {
      snapshot: { ...base, origins },
      health: {
        number: this.#numbers[0],
        judge: "",
        atMs: 0,
        snapshot: base.number,
        targets: health,
        rttMs: this.#rttMs,
        held: null,
      },
      assignment: {
        number: this.#numbers[1],
        atMs: 0,
        snapshot: base.number,
        health: 0,
        origins: {},
        edges: this.#edges,
        shelves: this.#shelves,
        projected,
        trims: { notBeforeMs: 0, factor },
      },
    };
  }
}

/** What an assignment says of one target. */
interface Moved {
  readonly projected: number;
  readonly trim: number;
}

/** Makes patches from the full tables, in the thread that is told of them. */
export class HealthDiffer {
  readonly #mirror: HealthMirror;
  readonly #snapshot: Snapshot;
  readonly #ids: readonly string[];
  readonly #placeOf: ReadonlyMap<string, number>;
  /** All targets, and what was projected, as they were told last. */
  #targets: readonly TargetHealth[] = [];
  #told: Assignment["projected"] | null = null;
  #trimmed: Assignment["trims"];
  #origins: Assignment["origins"] | null = null;

  constructor(snapshot: Snapshot, mirror: HealthMirror) {
    this.#snapshot = snapshot;
    this.#mirror = mirror;
    this.#ids = [...snapshot.origins, ...snapshot.nodes].map((target) => target.id);
    this.#placeOf = new Map(this.#ids.map((id, i) => [id, i]));
  }

  /** What differs from what the mirror has taken. Each is to be applied to it, before the next. */
  diff(health: Health, assignment: Assignment): HealthPatch {
    const changed = this.#changed(health, assignment);
    const { edges, shelves, rttMs } = this.#mirror;
    const found = changed.map((i) => health.targets[this.#ids[i]!]);
    return {
      numbers: [health.number, assignment.number],
      targets: Uint32Array.from(changed),
      marks: Uint8Array.from(found, (target) => (target === undefined ? ABSENT : marksOf(target))),
      loads: Float64Array.from(found, (target) => target?.load ?? 0),
      projected: Float64Array.from(changed, (i) => this.#moved(i, assignment).projected),
      trims: Float64Array.from(changed, (i) => this.#moved(i, assignment).trim),
      assigned: this.#diffAssigned(assignment),
      edges: sameRecord(edges, assignment.edges) ? null : assignment.edges,
      shelves: sameShelves(shelves, assignment.shelves ?? {}) ? null : (assignment.shelves ?? {}),
      rttMs: sameTable(rttMs, health.rttMs) ? null : health.rttMs,
    };
  }

  /** The places of targets that the mirror holds otherwise. */
  #changed(health: Health, assignment: Assignment): number[] {
    const targets = Object.values(health.targets);
    const before = this.#targets;
    const sameMoved = assignment.projected === this.#told && assignment.trims === this.#trimmed;
    const sameOthers = sameMoved && targets.length === before.length;
    this.#targets = targets;
    this.#told = assignment.projected;
    this.#trimmed = assignment.trims;
    const changed: number[] = [];
    if (sameOthers) {
      // Most targets are the objects they were: only the others are looked at.
      let k = 0;
      for (; k < targets.length; k++) {
        const target = targets[k]!;
        if (target === before[k]) continue;
        if (target.id !== before[k]!.id) break;
        const i = this.#placeOf.get(target.id);
        if (i !== undefined && !this.#holds(i, health, assignment)) changed.push(i);
      }
      if (k === targets.length) return changed.sort((a, b) => a - b);
    }
    return [...this.#ids.keys()].filter((i) => !this.#holds(i, health, assignment));
  }

  #holds(i: number, health: Health, assignment: Assignment): boolean {
    return this.#mirror.holds(i, health.targets[this.#ids[i]!], this.#moved(i, assignment));
  }

  #moved(i: number, { projected, trims }: Assignment): Moved {
    const id = this.#ids[i]!;
    return { projected: projected[id] ?? Number.NaN, trim: trims?.factor[id] ?? 1 };
  }

  #diffAssigned(assignment: Assignment): HealthPatch["assigned"] {
    const changed: [SiteIndex, Readonly<Record<string, string>>][] = [];
    if (assignment.origins === this.#origins) return changed;
    this.#origins = assignment.origins;
    for (const site of this.#snapshot.sites) {
      const next = assignment.origins[site.hostname];
      const before = this.#mirror.assigned(site.index);
      if (next === before || (next && before && sameRecord(before, next))) continue;
      if (next !== undefined || before !== undefined) changed.push([site.index, next ?? {}]);
    }
    return changed;
  }
}

function marksOf(target: TargetHealth): number {
  return (
    STATES.indexOf(target.state) |
    (target.young ? YOUNG : 0) |
    (target.v4Up ? V4_UP : 0) |
    (target.v6Up ? V6_UP : 0) |
    (target.loadKnown ? LOAD_KNOWN : 0) |
    (target.forcedEnded === true ? FORCED_ENDED : 0)
  );
}

/** Sources and vantages are left out: they explain a decision and do not make it. */
function targetOf(id: string, marks: number, load: number): TargetHealth {
  return {
    id,
    state: STATES[marks & 3]!,
    sinceMs: 0,
    young: (marks & YOUNG) !== 0,
    v4Up: (marks & V4_UP) !== 0,
    v6Up: (marks & V6_UP) !== 0,
    load,
    loadKnown: (marks & LOAD_KNOWN) !== 0,
    loadFrom: null,
    ...((marks & FORCED_ENDED) === 0 ? {} : { forcedEnded: true }),
    sources: [],
    views: [],
  };
}

function sameRecord<T>(a: Readonly<Record<string, T>>, b: Readonly<Record<string, T>>): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

/** When a shelf was moved decides nothing. */
function sameShelves(
  a: NonNullable<Assignment["shelves"]>,
  b: NonNullable<Assignment["shelves"]>,
): boolean {
  if (a === b) return true;
  const pops = Object.keys(a);
  return (
    pops.length === Object.keys(b).length &&
    pops.every((pop) => {
      const [one, two] = [a[pop]!, b[pop]];
      if (two === undefined) return false;
      return sameList(one.caches, two.caches) && sameList(one.at, two.at);
    })
  );
}

function sameList<T>(a: readonly T[], b: readonly T[]): boolean {
  return a.length === b.length && a.every((one, i) => one === b[i]);
}

function sameTable(a: Health["rttMs"], b: Health["rttMs"]): boolean {
  if (a === b) return true;
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => b[key] !== undefined && sameRecord(a[key]!, b[key]))
  );
}
