import { note, type Standing, show } from "./candidate.ts";
import { type Filter, orderDecides } from "./filter.ts";

/** Order of `lowest-load`: projected load, then measured, then name, so that ties are stable. */
export function byLoad(a: Standing, b: Standing): number {
  return a.projected - b.projected || a.load - b.load || (a.id < b.id ? -1 : 1);
}

/**
 * Filter `lowest-load`: the assigned server first (`assign()` gave it for being lowest, or within
 * the margin of it), then the others by projected load.
 */
export const lowestLoad: Filter<"lowest-load"> = (left, _step, client) => {
  orderDecides(left);
  const { assigned } = client;
  const ordered = [...left].sort(byLoad);
  const lowest = ordered[0];
  if (lowest === undefined) return [];
  const held = assigned === undefined ? undefined : ordered.find((s) => s.id === assigned);
  const first = held ?? lowest;
  for (const s of client.brief === true ? [] : ordered) {
    const from = s.health?.loadFrom ?? "pool median";
    const detail = `projected ${show(s.projected)}, measured ${show(s.load)} by ${from}`;
    if (s === first && s === lowest) note(s, "lowest-load", true, ["lowest-load", detail]);
    else if (s === first) {
      const gap = `${detail}; the lowest is ${lowest.name} at ${show(lowest.projected)}`;
      note(s, "lowest-load", true, ["within-margin", gap]);
    } else note(s, "lowest-load", true, ["higher-load", detail]);
  }
  return [first, ...ordered.filter((s) => s !== first)];
};
