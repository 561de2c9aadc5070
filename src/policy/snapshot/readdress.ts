import type { Snapshot, SnapshotOrigin } from "../../model/snapshot.ts";
import type { Change } from "./diff.ts";

/** The origins of a snapshot with the addresses that their names have now, and what changed. */
export function readdressed(
  snapshot: Snapshot,
  addresses: (host: string) => { readonly v4?: string; readonly v6?: string } | null,
): {
  readonly origins: readonly SnapshotOrigin[];
  readonly ids: readonly string[];
  readonly changes: readonly Change[];
} {
  const changes: Change[] = [];
  const ids: string[] = [];
  const origins = snapshot.origins.map((origin) => {
    const found = origin.host === undefined ? null : addresses(origin.host);
    if (found === null || (found.v4 === origin.v4 && found.v6 === origin.v6)) return origin;
    const { v4: _, v6: __, ...rest } = origin;
    const [from, to] = [origin, found].map(({ v4, v6 }) => [v4, v6].filter(Boolean).join(" "));
    changes.push({ action: "change", path: `origins.${origin.id}`, from: from!, to: to! });
    ids.push(origin.id);
    return { ...rest, ...found };
  });
  return { origins, ids, changes };
}
