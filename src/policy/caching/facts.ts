import {
  type CacheControl,
  parseCacheControl,
  parseDeltaSec,
  parseHttpDate,
  parseTargeted,
  parseVary,
} from "../../wire/http/mod.ts";

/** Lifetimes that a site's rules give in place of what a response says of itself, seconds. */
export interface GivenTtl {
  readonly edgeSec?: number | undefined;
  readonly staleWhileRevalidateSec?: number | undefined;
  readonly staleIfErrorSec?: number | undefined;
}

/** A response as it came: `get` reads a field by lower-case name, several joined with commas. */
export interface CachedResponse {
  readonly status: number;
  get(name: string): string | null;
  readonly given?: GivenTtl | null;
}

/** What of a response matters to a cache, parsed once. Times are ms since the epoch. */
export interface ResponseFacts {
  readonly status: number;
  /** The most specific field addressed to us: see TARGETED. */
  readonly control: CacheControl;
  /** Null when absent; 0, long past, when it is not a date (RFC 9111 5.3). */
  readonly expiresMs: number | null;
  readonly dateMs: number | null;
  readonly receivedMs: number;
  readonly ageSec: number;
  readonly lastModifiedMs: number | null;
  readonly etag: string | null;
  readonly vary: readonly string[] | "*";
  readonly setsCookie: boolean;
  readonly isPart: boolean;
  readonly contentLocation: string | null;
  readonly location: string | null;
  /** It says nothing of whether the response may be stored: `storable` comes first. */
  readonly given?: GivenTtl;
}

/** Cache control fields for us, the most specific first (RFC 9213 2.2). */
const TARGETED = ["turnpike-cache-control", "cdn-cache-control"];

/** The first valid one wins, and then neither Cache-Control nor Expires is looked at. */
function targetedControl(response: CachedResponse): CacheControl | null {
  for (const name of TARGETED) {
    const control = parseTargeted(response.get(name));
    if (control !== null) return control;
  }
  return null;
}

export function readResponse(response: CachedResponse, nowMs: number): ResponseFacts {
  const date = (name: string) => {
    const text = response.get(name);
    return text === null ? null : parseHttpDate(text, nowMs);
  };
  const etag = response.get("etag");
  const targeted = targetedControl(response);
  const expires = targeted === null ? response.get("expires") : null;
  return {
    status: response.status,
    control: targeted ?? parseCacheControl(response.get("cache-control")),
    expiresMs: expires === null ? null : (date("expires") ?? 0),
    dateMs: date("date"),
    receivedMs: nowMs,
    // RFC 9111 5.1: of several members the first counts; what is not a number is ignored.
    ageSec: parseDeltaSec((response.get("age") ?? "").split(",")[0]!.trim()) ?? 0,
    lastModifiedMs: date("last-modified"),
    etag: etag !== null && /^(W\/)?"[^"]*"$/.test(etag) ? etag : null,
    vary: parseVary(response.get("vary")),
    setsCookie: response.get("set-cookie") !== null,
    // Content-Range has no meaning with any other status (RFC 9110 14.4), but 416.
    isPart: response.status === 206,
    contentLocation: response.get("content-location"),
    location: response.get("location"),
    ...(response.given == null ? {} : { given: response.given }),
  };
}
