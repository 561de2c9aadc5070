import { parseDeltaSec } from "./delta.ts";
import { splitList } from "./list.ts";

/** The directives of a response that a shared cache acts on (RFC 9111 5.2.2, RFC 5861). */
export interface CacheControl {
  readonly noStore: boolean;
  /** Also when it names fields: the whole response is revalidated then (RFC 9111 5.2.2.4 allows it). */
  readonly noCache: boolean;
  /** Also when it names fields: the whole response is private then (RFC 9111 5.2.2.7 allows it). */
  readonly private: boolean;
  readonly public: boolean;
  readonly mustRevalidate: boolean;
  readonly proxyRevalidate: boolean;
  /** RFC 9111 5.2.2.3 */
  readonly mustUnderstand: boolean;
  /** Seconds; null when absent; 0 when the value is not valid, so it is stale (RFC 9111 4.2.1). */
  readonly maxAgeSec: number | null;
  readonly sMaxAgeSec: number | null;
  readonly staleIfErrorSec: number | null;
  readonly staleWhileRevalidateSec: number | null;
}

export const NO_CACHE_CONTROL: CacheControl = {
  noStore: false,
  noCache: false,
  private: false,
  public: false,
  mustRevalidate: false,
  proxyRevalidate: false,
  mustUnderstand: false,
  maxAgeSec: null,
  sMaxAgeSec: null,
  staleIfErrorSec: null,
  staleWhileRevalidateSec: null,
};

/** What forbids: it holds wherever it stands. */
const GUARDS: ReadonlySet<string> = new Set([
  ...["no-store", "no-cache", "private", "must-revalidate", "proxy-revalidate"],
]);

/**
 * Reads Cache-Control; fields sent more than once are joined with commas before. Names are
 * case-insensitive; of a directive given twice the first counts (RFC 9111 4.2.1). Unknown ones are
 * ignored (5.2.3). A quote that nobody closes hides nothing that forbids: of what stands behind it
 * those directives count, and no others.
 *
 * @example parseCacheControl("public, max-age=60").maxAgeSec // 60
 */
export function parseCacheControl(text: string | null): CacheControl {
  if (text === null || text === "") return NO_CACHE_CONTROL;
  const seen = new Map<string, string | null>();
  const { members, open } = splitList(text);
  for (const member of members) {
    const eq = member.indexOf("=");
    const name = (eq < 0 ? member : member.slice(0, eq)).toLowerCase();
    if (name === "" || seen.has(name)) continue;
    seen.set(name, eq < 0 ? null : member.slice(eq + 1));
  }
  for (const member of open?.split(",") ?? []) {
    const name = member.split("=", 1)[0]!.trim().toLowerCase();
    if (GUARDS.has(name)) seen.set(name, null);
  }
  const seconds = (name: string): number | null => {
    const value = seen.get(name);
    return value === undefined ? null : value === null ? 0 : (parseDeltaSec(value) ?? 0);
  };
  return {
    noStore: seen.has("no-store"),
    noCache: seen.has("no-cache"),
    private: seen.has("private"),
    public: seen.has("public"),
    mustRevalidate: seen.has("must-revalidate"),
    proxyRevalidate: seen.has("proxy-revalidate"),
    mustUnderstand: seen.has("must-understand"),
    maxAgeSec: seconds("max-age"),
    sMaxAgeSec: seconds("s-maxage"),
    staleIfErrorSec: seconds("stale-if-error"),
    staleWhileRevalidateSec: seconds("stale-while-revalidate"),
  };
}
