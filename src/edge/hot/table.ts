import type { Snapshot, SnapshotSite } from "../../model/snapshot.ts";
import type { Meter, UsageCounters } from "../../model/usage.ts";
import { siteOfHost } from "../../policy/snapshot/mod.ts";
import type { EdgeCounts, SiteCounts } from "./count.ts";
import { compileCountries, compileEntryRules, type EntryRules } from "./rules-table.ts";

/**
 * How the request named the site: its own hostname, `<hostname>.<zone>`, a customer's alias of
 * that, or the first segment of a path at `c.<zone>`. All but the first are second addresses.
 */
export type Form = "first" | "host" | "alias" | "path";
export const FORMS: readonly Form[] = ["first", "host", "alias", "path"];

/** A site as the hot path looks it up. */
export interface SiteEntry {
  readonly site: SnapshotSite;
  readonly customer: string;
  readonly hostname: string;
  /** The Host field its origins get. */
  readonly hostField: string;
  /** The site's first address without a path, as clients know it, for `rel="canonical"`. */
  readonly firstAddress: string;
  /** The same as its web servers are asked by it: their scheme, their port. */
  readonly serverAddress: string;
  readonly usage: UsageCounters;
  readonly counts: SiteCounts;
  /** Null: it has none. */
  readonly rules: EntryRules | null;
  /** Why its rules cannot be used: then nothing of it is served; null: they can. */
  readonly fault: unknown;
}

/** A snapshot compiled for the edge; swapped whole. */
export interface EdgeTable {
  readonly snapshot: Snapshot;
  /** `c.<zone>` */
  readonly pathHost: string;
  /** What this network is called in CDN-Loop. */
  readonly cdnId: string;
  readonly byHost: ReadonlyMap<string, { readonly entry: SiteEntry; readonly form: Form }>;
  readonly byHostname: ReadonlyMap<string, SiteEntry>;
  /** Two capital letters, or null where the network file does not say. */
  readonly countryOf: (client: Uint8Array | null) => string | null;
}

export function compileTable(snapshot: Snapshot, meter: Meter, counts: EdgeCounts): EdgeTable {
  const entries = snapshot.sites.map((site): SiteEntry => {
    const hostField = hostFieldOf(site.hostname, site);
    const ruled = rulesOf(site);
    const sendsToHttps = ruled.fault === null && site.rules?.some((rule) => rule.https === true);
    return {
      site,
      customer: site.customer,
      hostname: site.hostname,
      hostField,
      ...addressesOf(site, {
        ...{ hostField, ports: snapshot.ports },
        isSecure: site.scheme === "https" || sendsToHttps === true,
      }),
      usage: meter.of(site.customer, site.hostname),
      counts: counts.of(site.hostname),
      ...ruled,
    };
  });
  const byHost = new Map<string, { entry: SiteEntry; form: Form }>();
  for (const [host, { site, form }] of siteOfHost(snapshot)) {
    const entry = entries[site];
    if (entry !== undefined) byHost.set(host, { entry, form });
  }
  return {
    snapshot,
    pathHost: `c.${snapshot.zone}`,
    cdnId: snapshot.zone,
    byHost,
    byHostname: new Map(entries.map((entry) => [entry.hostname, entry])),
    countryOf: compileCountries(snapshot),
  };
}

function hostFieldOf(
  hostname: string,
  { scheme, port }: Pick<SnapshotSite, "scheme" | "port">,
): string {
  return port === (scheme === "https" ? 443 : 80) ? hostname : `${hostname}:${port}`;
}

/** Where caches answer at the first address, clients come to their ports. */
function addressesOf(
  site: SnapshotSite,
  o: {
    readonly hostField: string;
    readonly ports: Snapshot["ports"];
    /** Clients come to it by https. */
    readonly isSecure: boolean;
  },
): Pick<SiteEntry, "firstAddress" | "serverAddress"> {
  const serverAddress = `${site.scheme}://${o.hostField}`;
  if (site.front === "servers") return { firstAddress: serverAddress, serverAddress };
  const scheme = o.isSecure ? "https" : "http";
  const host = hostFieldOf(site.hostname, { scheme, port: o.ports[scheme] });
  return { firstAddress: `${scheme}://${host}`, serverAddress };
}

/** What is wrong with one site is no other's matter: it alone is not served (threats.md 1.3). */
function rulesOf(site: SnapshotSite): Pick<SiteEntry, "rules" | "fault"> {
  try {
    return { rules: compileEntryRules(site.rules), fault: null };
  } catch (fault) {
    return { rules: null, fault };
  }
}
