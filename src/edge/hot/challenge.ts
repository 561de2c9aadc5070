import { splitUrl } from "../../wire/http/mod.ts";

const PATH = "/.well-known/acme-challenge/";

/** What an authority is to find for a token at a host name under order; null where nothing is. */
export type FindChallenge = (host: string, token: string) => string | null;

/**
 * The page that shows an authority that a name is ours (RFC 8555 8.3): before the rules of the site, and for
 * the name under order alone. Any other token is the site's own: its web servers may have clients of theirs.
 */
export function challengePage(request: Request, find: FindChallenge): Response | null {
  const { url, method, headers } = request;
  const start = url.startsWith("/") ? 0 : url.indexOf("/", url.indexOf("://") + 3);
  if (!url.startsWith(PATH, start) || (method !== "GET" && method !== "HEAD")) return null;
  const target = splitUrl(url, headers.get("host"));
  if (target === null) return null;
  const found = find(target.host, target.path.slice(PATH.length));
  if (found === null) return null;
  const fields = { "content-type": "application/octet-stream", "cache-control": "no-store" };
  return new Response(method === "HEAD" ? null : found, { headers: fields });
}
