import type { ChangedOfSite } from "../../model/changed.ts";
import type { WhyNot } from "../../model/why-not.ts";
import {
  cacheKey,
  compareHead,
  invalidatedGroups,
  invalidatedPaths,
  isOwnReason,
  isSafe,
  ownReasons,
  storable,
} from "../../policy/caching/mod.ts";
import { formatHttpDate, writeCacheStatus } from "../../wire/http/mod.ts";
import { sealMeta } from "../cache/mod.ts";
import { type Ask, originsAsked } from "./ask.ts";
import { passBody, readBody } from "./body.ts";
import { count, countBytes, countIn, countStream, deliver, type Held } from "./deliver.ts";
import { type Fetched, replaces } from "./fetched.ts";
import type { Watch } from "./flight.ts";
import { addCacheStatus, bodiless, formHeaders, ttlSec } from "./head.ts";
import { WHOLE_BYTES_MAX, WHOLE_MS } from "./limits.ts";
import { cacheRequestOf, describe, emptyMeta, factsOf, getter } from "./meta.ts";
import type { Where } from "./parents.ts";
import { refusals, refuse } from "./refuse.ts";
import { keepRenewed, renewed } from "./renew.ts";
import { forwardsLeft } from "./request-fields.ts";
import { pathsHeld } from "./rules.ts";
import { sayAlone } from "./rules-fields.ts";
import type { EntryRules } from "./rules-table.ts";
import { tellPassed } from "./tier.ts";
import type { Works } from "./works.ts";

/** How an answer is sent on that is not kept. */
interface PassOn {
  readonly fetched: Fetched;
  /** Why it is not kept, for Cache-Status. */
  readonly reason: WhyNot;
  /** What it replaces. */
  readonly stale: Held | null;
  readonly watch?: Watch;
  /** Parts of it are held, and do not fit what is asked for. */
  readonly partial?: true;
}

/** The step `pass`: a fetch for this request alone, nothing kept. */
export async function pass(
  works: Works,
  ask: Ask,
  o: { readonly why?: WhyNot; readonly above?: true; readonly partial?: true } = {},
): Promise<Response> {
  const watch = works.flights.watch(ask.flight);
  try {
    if (forwardsLeft(ask) === 0) return endsHere(works, ask);
    const fetched = await works.fetch(ask, {
      conditions: [],
      shared: false,
      ...(o.above && { above: o.above }),
    });
    if ("status" in fetched) return works.refused(ask, fetched);
    const purged = watch.purged;
    if (ask.method === "HEAD") await judgeParts(works, ask, fetched);
    await invalidate(works, ask, fetched);
    watch.purged = purged;
    const reason =
      isSafe(ask.method) && ask.method !== "OPTIONS" ? (o.why ?? "not-shared") : "method";
    const { partial } = o;
    return await passOn(works, ask, {
      fetched,
      reason,
      stale: null,
      watch,
      ...(partial && { partial }),
    });
  } finally {
    watch.end();
  }
}

/**
 * HEAD about what is held in parts: another whole than theirs ends them (RFC 9111 4.3.5), unless it may be for
 * what this request says of itself.
 */
async function judgeParts(works: Works, ask: Ask, fetched: Fetched): Promise<void> {
  const held = await works.heldParts.find(ask);
  if (held === null || ownReasons(cacheRequestOf(ask)).length > 0) return;
  const facts = factsOf(ask, fetched.response, fetched.receivedMs);
  const contentLength = getter(fetched.response.fields)("content-length");
  const whole = { ...held.meta, bodyBytes: held.meta.part.sizeBytes };
  if (compareHead(whole, { ...facts, contentLength }) !== "other") return;
  await works.heldParts.forget(ask.key);
}

/** OPTIONS that goes no further (RFC 9110 7.6.2): what this cache itself says. */
function endsHere(works: Works, ask: Ask): Response {
  count(ask, "pass", "method");
  const status = writeCacheStatus({ cache: works.node, detail: "max-forwards" });
  const fields = { allow: refusals.method.fields.allow, "cache-status": status };
  return new Response(null, { status: 204, headers: fields });
}

/** RFC 9111 4.4, RFC 9875 3: what an unsafe method changed is not served from before. */
async function invalidate(works: Works, ask: Ask, fetched: Fetched): Promise<void> {
  const { status, fields } = fetched.response;
  const get = getter(fields);
  const { customer, hostname: site, rules } = ask.entry;
  const request = { method: ask.method, at: originsAsked(ask), path: ask.path };
  const paths = invalidatedPaths(request, { status, get });
  const groups = invalidatedGroups(ask.method, { status, get });
  const of = { customer, site, paths, groups };
  works.tellChanged(of);
  await endChanged(works, of, { rules, where: "here" });
}

/** Ends what is held of what an unsafe method changed. */
export async function endChanged(
  works: Works,
  of: ChangedOfSite,
  o: { readonly rules: EntryRules | null; readonly where: Where },
): Promise<void> {
  const { customer, site } = of;
  for (const path of of.paths) {
    for (const held of pathsHeld(o.rules, path)) {
      const key = cacheKey({ customer, site, path: held });
      works.changed(customer, key, o.where);
      await works.purge(key);
    }
  }
  await works.endGroups(of, of.groups);
}

/** HEAD about what is not held fresh: asked for, and what is held is judged by it (RFC 9111 4.3.5). */
export async function passHead(works: Works, ask: Ask, stale: Held | null): Promise<Response> {
  if (stale === null || stale.kind === "spool") {
    return pass(works, ask, works.isPrivate(ask) ? {} : { above: true });
  }
  const watch = works.flights.watch(ask.flight);
  const fetched = await works.fetch(ask, { conditions: [], shared: true });
  watch.end();
  const answered = !("status" in fetched);
  const failed = !answered || fetched.response.status >= 500;
  if (failed && works.mayServeStale(stale.meta, answered)) {
    if (answered) await fetched.response.body?.cancel();
    const fwdStatus = answered ? fetched.response.status : null;
    return staleOnError(works, ask, stale, { fwdStatus });
  }
  if ("status" in fetched) return works.refused(ask, fetched, "stale");
  const facts = factsOf(ask, fetched.response, fetched.receivedMs);
  const contentLength = getter(fetched.response.fields)("content-length");
  const says = compareHead(stale.meta, { ...facts, contentLength });
  const { held, keep, own, moved } = renewed(stale, ask, fetched);
  if (says === "same" && keep && moved) await works.cache.purge(ask.key);
  if (says === "other" || (says === "same" && !keep && own === null)) await works.purge(ask.key);
  else if (says === "same" && keep && !watch.purged) keepRenewed(works.cache, held);
  return passOn(works, ask, { fetched, reason: "stale", stale: null });
}

/**
 * The stale object in place of an answer that cannot be had (RFC 5861 4, RFC 9111 4.2.4). That is no `hit` in
 * Cache-Status: the request went forward (RFC 9211 2.1).
 *
 * @param o.fwdStatus what was answered in place of it; null: nothing was
 */
export function staleOnError(
  works: Works,
  ask: Ask,
  stale: Held,
  { fwdStatus, collapsed }: { readonly fwdStatus: number | null; readonly collapsed?: true },
): Response {
  const { node } = works;
  const ttl = ttlSec(stale.meta, works.ageOf(stale.meta));
  const status = {
    ...{ cache: node, fwd: "stale" as const, ttlSec: ttl, detail: "stale-if-error" },
    ...(fwdStatus === null ? {} : { fwdStatus }),
    ...(collapsed === undefined ? {} : { collapsed }),
  };
  return deliver(stale, ask, { node, nowMs: works.nowMs(), status });
}

/** Sends an answer on that is not kept. */
export async function passOn(works: Works, ask: Ask, o: PassOn): Promise<Response> {
  const { fetched } = o;
  const { response } = fetched;
  const { node } = works;
  // What replaced the stored object may not be stored: the old one is not to be served any more. What one
  // request gets for what it said of itself says nothing of that.
  const replaced = o.stale !== null && !isOwnReason(o.reason) && replaces(fetched);
  if (replaced) await works.cache.purge(ask.key);
  const headers = formHeaders(response.fields, ask, node);
  if (ask.ruled !== null) sayAlone(headers, ask.ruled);
  const miss = o.partial === true ? "partial" : "uri-miss";
  const looked = o.stale === null && o.reason !== "stale" ? miss : "stale";
  const fwd = o.reason === "method" ? "method" : looked;
  addCacheStatus(headers, { cache: node, fwd, fwdStatus: response.status, detail: o.reason });
  // RFC 9110 6.6.1
  if (!headers.has("date")) headers.set("date", formatHttpDate(fetched.receivedMs));
  const upstreamAge = getter(response.fields)("age");
  if (upstreamAge !== null) headers.set("age", upstreamAge);
  tellPassed(ask, fetched, o.reason);
  const { status, contentLength } = response;
  const whyNot = whyPassed(ask, o);
  if (response.body === null && response.whole === undefined) {
    count(ask, "pass", whyNot);
    if (ask.method === "HEAD" && contentLength !== null) {
      headers.set("content-length", String(contentLength));
    }
    return bodiless(ask.method, { status, headers });
  }
  const read = await readBody(response, {
    // Without a length it is sent on as it comes: it may be meant to last.
    wholeBytesMax: contentLength === null ? 0 : WHOLE_BYTES_MAX,
    contentLength: contentLength ?? Number.POSITIVE_INFINITY,
    count: (bytes) => countIn(ask, fetched, bytes),
    holding: works.holding,
    wholeMs: WHOLE_MS,
  }).catch(() => null);
  // It was a parent that broke off, and nothing of its answer has been sent on yet.
  if (read === null && fetched.tier !== undefined) return pass(works, ask);
  count(ask, "pass", whyNot);
  if (read === null) return refuse(refusals.badGateway, node);
  if (read.kind === "large") {
    const o = { first: read.first, countOut: countStream(ask), over: ask.over };
    return new Response(passBody(read.rest, o), { status, headers });
  }
  countBytes(ask, read.bytes.byteLength);
  if (o.watch?.purged === false) keepPosted(works, ask, { fetched, bytes: read.bytes });
  return new Response(read.bytes, { status, headers });
}

/** Of what is fetched for one alone, as it was before: what its own answer says to that. */
function whyPassed(ask: Ask, { fetched, reason }: PassOn): WhyNot {
  if (reason !== "not-shared") return reason;
  if (ask.method === "HEAD") return "head";
  const { response, receivedMs } = fetched;
  const facts = factsOf(ask, response, receivedMs);
  const verdict = storable(cacheRequestOf(ask, facts), facts);
  // The client's own condition held: nothing was said of the object.
  return verdict.store || response.status === 304 ? "not-shared" : verdict.reason;
}

/** An answer to POST that says it is what GET would get (RFC 9110 9.3.3). */
function keepPosted(
  works: Works,
  ask: Ask,
  o: { readonly fetched: Fetched; readonly bytes: Uint8Array<ArrayBuffer> },
): void {
  const { fetched, bytes } = o;
  if (ask.method !== "POST" || bytes.byteLength > ask.entry.site.objectBytesMax) return;
  const { response, receivedMs } = fetched;
  const facts = factsOf(ask, response, receivedMs);
  if (!response.framed || !storable(cacheRequestOf(ask, facts), facts).store) return;
  const meta = describe(emptyMeta(ask, facts, response), facts, fetched);
  works.cache.admit(sealMeta({ ...meta, bodyBytes: bytes.byteLength }), bytes);
}
