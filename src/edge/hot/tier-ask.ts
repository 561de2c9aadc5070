import { cacheKey } from "../../policy/caching/mod.ts";
import { keyParts, type Plan } from "../../policy/rules/mod.ts";
import { TIERS_ABOVE_MAX } from "../../policy/steering/mod.ts";
import {
  countLoops,
  readTierMark,
  splitUrl,
  TIER_FIELD,
  type TierMark,
} from "../../wire/http/mod.ts";
import { type Ask, OWN_PATH } from "./ask.ts";
import type { EdgeCounts } from "./count.ts";
import { InboundUsage } from "./inbound-usage.ts";
import { TARGET_LENGTH_MAX, TIER_WINDOW_MS } from "./limits.ts";
import type { EdgeTable, SiteEntry } from "./table.ts";
import type { TierAsk, TierKeys } from "./tier.ts";

/** Where caches ask each other: the path of the site's own follows. */
export const TIER_PATH = `${OWN_PATH}tier`;

/** What a cache that asks writes of itself and of no client: no web server sees it, and no key has it. */
export const OF_CACHES: ReadonlySet<string> = new Set([
  TIER_FIELD,
  "host",
  "x-forwarded-for",
  "x-forwarded-proto",
]);

/**
 * A request of another cache of ours; null: it is none, or not one that can be answered as such here,
 * and is treated as anybody's. Held against each other: signature, time, target and whose it is, the
 * caches it came through, and the rules of the site as both know them.
 */
export function receiveFromCache(
  request: Request,
  o: {
    readonly table: EdgeTable;
    readonly node: string;
    readonly keys: TierKeys;
    readonly nowMs: number;
    readonly counts: EdgeCounts;
  },
): Ask | null {
  const { table, keys, nowMs } = o;
  const { method, url, headers } = request;
  const target = splitUrl(url, headers.get("host"));
  if (target === null || !target.path.startsWith(`${TIER_PATH}/`)) return null;
  if (method !== "GET" && method !== "HEAD") return null;
  const { host } = target;
  const path = target.path.slice(TIER_PATH.length);
  const entry = table.byHostname.get(host);
  if (entry === undefined || entry.fault !== null) return null;
  const secrets = keys.secrets().map((key) => key.secret);
  const by = { secrets, hmac: keys.hmac, nowMs, windowMs: TIER_WINDOW_MS };
  const of = { method, customer: entry.customer, host, path };
  const mark = readTierMark(headers.get(TIER_FIELD), of, by);
  if (mark === null || path.length > TARGET_LENGTH_MAX) return null;
  if (mark.from.length > TIERS_ABOVE_MAX || mark.from.includes(o.node)) return null;
  if (countLoops(headers.get("cdn-loop"), table.cdnId) > 1) return null;
  const keyed = keyedBy(entry, mark);
  if (keyed === null) return null;
  const key = cacheKey({ customer: entry.customer, site: entry.hostname, path });
  const values = new Map(keyed.parts.map((name, i) => [name, mark.parts[i] ?? null]));
  return {
    ...{ request, method, entry: forCaches(entry, o.counts), form: "first", path, key },
    flight: key + mark.parts.map((part) => ` ${part ?? "-"}`).join(""),
    client: mark.client,
    get: (name) => {
      if (name.startsWith(":")) return values.get(name) ?? null;
      if (name === "x-forwarded-for") return mark.client;
      if (name === "x-forwarded-proto") return mark.scheme;
      return OF_CACHES.has(name) ? null : headers.get(name);
    },
    ruled: null,
    tier: { mark, ...keyed, told: null },
  };
}

/** Null where this cache knows other rules of the site than the one that asks. */
function keyedBy(
  { rules }: SiteEntry,
  mark: TierMark,
): Pick<TierAsk, "parts" | "ttl" | "cookiesKeyed"> | null {
  const none = { parts: [], ttl: null, cookiesKeyed: false };
  if (rules === null) return mark.rules === "" && mark.parts.length === 0 ? none : null;
  const plan: Plan | null = rules.site.planNamed(mark.rules);
  if (plan === null) return null;
  const parts = keyParts(plan);
  if (parts.length !== mark.parts.length) return null;
  const cookiesKeyed = plan.key?.is.cookies !== undefined;
  return { parts, ttl: plan.ttl?.is ?? null, cookiesKeyed };
}

const entries = new WeakMap<SiteEntry, SiteEntry>();

/** The site as it is when caches ask: what they are sent counts apart, and is nobody's usage. */
function forCaches(entry: SiteEntry, counts: EdgeCounts): SiteEntry {
  const known = entries.get(entry);
  if (known !== undefined) return known;
  const own = new InboundUsage(entry.usage);
  const made = { ...entry, usage: own, counts: counts.ofTier(entry.hostname) };
  entries.set(entry, made);
  return made;
}
