import { Fault } from "../base/fault.ts";
import type { Feed } from "../model/feed.ts";
import type { View } from "../policy/steering/mod.ts";
import type { History } from "./history.ts";

/**
 * What decisions are made by now, or were at a time.
 *
 * @param at ISO 8601; absent for now
 * @throws Fault `snapshot-missing`; `not-found` for a time that was not recorded
 */
export function viewAt(
  o: { readonly feed: Feed; readonly history: Pick<History, "at"> | null },
  at: string | undefined,
): View {
  if (at === undefined) {
    const snapshot = o.feed.snapshot();
    if (snapshot === null) throw new Fault("snapshot-missing");
    return { snapshot, health: o.feed.health(), assignment: o.feed.assignment() };
  }
  const view = o.history?.at(Date.parse(at)) ?? null;
  if (view === null) throw new Fault("not-found", `nothing is recorded of ${at}`);
  return view;
}
