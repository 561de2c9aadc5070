import type { Customer, Intent } from "../../model/network.ts";
import type { Site } from "../../model/site.ts";
import type { ChangedSite } from "./compile-body.ts";

/**
 * Which sites an edit changed, where that is all that it changed of what is compiled: everything else is
 * the very same object, and the sites have the names and as many origins as before, so that no name is
 * anybody else's now and every index stays. Null where more changed: then all is compiled.
 */
export function changedSites(before: Intent, after: Intent): readonly ChangedSite[] | null {
  if (!sameBut(before.network, after.network, new Set(["customers"]))) return null;
  const [old, now] = [before.network.customers, after.network.customers];
  if (old.length !== now.length || !sameTargets(before, after)) return null;
  const changed: ChangedSite[] = [];
  let index = 0;
  for (const [c, customer] of now.entries()) {
    const was = old[c]!;
    if (!sameBut(was, customer, FREE)) return null;
    if (was.sites.length !== customer.sites.length) return null;
    for (const [s, site] of customer.sites.entries()) {
      const former = was.sites[s]!;
      if (site === former) continue;
      if (!takesTheSame(former, site)) return null;
      changed.push({ index: index + s, customer: c, site });
    }
    index += customer.sites.length;
  }
  return changed;
}

/** Of a customer: compared site by site; and who its people are is in no snapshot. */
const FREE: ReadonlySet<string> = new Set<keyof Customer>(["sites", "members"]);

function sameBut<T extends object>(a: T, b: T, but: ReadonlySet<string>): boolean {
  if (a === b) return true;
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]) as Set<string & keyof T>;
  for (const key of keys) if (!but.has(key) && a[key] !== b[key]) return false;
  return true;
}

function sameTargets(before: Intent, after: Intent): boolean {
  if (before.targets === after.targets) return true;
  const names = after.network.customers.flatMap(({ sites }) => sites.map((s) => s.hostname));
  return names.every((name) => before.targets[name] === after.targets[name]);
}

/** The same names of the same kind, and as many origins. */
function takesTheSame(a: Site, b: Site): boolean {
  const aliases = [a.cache.aliases, b.cache.aliases] as const;
  return (
    a.hostname === b.hostname &&
    a.onboarding === b.onboarding &&
    a.dnssec === b.dnssec &&
    a.proven === b.proven &&
    a.origins.length === b.origins.length &&
    aliases[0].length === aliases[1].length &&
    aliases[0].every((name, i) => name === aliases[1][i])
  );
}
