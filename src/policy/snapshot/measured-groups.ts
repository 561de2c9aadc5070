import type { ClientGroup, Network } from "../../model/network.ts";
import { Covers } from "./covers.ts";

/** A /24 or /48 that caches measured. */
export interface MeasuredNetwork {
  readonly prefix: string;
  /** By pop, ms. */
  readonly rttMs: Readonly<Record<string, number>>;
  /** Connections: whoever has most goes first. */
  readonly samples: number;
}

/** By this tag the groups are known that were made of measured networks. */
export const MEASURED = "measured";

/**
 * The network with a client group for each of the busiest measured networks that lie in no group.
 * Those made before stay, unless a group of the operator's has their prefix now; `most` bounds all of
 * them together, and 0 ends them.
 */
export function withMeasuredGroups(
  network: Network,
  networks: readonly MeasuredNetwork[],
  most: number,
): { readonly network: Network; readonly groups: number } {
  const isMeasured = (group: ClientGroup) => group.tags?.includes(MEASURED) === true;
  const own = network.clientGroups.filter((group) => !isMeasured(group));
  const taken = new Covers(own.flatMap((group) => group.prefixes));
  const kept = network.clientGroups
    .filter((group) => isMeasured(group) && !group.prefixes.some((one) => taken.has(one)))
    .slice(0, most);
  const names = new Set([...own, ...kept].map((group) => group.name));
  const made: ClientGroup[] = [];
  for (const { prefix, rttMs } of [...networks].sort((a, b) => b.samples - a.samples)) {
    const name = nameOf(prefix);
    if (kept.length + made.length >= most || names.has(name) || taken.has(prefix)) continue;
    names.add(name);
    made.push({ name, prefixes: [prefix], rttMs: { ...rttMs }, tags: [MEASURED] });
  }
  const groups = [...kept, ...made];
  return { network: { ...network, clientGroups: [...own, ...groups] }, groups: groups.length };
}

/** @example nameOf("203.0.113.0/24") gives net-203-0-113-0-24 */
function nameOf(prefix: string): string {
  return `net-${prefix.replace(/[^0-9a-f]+/g, "-")}`;
}
