import type { SnapshotSite } from "../../model/snapshot.ts";
import { sharesByTarget } from "./shares.ts";
import { steer, type View } from "./steer.ts";
import { isSplitByWeight } from "./trim.ts";

/** Client groups that are looked at, those with most lookups first. */
const GROUPS_MAX = 200;

/**
 * How a site's lookups are meant to be split, by origin id: by weight where weights alone decide; else
 * as decisions say for the client groups that ask, by how much they ask.
 *
 * @param rates client group -> lookups a second; all alike where it is empty
 */
export function wantedSplit(
  view: View,
  site: SnapshotSite,
  rates: Readonly<Record<string, number>>,
): ReadonlyMap<string, number> {
  const { groups } = view.snapshot;
  const { trims: _, ...untrimmed } = view.assignment;
  const plain = { ...view, assignment: untrimmed };
  const asking = groups.filter((group) => (rates[group.name] ?? 0) > 0);
  const rateOf = (name: string) => (asking.length === 0 ? 1 : (rates[name] ?? 0));
  const most = isSplitByWeight(site)
    ? groups.slice(0, 1)
    : (asking.length === 0 ? [...groups] : asking)
        .sort((a, b) => rateOf(b.name) - rateOf(a.name))
        .slice(0, GROUPS_MAX);
  const wanted = new Map<string, number>();
  const total = isSplitByWeight(site) ? 1 : most.reduce((sum, g) => sum + rateOf(g.name), 0);
  for (const { index, name } of most) {
    const weight = (isSplitByWeight(site) ? 1 : rateOf(name)) / total;
    const decision = steer(
      plain,
      { for: "origins", site: site.index },
      { group: index, brief: true },
    );
    for (const [id, share] of sharesByTarget(decision)) {
      wanted.set(id, (wanted.get(id) ?? 0) + weight * share);
    }
  }
  return wanted;
}
