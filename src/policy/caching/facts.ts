import {
  type CacheControl,
  parseCacheControl,
  parseDeltaSec,
  parseHttpDate,
  parseVary,
} from "../../wire/http/mod.ts";

/** A response as it came: `get` reads a field by lower-case name, several joined with commas. */
export interface CachedResponse {
  readonly status: number;
  get(name: string): string | null;
}

/** What of a response matters to a cache, parsed once. Times are ms since the epoch. */
export interface ResponseFacts {
  readonly status: number;
  readonly control: CacheControl;
  /** Null when absent; 0, long past, when it is not a date (RFC 9111 5.3). */
  readonly expiresMs: number | null;
  readonly dateMs: number | null;
  readonly ageSec: number;
  readonly lastModifiedMs: number | null;
  readonly etag: string | null;
  readonly vary: readonly string[] | "*";
  readonly setsCookie: boolean;
  readonly isPart: boolean;
}

export function readResponse(response: CachedResponse, nowMs: number): ResponseFacts {
  const date = (name: string) => {
    const text = response.get(name);
    return text === null ? null : parseHttpDate(text, nowMs);
  };
  const etag = response.get("etag");
  return {
    status: response.status,
    control: parseCacheControl(response.get("cache-control")),
    expiresMs: response.get("expires") === null ? null : (date("expires") ?? 0),
    dateMs: date("date"),
    // RFC 9111 5.1: of several members the first counts.
    ageSec: parseDeltaSec((response.get("age") ?? "").split(",")[0]!.trim()) ?? 0,
    lastModifiedMs: date("last-modified"),
    etag: etag !== null && /^(W\/)?"[^"]*"$/.test(etag) ? etag : null,
    vary: parseVary(response.get("vary")),
    setsCookie: response.get("set-cookie") !== null,
    isPart: response.status === 206 || response.get("content-range") !== null,
  };
}
