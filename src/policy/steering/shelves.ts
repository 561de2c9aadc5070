import { hash32 } from "../../base/rng.ts";
import type { Shelves } from "../../model/assignment.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import { KEEP_LOAD } from "./allocate.ts";
import { raceTime } from "./sticky.ts";

/**
 * The caches of one pop are as near as each other: which of them answers for a site's own cache name
 * is free, as long as their loads are alike. One site's objects then lie on one cache, not on all.
 *
 * Sites are put on so many shelves by the hash of their hostname, and a pop's shelves are held by its
 * caches: by consistent hashing with bounded loads (Mirrokni, Thorup, Zadimoghaddam, 2018), with
 * highest random weights in place of a ring. Every site's answer comes from few rows of a table.
 */
export const SHELVES = 64;
/** No cache holds more than its share by capacity, this much more, and the rest of one shelf. */
export const SHELVES_BEYOND = 0.25;
/** A shelf that was moved for its cache's load is not moved for a load again so soon. */
const MOVED_FOR_LOAD_MS = 600_000;

/** A cache of the pop that can be used, with the load measured. */
export interface ShelfCache {
  readonly id: string;
  readonly capacity: number;
  readonly load: number;
}

/** @example shelfOf("www.shop.example") < SHELVES */
export function shelfOf(hostname: string): number {
  return hash32(hostname) % SHELVES;
}

/** Whether a pop of this network has more than one cache: else there are no shelves. */
export function hasShelves({ nodes }: Pick<Snapshot, "nodes">): boolean {
  const pops = nodes.filter((node) => node.roles.includes("edge")).map((node) => node.pop);
  return new Set(pops).size < pops.length;
}

/** How many shelves each cache may hold at most, in the order of the caches. */
export function shelvesMost(caches: readonly { readonly capacity: number }[]): number[] {
  const all = caches.reduce((sum, { capacity }) => sum + Math.max(capacity, 1e-9), 0);
  return caches.map(({ capacity }) =>
    Math.ceil((1 + SHELVES_BEYOND) * SHELVES * (Math.max(capacity, 1e-9) / all)),
  );
}

/**
 * Who holds which shelf, with memory:
 *
 *   the caches are others than before | every shelf where hashing puts it, but those moved for a load
 *   else                              | every shelf where it was
 *   a cache holds too many            | those that like it least go to the next that has room
 *   a load is too high                | shelves leave it until it is within KEEP_LOAD of the lowest
 *
 * @param o.caches at least one, in the order of their ids
 * @param o.holdMs for how long loads do not show yet what was moved: nothing more is moved for them
 */
export function placeShelves(o: {
  readonly caches: readonly ShelfCache[];
  readonly before: Shelves | undefined;
  readonly atMs: number;
  readonly holdMs: number;
}): Shelves {
  const { caches, before, atMs } = o;
  const ids = caches.map(({ id }) => id);
  const same = before !== undefined && sameIds(before.caches, ids);
  const movedAtMs = new Map(
    Object.entries(before?.movedAtMs ?? {})
      .map(([shelf, ms]) => [Number(shelf), ms] as const)
      .filter(([, ms]) => ms > atMs - MOVED_FOR_LOAD_MS),
  );
  const most = shelvesMost(caches);
  const at = same ? [...before.at] : placeAnew(caches, { before, most, movedAtMs });
  const sinceMs = same ? before.sinceMs : atMs;
  const shown = [sinceMs, ...movedAtMs.values()].every((ms) => ms <= atMs - o.holdMs);
  const relieved =
    before === undefined || shown ? relieve(caches, { at, most, movedAtMs, atMs }) : 0;
  const forgot = movedAtMs.size !== Object.keys(before?.movedAtMs ?? {}).length;
  const crowded = same && spill(caches, at, most) > 0;
  if (same && relieved === 0 && !forgot && !crowded) return before;
  const moved = Object.fromEntries([...movedAtMs].sort(([a], [b]) => a - b));
  return { caches: ids, at, sinceMs, ...(movedAtMs.size === 0 ? {} : { movedAtMs: moved }) };
}

function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, i) => id === b[i]);
}

/** The caches in the order in which a shelf likes them. It does not depend on which others there are. */
export function likings(
  caches: readonly Pick<ShelfCache, "id" | "capacity">[],
  shelf: number,
): number[] {
  const seed = hash32(`shelf ${shelf}`);
  const times = caches.map(({ id, capacity }) => raceTime(hash32(id), seed, capacity));
  return [...caches.keys()].sort((a, b) => times[a]! - times[b]! || a - b);
}

function placeAnew(
  caches: readonly ShelfCache[],
  o: {
    readonly before: Shelves | undefined;
    readonly most: readonly number[];
    readonly movedAtMs: Map<number, number>;
  },
): number[] {
  const { before, most, movedAtMs } = o;
  const held = caches.map(() => 0);
  const at = new Array<number>(SHELVES).fill(-1);
  // Sending these back would bring the load back that they were moved for.
  for (const shelf of [...movedAtMs.keys()]) {
    const id = before?.caches[before.at[shelf] ?? -1];
    const place = caches.findIndex((cache) => cache.id === id);
    if (place >= 0 && held[place]! < most[place]!) {
      at[shelf] = place;
      held[place]!++;
    } else movedAtMs.delete(shelf);
  }
  for (let shelf = 0; shelf < SHELVES; shelf++) {
    if (at[shelf]! >= 0) continue;
    const place = likings(caches, shelf).find((i) => held[i]! < most[i]!) ?? 0;
    at[shelf] = place;
    held[place]!++;
  }
  return at;
}

/** Takes from caches what they hold too much; returns how many shelves moved. */
function spill(caches: readonly ShelfCache[], at: number[], most: readonly number[]): number {
  const held = countsOf(caches, at);
  let moved = 0;
  for (const i of caches.keys()) {
    if (held[i]! <= most[i]!) continue;
    const own = likedLeast(caches, at, i);
    for (const { shelf, liked } of own.slice(0, held[i]! - most[i]!)) {
      const to = liked.find((k) => held[k]! < most[k]!);
      if (to === undefined) break;
      at[shelf] = to;
      held[i]!--;
      held[to]!++;
      moved++;
    }
  }
  return moved;
}

function countsOf(caches: readonly ShelfCache[], at: readonly number[]): number[] {
  const held = caches.map(() => 0);
  for (const i of at) held[i]!++;
  return held;
}

/** The shelves of a cache, those first that would go elsewhere soonest. */
function likedLeast(caches: readonly ShelfCache[], at: readonly number[], own: number) {
  return at
    .flatMap((i, shelf) => (i === own ? [{ shelf, liked: likings(caches, shelf) }] : []))
    .sort((a, b) => b.liked.indexOf(own) - a.liked.indexOf(own) || a.shelf - b.shelf);
}

/**
 * Moves shelves away from caches whose load is above the lowest by more than keeping is worth. Each
 * is taken to carry its part of its cache's load. Returns how many moved.
 */
function relieve(
  caches: readonly ShelfCache[],
  o: {
    readonly at: number[];
    readonly most: readonly number[];
    readonly movedAtMs: Map<number, number>;
    readonly atMs: number;
  },
): number {
  const { at, most, movedAtMs } = o;
  const load = caches.map((cache) => cache.load);
  const held = countsOf(caches, at);
  const lowest = () => Math.min(...load);
  let moved = 0;
  for (const i of caches.keys()) {
    if (held[i] === 0 || load[i]! <= lowest() + KEEP_LOAD) continue;
    const each = load[i]! / held[i]!;
    for (const { shelf, liked } of likedLeast(caches, at, i)) {
      if (load[i]! <= lowest() + KEEP_LOAD) break;
      if (movedAtMs.has(shelf)) continue;
      const addsTo = (k: number) =>
        (each * caches[i]!.capacity) / Math.max(caches[k]!.capacity, 1e-9);
      // Only to who is not left for the same reason then.
      const to = liked.find((k) => {
        return k !== i && held[k]! < most[k]! && load[k]! + addsTo(k) <= lowest() + KEEP_LOAD;
      });
      if (to === undefined) continue;
      at[shelf] = to;
      load[i]! -= each;
      load[to]! += addsTo(to);
      held[i]!--;
      held[to]!++;
      movedAtMs.set(shelf, o.atMs);
      moved++;
    }
  }
  return moved;
}
