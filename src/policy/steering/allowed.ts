import type { GroupIndex, OriginIndex, SnapshotRule } from "../../model/snapshot.ts";
import { note } from "./candidate.ts";
import type { Filter } from "./filter.ts";

/** True if the origin is named by no rule, or by one that holds the client's group. */
export function isAllowed(
  rules: readonly SnapshotRule[],
  origin: OriginIndex,
  group: GroupIndex,
): boolean {
  let named = false;
  for (const rule of rules) {
    if (!rule.origins.includes(origin)) continue;
    if (rule.groups.includes(group)) return true;
    named = true;
  }
  return !named;
}

/**
 * Filter `allowed`: drops servers that may not serve this client. May leave nothing: a server that
 * the law or a contract keeps from a client is not used because the others are down.
 */
export const allowed: Filter<"allowed"> = (left, step, client) =>
  left.filter((s) => {
    const may = isAllowed(step.rules, s.index, client.group.index);
    const words = may ? "may serve" : "may not serve";
    const detail = `${words} clients of ${client.group.name}`;
    note(s, "allowed", may, [may ? "allowed" : "not-allowed", detail]);
    return may;
  });
