import { byId, note, rttOf, rttWords, type Standing } from "./candidate.ts";
import { type Filter, orderDecides } from "./filter.ts";

/** Filter `latency`: lowest round-trip time first; with `bandMs`, only those near the lowest. */
export const latency: Filter<"latency"> = (left, step) => {
  orderDecides(left);
  const ordered = [...left].sort((a, b) => rttOf(a) - rttOf(b) || byId(a, b));
  const lowest = ordered[0];
  if (lowest === undefined) return [];
  const limitMs = rttOf(lowest) + (step.bandMs ?? Number.POSITIVE_INFINITY);
  const kept: Standing[] = [];
  for (const s of ordered) {
    const within = rttOf(s) <= limitMs;
    if (!within) note(s, "latency", false, ["beyond-band", `${rttWords(s)}, limit ${limitMs} ms`]);
    else {
      note(s, "latency", true, [s === lowest ? "lowest-latency" : "higher-latency", rttWords(s)]);
      kept.push(s);
    }
  }
  return kept;
};
