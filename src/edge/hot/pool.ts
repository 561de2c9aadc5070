import type { Choice } from "../../model/decision.ts";
import { DEFAULT_FETCH, type SiteFetch } from "../../model/site-fetch.ts";
import type { SiteIndex, Snapshot, SnapshotSite } from "../../model/snapshot.ts";
import type { View } from "../../policy/steering/mod.ts";
import { ORIGIN_EXCHANGES_MAX } from "./limits.ts";
import { refusesAddress } from "./reach.ts";
import type { SiteEntry } from "./table.ts";

/** A server that may be asked: where it is, and how many may ask it at once. */
export interface Candidate {
  readonly choice: Choice;
  readonly address: string;
  readonly exchangesMax: number;
}

export function fetchOf(site: SnapshotSite): SiteFetch {
  return site.fetch ?? DEFAULT_FETCH;
}

/**
 * Where a site stands in this snapshot. A request may have waited since it was looked up, and others come
 * and gone: at its old place there may be another customer's by now (threats T9). Null: it is not there.
 */
export function siteIn(
  { sites }: Snapshot,
  { customer, hostname, site }: Pick<SiteEntry, "customer" | "hostname" | "site">,
): SiteIndex | null {
  const is = (one: SnapshotSite | undefined) =>
    one?.hostname === hostname && one.customer === customer;
  if (is(sites[site.index])) return site.index;
  const found = sites.findIndex(is);
  return found < 0 ? null : found;
}

/** Those that hold the path, where servers say what they hold, at addresses that may be used. */
export function candidatesOf(
  view: View,
  choices: readonly Choice[],
  path: string,
): readonly Candidate[] {
  const found: Candidate[] = [];
  for (const choice of choices) {
    const origin = choice.kind === "origin" ? view.snapshot.origins[choice.index] : undefined;
    const address = choice.v4 ?? choice.v6;
    if (address === null || refusesAddress(view.snapshot, address, choice.port) !== null) continue;
    if (origin?.paths?.some((prefix) => path.startsWith(prefix)) === false) continue;
    const exchangesMax = origin?.connectionsMax ?? ORIGIN_EXCHANGES_MAX;
    found.push({ choice, address, exchangesMax });
  }
  return found;
}

/** What an answer says of asking on. */
export function judgeStatus(status: number, fetch: SiteFetch): "answer" | "lacks" | "failed" {
  const moves = fetch.moveOn.some((one) => (one === "5xx" ? status >= 500 : one === status));
  if (!moves) return "answer";
  return status === 404 || status === 410 ? "lacks" : "failed";
}
