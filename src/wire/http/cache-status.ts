/** One cache's member of the Cache-Status list (RFC 9211 2). */
export interface CacheStatus {
  /** The node's name. */
  readonly cache: string;
  readonly hit?: boolean;
  /** Why it went forward. */
  readonly fwd?: "uri-miss" | "vary-miss" | "stale" | "partial" | "bypass" | "method" | "request";
  readonly fwdStatus?: number;
  readonly stored?: boolean;
  readonly collapsed?: boolean;
  /** Remaining freshness in seconds; negative when stale. */
  readonly ttlSec?: number;
  /** A reason value; a token. */
  readonly detail?: string;
}

/**
 * A name as an item of a structured field, as Cache-Status and Proxy-Status want it (RFC 9651 3.3): a
 * token where it may be one, else a string; no token begins with a digit.
 *
 * @param name of letters, digits and hyphens
 * @example writeName("1st-edge") // '"1st-edge"', with its quotes
 */
export function writeName(name: string): string {
  return /^[a-z]/i.test(name) ? name : `"${name}"`;
}

/**
 * @example writeCacheStatus({ cache: "tokyo-1", hit: true, ttlSec: 30 }) // "tokyo-1; hit; ttl=30"
 */
export function writeCacheStatus(status: CacheStatus): string {
  let text = writeName(status.cache);
  if (status.hit === true) text += "; hit";
  if (status.fwd !== undefined) text += `; fwd=${status.fwd}`;
  if (status.fwdStatus !== undefined) text += `; fwd-status=${status.fwdStatus}`;
  if (status.stored === true) text += "; stored";
  if (status.collapsed === true) text += "; collapsed";
  if (status.ttlSec !== undefined) text += `; ttl=${status.ttlSec}`;
  if (status.detail !== undefined) text += `; detail=${status.detail}`;
  return text;
}
