import { parseStrings } from "../../wire/http/mod.ts";
import { canonicalPath } from "./key.ts";

/** Methods that change nothing (RFC 9110 9.2.1 and the registry); all others do, known or not. */
const SAFE = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY"]);

/** What was asked for. */
interface Target {
  /**
   * Its web origin, such as `https://www.shop.example`: as its client asked and as its web server was, which
   * may know another scheme and port. What either names by its own is the same (RFC 9110 7.1).
   */
  readonly at: readonly string[];
  readonly path: string;
}

export function isSafe(method: string): boolean {
  return SAFE.has(method);
}

/**
 * Which paths of the site an answer makes outdated (RFC 9111 4.4): what an unsafe method was sent to,
 * and what Location and Content-Location name of the same origin. Nothing for an error.
 */
export function invalidatedPaths(
  request: Target & { readonly method: string },
  response: { readonly status: number; get(name: string): string | null },
): readonly string[] {
  if (isSafe(request.method) || response.status >= 400) return [];
  const paths = new Set([request.path]);
  for (const name of ["location", "content-location"]) {
    const path = pathHere(request, response.get(name));
    if (path !== null) paths.add(path);
  }
  return [...paths];
}

/** Groups that one response may end at most; RFC 9875 2 asks for 32 of 32 characters at least. */
const GROUPS_MAX = 64;
const GROUP_LENGTH_MAX = 256;

/**
 * The cache groups whose responses are outdated by an answer to an unsafe method, by its
 * Cache-Group-Invalidation (RFC 9875 3). None for an error, as with what it was sent to, and none
 * where the field names more or longer ones than are taken.
 */
export function invalidatedGroups(
  method: string,
  response: { readonly status: number; get(name: string): string | null },
): readonly string[] {
  const field = response.get("cache-group-invalidation");
  if (field === null || isSafe(method) || response.status >= 400) return [];
  const groups = parseStrings(field) ?? [];
  const taken =
    groups.length <= GROUPS_MAX && groups.every((group) => group.length <= GROUP_LENGTH_MAX);
  return taken ? [...new Set(groups)] : [];
}

/** Does Content-Location name the very thing that was asked for (RFC 9110 8.7)? */
export function isLocatedHere(request: Target, contentLocation: string | null): boolean {
  return pathHere(request, contentLocation) === request.path;
}

/**
 * Does Location name the very thing that was asked for, by whatever scheme? Such a redirect answers
 * the scheme of one client's request, which is not in the key: kept, it would send who came by HTTPS
 * in a circle.
 */
export function isRedirectedHere(
  request: { readonly at: string; readonly path: string },
  location: string | null,
): boolean {
  if (location === null || !URL.canParse(location, request.at + request.path)) return false;
  const url = new URL(location, request.at + request.path);
  if (url.hostname !== new URL(request.at).hostname) return false;
  return canonicalPath(url.pathname + url.search) === request.path;
}

function pathHere({ at, path }: Target, location: string | null): string | null {
  if (location === null) return null;
  for (const own of at) {
    const base = own + path;
    const url = URL.canParse(location, base) ? new URL(location, base) : null;
    if (url?.origin === new URL(own).origin) return canonicalPath(url.pathname + url.search);
  }
  return null;
}
