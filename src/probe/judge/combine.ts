import type { LoadSource, LoadSourceKind } from "../../model/health.ts";
import type { SeenLoad } from "./track.ts";

/** What one vantage says of one address; `hold` when its view is not to be believed at present. */
export type Vote = "up" | "down" | "undecided" | "hold";

/**
 * The majority of those who have an opinion decides; without one it stays as it was.
 *
 * @example majority(["up", "up", "down"], "down") // "up"
 */
export function majority(
  votes: readonly Vote[],
  previous: "unknown" | "up" | "down",
): "unknown" | "up" | "down" {
  const ups = votes.filter((vote) => vote === "up").length;
  const downs = votes.filter((vote) => vote === "down").length;
  if (ups > downs) return "up";
  return downs > ups ? "down" : previous;
}

/**
 * One source per kind: the median over those who measured it, so that neither a liar nor distance
 * moves it. Highest load first.
 */
export function combineLoads(seen: readonly SeenLoad[]): LoadSource[] {
  const byKind = new Map<LoadSourceKind, SeenLoad[]>();
  for (const one of seen) {
    const list = byKind.get(one.kind);
    if (list === undefined) byKind.set(one.kind, [one]);
    else list.push(one);
  }
  const sources: LoadSource[] = [];
  for (const [kind, list] of byKind) {
    const sorted = [...list].sort((a, b) => a.load - b.load);
    const low = sorted[Math.floor((sorted.length - 1) / 2)];
    const load = median(sorted.map((one) => one.load));
    if (low === undefined || load === null) continue;
    const atMs = Math.max(...list.map((one) => one.atMs));
    const views = list.length === 1 ? "" : ` (median of ${list.length} views)`;
    sources.push({ kind, load: rounded(load), atMs, detail: `${low.detail}${views}` });
  }
  return sources.sort((a, b) => b.load - a.load || (a.kind < b.kind ? -1 : 1));
}

/**
 * Of several ways to know the same kind, the highest, and the highest load first: an idle load
 * object does not hide what the responses say.
 */
export function highestByKind<L extends SeenLoad>(loads: readonly L[]): L[] {
  const byKind = new Map<LoadSourceKind, L>();
  for (const one of loads) {
    const best = byKind.get(one.kind);
    if (best === undefined || one.load > best.load) byKind.set(one.kind, one);
  }
  return [...byKind.values()].sort((a, b) => b.load - a.load || (a.kind < b.kind ? -1 : 1));
}

/**
 * Of what each vantage scraped, the kinds that at least half of them saw: one that makes up a
 * source nobody else sees moves nothing. Vantages that scraped nothing do not count.
 */
export function agreed(scrapes: readonly (readonly SeenLoad[])[]): SeenLoad[] {
  const told = scrapes.filter((seen) => seen.length > 0);
  return told.flat().filter((one) => {
    const views = told.filter((seen) => seen.some((other) => other.kind === one.kind)).length;
    return views * 2 >= told.length;
  });
}

/** @example median([1, 2, 9]) // 2 */
export function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  const low = sorted[Math.floor((sorted.length - 1) / 2)];
  const high = sorted[Math.floor(sorted.length / 2)];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

/** A load nobody knows when nobody in the pool does: in the middle, never 0. */
const LOAD_UNKNOWN = 0.5;

/**
 * What to take for the load of a server that no fresh source speaks of: the median of its pool's
 * known ones.
 */
export function assumedLoad(knownOfPool: readonly number[]): number {
  return rounded(median(knownOfPool) ?? LOAD_UNKNOWN);
}

function rounded(load: number): number {
  return Math.round(load * 1000) / 1000;
}
