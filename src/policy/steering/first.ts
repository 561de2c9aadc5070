import { note } from "./candidate.ts";
import type { Filter } from "./filter.ts";

/** Filter `first`: keeps the first `n` in the order so far. */
export const first: Filter<"first"> = (left, step) =>
  left.filter((s, i) => {
    const within = i < step.n;
    const detail = `place ${i + 1}, the first ${step.n} are kept`;
    note(s, "first", within, [within ? "within-first" : "beyond-first", detail]);
    return within;
  });
