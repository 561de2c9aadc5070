import { parseDictionary } from "structured-headers";
import { type CacheControl, NO_CACHE_CONTROL } from "./cache-control.ts";

/** RFC 9111 1.2.2: what does not fit is taken as the greatest value that does. */
const DELTA_SEC_MAX = 2_147_483_648;

const NO_LIFETIMES = {
  maxAgeSec: null,
  sMaxAgeSec: null,
  staleIfErrorSec: null,
  staleWhileRevalidateSec: null,
} as const;

/**
 * A cache control field for one class of caches, such as CDN-Cache-Control (RFC 9213 2.1). Unlike
 * Cache-Control it is a Dictionary of RFC 9651. Null when it is absent, empty, or not valid, and then
 * it counts as absent; a lifetime of the wrong type makes the whole of it so, unless it forbids something:
 * then that holds, and no lifetime of it does.
 *
 * @example parseTargeted("max-age=60, must-revalidate")?.maxAgeSec // 60
 */
export function parseTargeted(text: string | null): CacheControl | null {
  if (text === null || text.trim() === "") return null;
  let wrong = false;
  const members = readMembers(text);
  if (members === null) return null;
  const seconds = (name: string): number | null => {
    const value = members.get(name);
    if (value === undefined) return null;
    if (typeof value === "number" && Number.isInteger(value) && value >= 0) {
      return Math.min(value, DELTA_SEC_MAX);
    }
    wrong = true;
    return null;
  };
  // `private` and `no-cache` may name fields; the whole response is meant then, as elsewhere here.
  const flag = (name: string): boolean => members.has(name) && members.get(name) !== false;
  const control: CacheControl = {
    ...NO_CACHE_CONTROL,
    noStore: flag("no-store"),
    noCache: flag("no-cache"),
    private: flag("private"),
    public: flag("public"),
    mustRevalidate: flag("must-revalidate"),
    proxyRevalidate: flag("proxy-revalidate"),
    mustUnderstand: flag("must-understand"),
    maxAgeSec: seconds("max-age"),
    sMaxAgeSec: seconds("s-maxage"),
    staleIfErrorSec: seconds("stale-if-error"),
    staleWhileRevalidateSec: seconds("stale-while-revalidate"),
  };
  if (!wrong) return control;
  const forbids = control.noStore || control.private || control.noCache;
  return forbids ? { ...control, ...NO_LIFETIMES } : null;
}

function readMembers(text: string): ReadonlyMap<string, unknown> | null {
  try {
    const members = parseDictionary(text);
    if (members.size === 0) return null;
    return new Map([...members].map(([name, [value]]) => [name, value]));
  } catch {
    return null;
  }
}
