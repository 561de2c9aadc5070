/** A swap of certificates takes all of the loop's time, some 30 us a name: at most one part in so many of all time, */
const COST_SHARE = 50;
/**
 * but what is revoked is shown by no cache after a minute (threats.md T8): caches hear of it within 2 s,
 * and clients of HTTP/3 are told to come by TCP for 12 s more.
 */
export const REST_MAX_MS = 40_000;

/** How long after the begin of a swap that took `tookMs` the next one begins at the soonest, ms. */
export function restOf(tookMs: number): number {
  return Math.min(tookMs * COST_SHARE, REST_MAX_MS);
}
