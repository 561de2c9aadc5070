import { byId, note, show, trimWords } from "./candidate.ts";
import type { Filter } from "./filter.ts";

/** Filter `weighted`: each answer is drawn, and a server's weight is its share. Heaviest first. */
export const weighted: Filter<"weighted"> = (left) => {
  const total = left.reduce((sum, s) => sum + s.weight, 0);
  const ordered = [...left].sort((a, b) => b.weight - a.weight || byId(a, b));
  for (const s of ordered) {
    s.draw = s.weight * s.trim;
    s.stick = undefined;
    const percent = (100 * s.weight) / Math.max(total, 1e-9);
    note(s, "weighted", true, [
      "share",
      `weight ${show(s.weight)}, ${percent.toFixed(1)} %${trimWords(s)}`,
    ]);
  }
  return ordered;
};
