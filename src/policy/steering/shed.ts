import { note, type Standing, show } from "./candidate.ts";
import type { Filter } from "./filter.ts";

/**
 * Filter `shed`: takes clients away from a busy server, gradually. The share that it keeps is 1 up
 * to the load `target`, falls in a straight line and is 0 from `limit` on; what it gives up goes to
 * the next choice, and so on. Once all are over their limit nothing is taken away.
 */
export const shed: Filter<"shed"> = (left, step) => {
  const limit = Math.max(step.limit, step.target + 0.01);
  const share = (s: Standing) => Math.min(1, Math.max(0, (limit - s.load) / (limit - step.target)));
  const all = left.every((s) => share(s) === 0);
  const kept: Standing[] = [];
  const words = `target ${show(step.target)}, limit ${show(limit)}`;
  for (const s of left) {
    const own = all ? 1 : share(s);
    s.share *= own;
    const detail = `load ${show(s.load)}, ${words}: keeps ${(100 * own).toFixed(0)} %`;
    if (all) note(s, "shed", true, ["over-limit", `${detail}, as all are over their limit`]);
    else if (own === 1) note(s, "shed", true, ["below-target", detail]);
    else note(s, "shed", own > 0, [own > 0 ? "shedding" : "over-limit", detail]);
    if (own > 0) kept.push(s);
  }
  return kept;
};
