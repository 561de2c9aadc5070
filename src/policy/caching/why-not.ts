import { WHY_NOT, type WhyNot, type WhyNotCounts } from "../../model/why-not.ts";

/** What a site's caches counted over some time. */
interface WhyNotSums {
  readonly requests: number;
  readonly hits: number;
  readonly whyNot: WhyNotCounts;
}

/** One reason of a site, with what to do about it. */
interface WhyNotRow {
  readonly reason: WhyNot;
  readonly requests: number;
  /** Of all requests of the site, 0 to 1. */
  readonly share: number;
  /** By how much the hit ratio would rise, 0 to 1; null where nothing tells. Never above `share`. */
  readonly gain: number | null;
  readonly means: string;
  /** What to do about it; null: nothing, it is as it is to be. */
  readonly fix: string | null;
}

interface WhyNotReport {
  readonly requests: number;
  /** Null without requests. */
  readonly hitRatio: number | null;
  /** The most frequent first. */
  readonly reasons: readonly WhyNotRow[];
}

/** What a reason means, and what to do about it; null of what is no reason of a miss, such as `fresh`. */
export function aboutReason(
  reason: string,
): { readonly means: string; readonly fix: string | null } | null {
  const known = WHY_NOT.find((one) => one === reason);
  if (known === undefined) return null;
  const [, means, fix] = ABOUT[known];
  return { means, fix };
}

/**
 * What would come of it if its cause were gone:
 *
 *   held   each would have been a hit: the object was here
 *   kept   it would be looked up like all that is looked up now, and be a hit as often as that
 *   as is  no hit is lost by it, or none could be had
 */
type Then = "held" | "kept" | "as is";

/** Reasons of requests that were looked up among what is kept. */
const LOOKED_UP: readonly WhyNot[] = [
  ...(["not-held", "other-variant", "stale", "validate", "purged", "behind"] as const),
  ...(["collapsed", "too-large"] as const),
];

const ABOUT: Readonly<Record<WhyNot, readonly [then: Then, means: string, fix: string | null]>> = {
  "not-held": [
    "as is",
    "Not in this cache: asked for the first time here, or gone to make room",
    "Longer lifetimes, more room (`cache.diskMiB`), or a parent for the pop (`parent`, docs/tiers.md) so that caches ask each other first.",
  ],
  "other-variant": [
    "kept",
    "Held, but for other request fields (`Vary`, or a rule's `key`)",
    "Let the web server name fewer fields in `Vary`, or take fields out of the rule's `key`.",
  ],
  stale: [
    "held",
    "Held, but its lifetime was over",
    "A longer `max-age` or a rule's `ttl`; `stale-while-revalidate` serves it while it is renewed.",
  ],
  validate: [
    "held",
    "Held, but the web server wants to be asked each time (`no-cache`, or no lifetime)",
    "`Cache-Control: max-age` in place of `no-cache`, or a rule `ttl`; purge when it changes.",
  ],
  purged: ["as is", "Purged since it was stored", null],
  behind: ["as is", "The cache may have missed purges, and asks before it serves", null],
  collapsed: ["as is", "Waited for a fetch of the same that was under way: one for all", null],
  "no-freshness": [
    "kept",
    "The web server says no lifetime, or one of nothing",
    "Set `Cache-Control: max-age=...`, or a rule `ttl`.",
  ],
  private: [
    "kept",
    "The web server says `private`",
    "If all users get the same, say `public, max-age=...`.",
  ],
  "no-store": [
    "kept",
    "The web server says `no-store`",
    "If it may be kept, say `max-age=...`; many frameworks say `no-store` unasked.",
  ],
  "request-no-store": ["as is", "The client says `no-store`", null],
  "set-cookie": [
    "kept",
    "The answer sets a cookie",
    "Let the web server set cookies with pages, not with what all users get alike.",
  ],
  cookie: [
    "kept",
    "A cookie was sent and the web server says no lifetime",
    "Say `public, max-age=...`, or serve it at the second address, which drops cookies.",
  ],
  authorization: [
    "kept",
    "`Authorization` was sent",
    "If all users get the same, say `public` or `s-maxage=...`.",
  ],
  "vary-star": ["kept", "The web server says `Vary: *`", "Name the fields that choose the answer."],
  "error-status": [
    "kept",
    "The web server answered with an error",
    "See why in its log; a lifetime on an error of its own (5xx: `public, max-age=10`) spares it the repeats.",
  ],
  status: ["as is", "A status that no cache keeps", null],
  partial: [
    "kept",
    "The web server answered with a part that does not fit what is held",
    "Let it send a strong `ETag`, so that parts can be put together.",
  ],
  "same-address": [
    "as is",
    "A redirect from http to https of the same address",
    "Let the cache do it: a rule with `https: true`.",
  ],
  "not-understood": ["kept", "`must-understand` with a status not known here", "Leave it out."],
  "not-shared": [
    "kept",
    "Fetched for one client alone: an answer shortly before was not to be shared",
    "Let the web server say the same of each answer at one URL.",
  ],
  "too-large": [
    "kept",
    "Larger than an object of this site may be",
    "Raise the site's `objectBytesMax`.",
  ],
  unsure: ["as is", "Another cache was asked that could not vouch for it", null],
  unframed: [
    "kept",
    "The web server did not say where the answer ends",
    "Let it send `Content-Length` or chunks.",
  ],
  head: ["as is", "HEAD for what is not held: a body is kept with GET only", null],
  method: ["as is", "A method that changes things goes to the web server", null],
  "web-socket": ["as is", "A WebSocket", null],
  rule: ["as is", "A rule of the site answered: no web server was asked", null],
  "no-answer": ["as is", "No web server gave an answer", "See the state of its web servers."],
};

/** Pure: the reasons of a site, what to do about each, and what that would bring at most. */
export function whyNotReport({ requests, hits, whyNot }: WhyNotSums): WhyNotReport {
  const of = (reason: WhyNot) => whyNot[reason] ?? 0;
  const lookups = LOOKED_UP.reduce((sum, reason) => sum + of(reason), hits);
  const ratio = lookups === 0 ? null : hits / lookups;
  const gains = { held: 1, kept: ratio, "as is": 0 } as const;
  const reasons = WHY_NOT.filter((reason) => of(reason) > 0).map((reason) => {
    const [then, means, fix] = ABOUT[reason];
    const share = requests === 0 ? 0 : Math.min(1, of(reason) / requests);
    const factor = gains[then];
    const gain = factor === null ? null : share * factor;
    return { reason, requests: of(reason), share, gain, means, fix };
  });
  return {
    requests,
    hitRatio: requests === 0 ? null : hits / requests,
    reasons: reasons.sort((a, b) => b.requests - a.requests),
  };
}
