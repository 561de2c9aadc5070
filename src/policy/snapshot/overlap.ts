import type { Customer, Network } from "../../model/network.ts";
import type { Site } from "../../model/site.ts";
import { within } from "./validate.ts";

/**
 * A name that a customer wants: `zone` is answered by us with all below it (a hosted zone, a
 * delegated hostname), `host` is one name (a site's hostname, or an alias of it).
 */
export interface Wanted {
  readonly name: string;
  readonly kind: "zone" | "host";
}

/**
 * Those of the names that are, contain, or lie under what another customer has, or had: they
 * are not served before the customer has shown that they are theirs (threats.md D19). A host name
 * beside or below another's host name takes nothing from it, and is free.
 */
export function overlapping(
  wanted: readonly Wanted[],
  customer: string,
  among: {
    readonly network: Network;
    readonly former: readonly (Wanted & { readonly customer: string })[];
  },
): readonly Wanted[] {
  const live = among.network.customers.filter((each) => each.name !== customer).flatMap(wantedBy);
  const former = among.former.filter((each) => each.customer !== customer);
  const others = [...live, ...former];
  return wanted.filter((mine) =>
    others.some((other) => {
      if (mine.name === other.name) return true;
      const wide = mine.kind === "zone" || other.kind === "zone";
      if (wide && within(mine.name, other.name)) return true;
      return mine.kind === "zone" && within(other.name, mine.name);
    }),
  );
}

/** All names of a customer. */
export function wantedBy(customer: Customer): Wanted[] {
  return [
    ...customer.zones.map(({ name }): Wanted => ({ name, kind: "zone" })),
    ...customer.sites.flatMap(wantedBySite),
  ];
}

/** The names that a site takes. */
export function wantedBySite(site: Site): Wanted[] {
  const kind = site.onboarding === "delegation" ? "zone" : "host";
  return [
    { name: site.hostname, kind },
    ...site.cache.aliases.map((name): Wanted => ({ name, kind: "host" })),
  ];
}
