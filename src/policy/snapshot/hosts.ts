import type { SiteIndex, Snapshot } from "../../model/snapshot.ts";
import { within } from "./validate.ts";

/**
 * Which site an HTTP host stands for at a cache:
 * `first` the site's own hostname (only `front: caches`), `host` `<hostname>.<zone>`, `alias` a name
 * of the customer's with a CNAME there. `c.<zone>` is none of them: there the path names the site.
 */
export interface HostEntry {
  readonly site: SiteIndex;
  readonly form: "first" | "host" | "alias";
}

/** Keys are host names, lower case, without the final dot or port. */
export type HostTable = ReadonlyMap<string, HostEntry>;

export function siteOfHost(snapshot: Snapshot): HostTable {
  const table = new Map<string, HostEntry>();
  for (const site of snapshot.sites) {
    if (site.front === "caches") table.set(site.hostname, { site: site.index, form: "first" });
    table.set(`${site.hostname}.${snapshot.zone}`, { site: site.index, form: "host" });
    for (const alias of site.aliases) {
      // A snapshot of before these were refused: such a name is another site's, or all sites'.
      if (within(alias, snapshot.zone)) continue;
      table.set(alias, { site: site.index, form: "alias" });
    }
  }
  return table;
}
