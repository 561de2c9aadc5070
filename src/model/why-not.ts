/**
 * Why an answer of a cache was no hit: the words of `turnpike why URL`, of Cache-Status and of what may
 * be stored (policy/caching/storable). A closed list: no client can make one.
 *
 *   not-held ... collapsed   looked up, and not to be had from here as it is
 *   no-freshness ... method  fetched, and not kept
 *   web-socket ... no-answer nothing that could be a hit
 */
export const WHY_NOT = [
  "not-held",
  "other-variant",
  "stale",
  "validate",
  "purged",
  "behind",
  "collapsed",
  "no-freshness",
  "private",
  "no-store",
  "request-no-store",
  "set-cookie",
  "cookie",
  "authorization",
  "vary-star",
  "error-status",
  "status",
  "partial",
  "same-address",
  "not-understood",
  "not-shared",
  "too-large",
  "unsure",
  "unframed",
  "head",
  "method",
  "web-socket",
  "rule",
  "no-answer",
] as const;
export type WhyNot = (typeof WHY_NOT)[number];

/** Answers of a site that were no hit, by reason; a reason without any is left out. */
export type WhyNotCounts = Readonly<Partial<Record<WhyNot, number>>>;
