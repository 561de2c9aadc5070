import {
  type CacheRequest,
  freshnessOf,
  isLocatedHere,
  isNotModified,
  isOwnReason,
  isRedirectedHere,
  type ResponseFacts,
  readResponse,
  storable,
  variantKey,
  variantLanguage,
} from "../../policy/caching/mod.ts";
import { keyParts, ttlFor } from "../../policy/rules/mod.ts";
import { formatHttpDate, parseCacheControl, parseHttpDate } from "../../wire/http/mod.ts";
import { type Fields, type ObjectMeta, sealMeta } from "../cache/mod.ts";
import { type Ask, originsAsked } from "./ask.ts";
import type { Fetched } from "./fetched.ts";

/** Reads fields by lower-case name, several joined with commas. A miss asks for some thirty of them. */
export function getter(fields: Fields): (name: string) => string | null {
  return (wanted) => {
    let found: string | null = null;
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i]!;
      if (field[0] !== wanted) continue;
      found = found === null ? field[1] : `${found}, ${field[1]}`;
    }
    return found;
  };
}

/** When it was sent, ms since the epoch; null where it does not say. */
export function dateMsOf(fields: Fields, nowMs: number): number | null {
  return parseHttpDate(getter(fields)("date") ?? "", nowMs);
}

/** Does the client have what is held, by its own conditions (RFC 9111 4.3.2)? */
export function isUnchanged(meta: ObjectMeta, asked: Headers, nowMs: number): boolean {
  const ifNoneMatch = asked.get("if-none-match");
  const ifModifiedSince = asked.get("if-modified-since");
  if (ifNoneMatch === null && ifModifiedSince === null) return false;
  const sentMs = () => dateMsOf(meta.fields, nowMs) ?? meta.receivedMs;
  return isNotModified({ ifNoneMatch, ifModifiedSince }, { ...meta, sentMs }, nowMs);
}

/** What an answer says to a cache, with the lifetimes that the site's rules give it. */
export function factsOf(
  ask: Ask,
  response: { readonly status: number; readonly fields: Fields },
  receivedMs: number,
): ResponseFacts {
  const { status, fields } = response;
  const rows = ask.tier?.ttl ?? ask.ruled?.plan.ttl?.is;
  // A part is fresh for as long as the whole would be.
  const given = rows === undefined ? null : ttlFor(rows, status === 206 ? 200 : status);
  return readResponse({ status, get: getter(fields), given }, receivedMs);
}

/** What of a request bears on storing the response that came. */
export function cacheRequestOf(ask: Ask, facts?: ResponseFacts): CacheRequest {
  const control = parseCacheControl(ask.request.headers.get("cache-control"));
  return {
    method: ask.method,
    authorization: ask.get("authorization") !== null,
    // Cookies that are all in the key are nobody's secret from who has the same.
    cookie: ask.get("cookie") !== null && !cookiesKeyed(ask),
    noStore: control.noStore,
    locatedHere:
      facts !== undefined &&
      facts.contentLocation !== null &&
      isLocatedHere({ at: originsAsked(ask), path: ask.path }, facts.contentLocation),
    redirectedHere:
      facts !== undefined &&
      isRedirectedHere({ at: ask.entry.firstAddress, path: ask.path }, facts.location),
  };
}

/** Is it not to be kept for what this request said of itself? Then it says nothing of what is held. */
export function saysOfItself(ask: Ask, { response, receivedMs }: Fetched): boolean {
  const facts = factsOf(ask, response, receivedMs);
  const verdict = storable(cacheRequestOf(ask, facts), facts);
  return !verdict.store && isOwnReason(verdict.reason);
}

/** Everything of the meta that the request and the head settle; the rest comes from `describe`. */
export function emptyMeta(
  ask: Ask,
  facts: ResponseFacts,
  response: { readonly status: number; readonly fields: Fields },
): Omit<ObjectMeta, "freshness" | "receivedMs" | "etag" | "lastModified" | "lastModifiedMs"> {
  return {
    key: ask.key,
    customer: ask.entry.customer,
    site: ask.entry.hostname,
    path: ask.path,
    ...variantOf(ask, facts, response.fields),
    status: response.status,
    fields: response.fields,
    bodyBytes: 0,
  };
}

/** Which fields of requests choose this answer, and what they hold in this one. */
export function variantOf(
  ask: Ask,
  facts: ResponseFacts,
  fields: Fields,
): Pick<ObjectMeta, "vary" | "variant" | "language"> {
  const get = getter(fields);
  const said = facts.vary === "*" ? [] : facts.vary;
  // An answer to one web origin is not another's, also where the server forgot to say so.
  const allowed = get("access-control-allow-origin") ?? "*";
  const told = allowed === "*" || said.includes("origin") ? said : [...said, "origin"].sort();
  const vary = [...told, ...partsOf(ask)];
  const variant = variantKey(vary, ask.get);
  return { vary, variant, ...variantLanguage(vary, get("content-language")) };
}

function partsOf({ tier, ruled }: Ask): readonly string[] {
  return tier?.parts ?? (ruled === null ? [] : keyParts(ruled.plan));
}

function cookiesKeyed({ tier, ruled }: Ask): boolean {
  return tier?.cookiesKeyed ?? ruled?.plan.key?.is.cookies !== undefined;
}

/** Fills in what a response, or the 304 that renewed it, says of freshness and validators. */
export function describe(
  meta: ReturnType<typeof emptyMeta>,
  facts: ResponseFacts,
  fetched: Fetched,
): ObjectMeta {
  const { heldMs: _, ...rest } = meta;
  const get = getter(meta.fields);
  // RFC 9110 6.6.1: a response without a Date gets one from whoever receives it.
  const dated = get("date") === null ? [["date", formatHttpDate(fetched.receivedMs)] as const] : [];
  const fields = [...meta.fields, ...dated].filter(([name]) => name !== "age");
  return sealMeta({
    ...rest,
    fields,
    etag: facts.etag,
    lastModified: facts.lastModifiedMs === null ? null : get("last-modified"),
    lastModifiedMs: facts.lastModifiedMs,
    freshness: freshnessOf(facts, { ...fetched, heldMs: fetched.tier?.heldMs ?? 0 }),
    ...(fetched.tier === undefined ? {} : { heldMs: fetched.tier.heldMs }),
    purge: fetched.purge,
    groupEnds: fetched.groupEnds,
    receivedMs: fetched.receivedMs,
  });
}
