const LABELS =
  /^(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/;

/**
 * The one form of a Host field: lower case, without port and final dot. Null for whatever is not
 * exactly one host name: two joined fields, user information, spaces, IP literals in brackets,
 * bytes outside ASCII (RFC 9112 3.2 asks for 400; threats H6).
 *
 * @example canonicalHost("WWW.Shop.Example.:8080") // "www.shop.example"
 */
export function canonicalHost(field: string | null): string | null {
  if (field === null) return null;
  let host = field.toLowerCase();
  const colon = host.indexOf(":");
  if (colon >= 0) {
    if (!/^\d{0,5}$/.test(host.slice(colon + 1))) return null;
    host = host.slice(0, colon);
  }
  if (host.endsWith(".")) host = host.slice(0, -1);
  return LABELS.test(host) ? host : null;
}

/** A request's target in its one form. */
export interface Target {
  readonly host: string;
  /** Path and query, as the URL standard writes them: begins with a slash. */
  readonly path: string;
}

/**
 * Splits an absolute http(s) URL as the listener gives it, and holds it against the Host field that
 * came with it. Null when the two differ, or when there is a fragment, which no request can have.
 */
export function splitUrl(url: string, hostField: string | null): Target | null {
  const host = canonicalHost(hostField);
  if (host === null || url.includes("#")) return null;
  const start = url.startsWith("https://") ? 8 : url.startsWith("http://") ? 7 : -1;
  if (start < 0) return null;
  const slash = url.indexOf("/", start);
  if (slash < 0 || canonicalHost(url.slice(start, slash)) !== host) return null;
  return { host, path: url.slice(slash) };
}
