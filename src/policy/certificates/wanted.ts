import { byTurns } from "../../base/by-turns.ts";
import type { ChallengeKind } from "../../model/acme.ts";
import { OF_NETWORK } from "../../model/certificate.ts";
import type { Intent, Network } from "../../model/network.ts";

/** A host name that caches answer over HTTPS, and how the network can show that it holds it. */
export interface WantedName {
  readonly host: string;
  /** Or OF_NETWORK. */
  readonly customer: string;
  /** `c.<zone>`; `<hostname>.<zone>`; a site's own hostname, or an alias of it. */
  readonly kind: "network" | "second" | "first" | "alias";
  readonly challenge: ChallengeKind;
  /**
   * A name of our own zone, this site's for ever, to which the owner may let `_acme-challenge` of the host
   * lead (CNAME): the host is then shown by DNS. Null where we answer for the host's zone ourselves.
   */
  readonly delegate: string | null;
}

/**
 * The names to obtain certificates for, each one by itself, so that none spans two customers: the more
 * depends on one, the earlier it comes, and customers by turns: authorities give the names of a zone so many a
 * week, which who has a thousand sites would else have alone. Names in our own zone are shown as the network file says; others
 * by DNS where we answer for their zone and it is the same customer's, or where their challenges are
 * delegated to us, else by a page at the name.
 */
export function wantedNames(of: Pick<Intent, "network" | "targets">): readonly WantedName[] {
  const { network, targets } = of;
  const { zone, acme } = network;
  if (acme === undefined) return [];
  const own = acme.challenge;
  const ofNetwork: WantedName = {
    host: `c.${zone}`,
    customer: OF_NETWORK,
    kind: "network",
    challenge: own,
    delegate: null,
  };
  if (!acme.sites) return [ofNetwork];
  const holders = holdersOf(network);
  const all = network.customers.map(({ name: customer, sites }) => {
    const seconds: WantedName[] = [];
    const others: WantedName[] = [];
    for (const { hostname, front, cache } of sites) {
      const target = targets[hostname];
      const to = target === undefined ? null : `_acme-challenge.${target}.gtm.${zone}`;
      const second = { host: `${hostname}.${zone}`, customer, kind: "second" } as const;
      seconds.push({ ...second, challenge: own, delegate: null });
      const add = (host: string, kind: "first" | "alias") => {
        const isHeld = holderOf(host, holders) === customer;
        const challenge = isHeld ? "dns-01" : "http-01";
        others.push({ host, customer, kind, challenge, delegate: isHeld ? null : to });
      };
      if (front === "caches") add(hostname, "first");
      for (const alias of cache.aliases) add(alias, "alias");
    }
    return { seconds, others };
  });
  const [seconds, others] = [all.map((one) => one.seconds), all.map((one) => one.others)];
  return [ofNetwork, ...byTurns(seconds), ...byTurns(others)];
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
