import type { SiteEntry } from "./table.ts";

/** Two dots as a segment of a path, as browsers read it. */
const UPWARD = /(^|[/\\])(\.|%2e){2}([/\\?#]|$)/i;
/** `3; url="/next"`: seconds and what stands before the address, a quote or none, the address. */
const REFRESH = /^(\s*[\d.]+\s*[;,]?\s*(?:url\s*=\s*)?)(["']?)([^"']*)(["']?.*)$/is;

type At = Pick<SiteEntry, "hostname" | "firstAddress" | "serverAddress">;

/**
 * At `c.<zone>` the site's addresses stand under its hostname: fields that name one are rewritten so
 * that they lead where they lead at its first address. Addresses elsewhere stay as they are.
 *
 * @param path what was asked for, at the site
 */
export function keepUnderPrefix(headers: Headers, at: At, path: string): void {
  const of = { ...at, path };
  const location = headers.get("location");
  if (location !== null) headers.set("location", underPrefix(location, of));
  const content = headers.get("content-location");
  if (content !== null) headers.set("content-location", underPrefix(content, of));
  const refresh = headers.get("refresh");
  const [, before, quote, to, rest] = REFRESH.exec(refresh ?? "") ?? [];
  if (refresh !== null && to !== undefined && to !== "") {
    headers.set("refresh", `${before}${quote}${underPrefix(to, of)}${rest}`);
  }
  // A page's other parts are at the first address for sure, and that alone is canonical.
  const link = headers.get("link");
  if (link !== null)
    headers.set("link", link.replace(/<(\/(?![/\\])[^<>]*)>/g, `<${at.firstAddress}$1>`));
}

function underPrefix(value: string, of: At & { readonly path: string }): string {
  const { hostname, firstAddress, serverAddress, path } = of;
  // It was about how the client came, or by what name: under the prefix it would lead here again.
  if (value === serverAddress + path || value === firstAddress + path) return firstAddress + path;
  const own = [firstAddress, serverAddress];
  const target = atSite(value, own);
  if (UPWARD.test(target)) {
    const url = URL.parse(target, firstAddress + path);
    const isOwn = own.some((one) => url?.origin === new URL(one).origin);
    return isOwn && url !== null ? `/${hostname}${url.pathname}${url.search}${url.hash}` : value;
  }
  return /^\/(?![/\\])/.test(target) ? `/${hostname}${target}` : value;
}

/** Without scheme and host where they are the site's own. */
function atSite(value: string, addresses: readonly string[]): string {
  for (const own of addresses.flatMap((one) => [one, one.slice(one.indexOf("//"))])) {
    const rest = value.slice(own.length);
    if (value.slice(0, own.length).toLowerCase() !== own || !/^([/?#]|$)/.test(rest)) continue;
    return rest.startsWith("/") ? rest : `/${rest}`;
  }
  return value;
}
