import { note, type Standing } from "./candidate.ts";
import { type Filter, orderDecides } from "./filter.ts";

/**
 * Filter `map`: the first rule that holds the client's group keeps its origins, in its order.
 *
 *   a rule holds the client | one of its origins is left | strict | kept
 *   no                      | any                        | any    | all, as they stood
 *   yes                     | yes                        | any    | the rule's, in its order
 *   yes                     | no                         | no     | all, as they stood
 *   yes                     | no                         | yes    | none
 */
export const map: Filter<"map"> = (left, step, client) => {
  const { index, name } = client.group;
  const rule = step.rules.find((r) => r.groups.includes(index));
  const stay = (detail: string) => {
    for (const s of left) note(s, "map", true, ["no-rule", detail]);
    return [...left];
  };
  if (rule === undefined) return stay(`no rule for clients of ${name}`);
  const kept = rule.origins
    .map((origin) => left.find((s) => s.index === origin))
    .filter((s) => s !== undefined);
  if (kept.length === 0 && !step.strict) return stay(`no server of the rule for ${name} is left`);
  orderDecides(left);
  for (const s of left) {
    const is = kept.includes(s);
    const detail = `${is ? "is" : "is not"} in the rule for clients of ${name}`;
    note(s, "map", is, [is ? "mapped" : "not-mapped", detail]);
  }
  return kept satisfies Standing[];
};
