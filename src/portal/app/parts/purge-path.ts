import type { SiteView } from "../../../model/api/mod.ts";

/** By which a site's addresses are known. */
export interface SiteNames {
  readonly hostname: string;
  /** Other host names of it, each with the whole path. */
  readonly hosts: readonly string[];
  /** A host name shared by all sites, and this one's first segment below it. */
  readonly shared: string;
}

export function namesOf({ site, names }: SiteView): SiteNames {
  const { hostname, cache } = site;
  const [shared = ""] = names.cachePath.split("/");
  return { hostname, hosts: [hostname, names.cacheHost, ...cache.aliases], shared };
}

export type PathRead = { readonly path: string } | { readonly problem: string };

/**
 * The path, with its query, that somebody means who types one or pastes a whole address, with or without
 * its scheme, in any form that this site has. An address of another site is no path of this one: a purge of
 * it would find nothing, and every cache would say that it is gone.
 *
 * @example pathIn("//c.cdn.example/www.shop.example/a.png", names) // { path: "/a.png" }
 */
export function pathIn(text: string, names: SiteNames): PathRead {
  const typed = text.trim();
  const url = urlIn(typed, names);
  if (url === null) return { path: typed };
  const asked = url.pathname + url.search;
  if (names.hosts.includes(url.hostname)) return { path: asked };
  const first = `/${names.hostname}/`;
  if (url.hostname === names.shared && asked.startsWith(first)) {
    return { path: asked.slice(first.length - 1) };
  }
  return { problem: `This is no address of ${names.hostname}` };
}

/** Whoever leaves out the scheme means an address only where a host of this site comes first. */
function urlIn(typed: string, names: SiteNames): URL | null {
  if (/^(https?:)?\/\//i.test(typed)) return parsed(typed.replace(/^(https?:)?\/\//i, "http://"));
  const url = typed.startsWith("/") ? null : parsed(`http://${typed}`);
  const isOurs = url !== null && [...names.hosts, names.shared].includes(url.hostname);
  return isOurs ? url : null;
}

function parsed(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null;
}
