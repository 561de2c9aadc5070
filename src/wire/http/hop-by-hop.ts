/** Fields that belong to one connection (RFC 9110 7.6.1) and are never passed on. */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Fields that a Connection field cannot take away: a message without them means another thing. */
const CRITICAL = new Set([
  "host",
  "authorization",
  "cookie",
  "set-cookie",
  "cache-control",
  "content-length",
  "content-type",
  "content-encoding",
  "content-range",
  "expires",
  "date",
  "age",
  "vary",
  "etag",
  "last-modified",
  "location",
  "via",
  "cdn-loop",
]);

export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name);
}

/**
 * Names in a Connection field that are hop-by-hop too, lower case.
 *
 * @example [...connectionOptions("close, X-Foo, Host")] // ["close", "x-foo"]
 */
export function connectionOptions(field: string | null): ReadonlySet<string> {
  if (field === null) return new Set();
  const names = field.split(",").map((name) => name.trim().toLowerCase());
  return new Set(names.filter((name) => name !== "" && !CRITICAL.has(name)));
}
