import type { Choice } from "../../model/decision.ts";
import { DEFAULT_FETCH, type SiteFetch } from "../../model/site-fetch.ts";
import type { Snapshot, SnapshotSite } from "../../model/snapshot.ts";
import { ownAddresses } from "../../policy/snapshot/mod.ts";
import type { View } from "../../policy/steering/mod.ts";
import { vetAddress } from "../../wire/ip/mod.ts";
import { ORIGIN_EXCHANGES_MAX } from "./limits.ts";

/** A server that may be asked: where it is, and how many may ask it at once. */
export interface Candidate {
  readonly choice: Choice;
  readonly address: string;
  readonly exchangesMax: number;
}

export function fetchOf(site: SnapshotSite): SiteFetch {
  return site.fetch ?? DEFAULT_FETCH;
}

/** Our own nodes are nobody's servers, whatever was in force when one was entered (threats H13). */
function isOwn(snapshot: Snapshot, address: string, port: number): boolean {
  const known = own.get(snapshot) ?? ownAddresses(snapshot);
  own.set(snapshot, known);
  return known(address, port);
}

const own = new WeakMap<Snapshot, ReturnType<typeof ownAddresses>>();

/** Those that hold the path, where servers say what they hold, at addresses that may be used. */
export function candidatesOf(
  view: View,
  choices: readonly Choice[],
  path: string,
): readonly Candidate[] {
  const { allowPrivateOrigins, allowOriginRanges } = view.snapshot;
  const rules = { allowPrivate: allowPrivateOrigins, ranges: allowOriginRanges };
  const found: Candidate[] = [];
  for (const choice of choices) {
    const origin = choice.kind === "origin" ? view.snapshot.origins[choice.index] : undefined;
    const address = choice.v4 ?? choice.v6;
    if (address === null || vetAddress(address, rules) !== null) continue;
    if (isOwn(view.snapshot, address, choice.port)) continue;
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
