import type { ChallengeKind } from "../../model/acme.ts";
import { OF_NETWORK } from "../../model/certificate.ts";
import type { Network } from "../../model/network.ts";

/** A host name that caches answer over HTTPS, and how the network can show that it holds it. */
export interface WantedName {
  readonly host: string;
  /** Or OF_NETWORK. */
  readonly customer: string;
  /** `c.<zone>`; `<hostname>.<zone>`; a site's own hostname, or an alias of it. */
  readonly kind: "network" | "second" | "first" | "alias";
  readonly challenge: ChallengeKind;
}

/**
 * The names to obtain certificates for, each one by itself, so that none spans two customers: the more
 * depends on one, the earlier it comes. Names in our own zone are shown as the network file says; others
 * by DNS where we answer for their zone and it is the same customer's, else by a page at the name.
 */
export function wantedNames(network: Network): readonly WantedName[] {
  const { zone, acme } = network;
  if (acme === undefined) return [];
  const own = acme.challenge;
  const names: WantedName[] = [
    { host: `c.${zone}`, customer: OF_NETWORK, kind: "network", challenge: own },
  ];
  if (!acme.sites) return names;
  const holders = holdersOf(network);
  const others: WantedName[] = [];
  for (const { name: customer, sites } of network.customers) {
    for (const { hostname, front, cache } of sites) {
      names.push({ host: `${hostname}.${zone}`, customer, kind: "second", challenge: own });
      const add = (host: string, kind: "first" | "alias") => {
        const challenge = holderOf(host, holders) === customer ? "dns-01" : "http-01";
        others.push({ host, customer, kind, challenge });
      };
      if (front === "caches") add(hostname, "first");
      for (const alias of cache.aliases) add(alias, "alias");
    }
  }
  return [...names, ...others];
}

/** Zones and delegated hostnames that are answered here -> customer. */
function holdersOf({ customers }: Network): ReadonlyMap<string, string> {
  const holders = new Map<string, string>();
  for (const { name, zones, sites } of customers) {
    for (const site of sites) {
      if (site.onboarding === "delegation") holders.set(site.hostname, name);
    }
    for (const zone of zones) holders.set(zone.name, name);
  }
  return holders;
}

/** Of the nearest zone that holds the name. */
function holderOf(host: string, holders: ReadonlyMap<string, string>): string | null {
  for (let at = 0; ; ) {
    const holder = holders.get(host.slice(at));
    if (holder !== undefined) return holder;
    const dot = host.indexOf(".", at);
    if (dot < 0) return null;
    at = dot + 1;
  }
}
