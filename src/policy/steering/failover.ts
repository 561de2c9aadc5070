import { note, type Standing } from "./candidate.ts";
import { type Filter, orderDecides } from "./filter.ts";

/** Filter `failover`: the first of the list that can serve; those not listed after, as in the file. */
export const failover: Filter<"failover"> = (left, step) => {
  orderDecides(left);
  const rank = (s: Standing) => {
    const place = step.order.indexOf(s.index);
    return place < 0 ? step.order.length + s.index : place;
  };
  const ordered = [...left].sort((a, b) => rank(a) - rank(b));
  for (const [i, s] of ordered.entries()) {
    const detail = `place ${i + 1} of those that can serve`;
    note(s, "failover", true, [i === 0 ? "first-choice" : "standby", detail]);
  }
  return ordered;
};
