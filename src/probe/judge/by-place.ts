import type { RttOrigin } from "../../model/health.ts";
import type { Snapshot, SnapshotGroup } from "../../model/snapshot.ts";
import { distanceKm, rttOfDistance } from "../../policy/steering/mod.ts";
import type { RttTable } from "./client-rtt.ts";
import { median } from "./combine.ts";

/** What the operator's files of places say of a client group; what they do not know is absent. */
export interface GroupPlace {
  readonly as?: number;
  /** ISO 3166-1, two letters. */
  readonly country?: string;
  readonly lat?: number;
  readonly lon?: number;
}

/** Client group -> its place. */
export type GroupPlaces = ReadonlyMap<string, GroupPlace>;

/** Pops that one group gets times by place for, the nearest: all others are farther than these. */
const POPS_MAX = 6;
/** Times by place in all: the table travels each second. */
const ENTRIES_MAX = 20_000;

type Guess = { readonly rttMs: number; readonly origin: RttOrigin };
/** AS or country -> pop -> what was measured of its groups. */
type Measured = Map<number | string, Map<string, number[]>>;

/**
 * Times for groups that nobody measured and the network file does not name, in this order: the median of
 * what was measured of other groups of the same AS, of the same country, and the great-circle distance.
 * What was measured is never changed, and what follows from a place is never taken for measured.
 */
export function timesByPlace(
  snapshot: Pick<Snapshot, "groups" | "pops">,
  measured: RttTable["rttMs"],
  places: GroupPlaces,
): RttTable {
  const byAs: Measured = new Map();
  const byCountry: Measured = new Map();
  for (const [group, row] of Object.entries(measured)) {
    const place = places.get(group);
    if (place?.as !== undefined) gather(byAs, place.as, row);
    if (place?.country !== undefined) gather(byCountry, place.country, row);
  }
  const table: RttTable = { rttMs: {}, rttFrom: {} };
  let entries = 0;
  for (const group of snapshot.groups) {
    const place = places.get(group.name);
    if (place === undefined || entries >= ENTRIES_MAX) continue;
    const row = measured[group.name] ?? {};
    const guesses = guessesOf(snapshot, group, { place, row, byAs, byCountry });
    if (guesses.length === 0) continue;
    entries += guesses.length;
    table.rttMs[group.name] = Object.fromEntries(guesses.map(([pop, one]) => [pop, one.rttMs]));
    table.rttFrom[group.name] = Object.fromEntries(guesses.map(([pop, one]) => [pop, one.origin]));
  }
  return table;
}

function gather(into: Measured, key: number | string, row: Readonly<Record<string, number>>): void {
  const pops = into.get(key) ?? new Map<string, number[]>();
  into.set(key, pops);
  for (const [pop, ms] of Object.entries(row)) {
    const times = pops.get(pop) ?? [];
    times.push(ms);
    pops.set(pop, times);
  }
}

function guessesOf(
  snapshot: Pick<Snapshot, "pops">,
  group: SnapshotGroup,
  o: {
    readonly place: GroupPlace;
    readonly row: Readonly<Record<string, number>>;
    readonly byAs: Measured;
    readonly byCountry: Measured;
  },
): (readonly [string, Guess])[] {
  const { place } = o;
  const as = place.as === undefined ? undefined : o.byAs.get(place.as);
  const country = place.country === undefined ? undefined : o.byCountry.get(place.country);
  const guesses: (readonly [string, Guess])[] = [];
  for (const [i, pop] of snapshot.pops.entries()) {
    if (o.row[pop.name] !== undefined || (group.rttMs[i] ?? null) !== null) continue;
    const guess =
      of(as?.get(pop.name), "as") ?? of(country?.get(pop.name), "country") ?? far(place, pop);
    if (guess !== null) guesses.push([pop.name, guess]);
  }
  return guesses.sort(([, a], [, b]) => a.rttMs - b.rttMs).slice(0, POPS_MAX);
}

function of(times: readonly number[] | undefined, from: "as" | "country"): Guess | null {
  const rttMs = median(times ?? []);
  if (times === undefined || rttMs === null) return null;
  return { rttMs: rounded(rttMs), origin: { from, samples: times.length } };
}

function far(
  place: GroupPlace,
  pop: { readonly lat?: number | undefined; readonly lon?: number | undefined },
): Guess | null {
  if (place.lat === undefined || place.lon === undefined) return null;
  if (pop.lat === undefined || pop.lon === undefined) return null;
  const km = distanceKm({ lat: place.lat, lon: place.lon }, { lat: pop.lat, lon: pop.lon });
  return { rttMs: rounded(rttOfDistance(km)), origin: { from: "distance" } };
}

function rounded(ms: number): number {
  return Math.round(ms * 10) / 10;
}
