import type { GroupIndex, Snapshot } from "../../model/snapshot.ts";

/** Prefix and client group, for a longest-prefix table. Group 0 has no prefix: it is the rest. */
export function groupEntries(snapshot: Snapshot): { prefix: string; group: GroupIndex }[] {
  return snapshot.groups.flatMap((group) =>
    group.prefixes.map((prefix) => ({ prefix, group: group.index })),
  );
}
