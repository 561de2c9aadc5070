import type { SiteIndex } from "../../model/snapshot.ts";
import type { Steered } from "../../policy/snapshot/mod.ts";
import type { SteerAsk } from "../../policy/steering/mod.ts";

/**
 * What decisions are about, as a number: 0 is the caches for everybody, a site's servers are its index
 * plus one, and from here on come the caches for the sites of a shelf.
 */
const SHELF_FIRST = 1 << 30;

export function subjectOf(steered: Steered): number {
  if (steered.for === "origins") return steered.site + 1;
  return steered.shelf === undefined ? 0 : SHELF_FIRST + steered.shelf;
}

/** Whether it is about caches. Hot. */
export function isOfCaches(subject: number): boolean {
  return subject === 0 || subject >= SHELF_FIRST;
}

/** The site whose servers it is about; -1 for none. */
export function siteOf(subject: number): SiteIndex {
  return isOfCaches(subject) ? -1 : subject - 1;
}

/** The shelf that it is about; -1 for none. */
export function shelfOfSubject(subject: number): number {
  return subject < SHELF_FIRST ? -1 : subject - SHELF_FIRST;
}

export function askOf(subject: number): SteerAsk {
  const site = siteOf(subject);
  if (site >= 0) return { for: "origins", site };
  const shelf = shelfOfSubject(subject);
  return shelf < 0 ? { for: "edges" } : { for: "edges", shelf };
}
