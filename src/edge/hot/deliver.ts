import { assert } from "../../base/assert.ts";
import type { WhyNot } from "../../model/why-not.ts";
import { ageMs, mayCut } from "../../policy/caching/mod.ts";
import { type ByteRange, type CacheStatus, parseRanges } from "../../wire/http/mod.ts";
import type { DiskObject, MemoryObject, ObjectMeta, Spool } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { readBlocks } from "./blocks.ts";
import { countWhyNot, type DeliveryStatus, type OutcomeName } from "./count.ts";
import { DIGESTS, dropDigests } from "./digests.ts";
import type { Fetched } from "./fetched.ts";
import { handOver } from "./hand-over.ts";
import { addCacheStatus, byRule, formHeaders, type Prepared, sayRanges } from "./head.ts";
import { AT_ONCE_BYTES_MAX, FILE_BYTES_MAX } from "./limits.ts";
import { dateMsOf, isUnchanged } from "./meta.ts";
import { boundaryMark, multipart, streamPieces } from "./multipart.ts";
import { encodedFor, isDatedTwice } from "./rules-encode.ts";
import { sayBrowserTtl, sayUnsatisfiable } from "./rules-fields.ts";
import { tellOf } from "./tier.ts";

/** An object in whatever state it is held. */
export type Held =
  | MemoryObject<Prepared>
  | DiskObject
  | { readonly kind: "spool"; readonly meta: ObjectMeta; readonly spool: Spool };

/** All of a large object, in slices that are all held (hot/held-in-parts). */
export interface OfSlices {
  readonly kind: "slices";
  readonly meta: ObjectMeta;
  readonly read: (ask: Ask) => ReadableStream<Uint8Array>;
}

export interface Delivery {
  readonly node: string;
  readonly nowMs: number;
  readonly status: DeliveryStatus;
}

/** Fields that speak of a body, which a 304 has not (RFC 9110 15.4.5). */
const OF_A_BODY = [
  ...["content-type", "content-encoding", "content-language", "content-range"],
  ...DIGESTS,
];

/**
 * The step `deliver` for an object that is held: in this order
 *
 *   a worker of this node asked             all of it, as it is
 *   If-None-Match, If-Modified-Since hold   304
 *   HEAD                                    head only
 *   a coding that the client takes is held  200, the whole in that coding; not where a range is asked
 *   byte ranges, If-Range holds             206, of several parts where they lie apart, or 416
 *   else                                    200, or whatever status was stored
 */
export function deliver(held: Held | OfSlices, ask: Ask, how: Delivery): Response {
  const { meta } = held;
  if (ask.handOver === true && held.kind !== "spool" && held.kind !== "slices") {
    const handed = handOver(held, ask, how.status);
    if (handed !== null) return handed;
  }
  const headers = formHeaders(meta.fields, ask, how.node);
  addCacheStatus(headers, { ...byRule(meta, ask.ruled), ...how.status });
  const age = ageMs(meta.freshness, meta.receivedMs, how.nowMs);
  const ageSec = Math.floor(age / 1000);
  if (ask.ruled !== null) sayBrowserTtl(headers, ask.ruled, { status: meta.status, ageSec });
  const firstHand = !isReused(how.status) && meta.receivedMs >= how.nowMs - 1000;
  if (!firstHand || age >= 1000) headers.set("age", String(ageSec));
  countDelivered(ask, how.status);
  tellOf(ask, meta, how.nowMs);
  const asked = ask.request.headers;
  const encoded = encodedFor(held, ask, headers);
  if (meta.status === 200) {
    const same = notModified(meta, ask, { headers, nowMs: how.nowMs });
    if (same !== null) return same;
    if (encoded === null) sayRanges(headers, meta);
  }
  if (ask.method === "HEAD") {
    headers.set("content-length", String(encoded?.bytes.byteLength ?? meta.bodyBytes));
    return new Response(null, { status: meta.status, headers });
  }
  if (encoded !== null) {
    countBytes(ask, encoded.bytes.byteLength);
    return new Response(encoded.bytes, { status: meta.status, headers });
  }
  const mayBeCut = meta.status === 200 && !isDatedTwice(meta, ask);
  let ranges = mayBeCut ? rangesOf(asked, held, how.nowMs) : null;
  if (ranges === "unsatisfiable") {
    sayUnsatisfiable(headers, meta.bodyBytes);
    dropDigests(headers, "part");
    return new Response(null, { status: 416, headers });
  }
  if (ranges !== null && ranges.length > 1) {
    const response = deliverParts(held, ask, { ranges, headers, nowMs: how.nowMs });
    if (response !== null) return response;
    ranges = null;
  }
  const range = ranges?.[0] ?? null;
  if (range !== null) {
    headers.set("content-range", `bytes ${range.first}-${range.last}/${meta.bodyBytes}`);
    dropDigests(headers, "part");
  }
  const status = range === null ? meta.status : 206;
  if (held.kind === "file") {
    const part = range ?? { first: 0, last: meta.bodyBytes - 1 };
    return new Response(fileBody(held, ask, { part, nowMs: how.nowMs, headers }), {
      status,
      headers,
    });
  }
  return new Response(bodyOf(held, ask, range), { status, headers });
}

/** 304 where the client has it already; null: it has not. */
export function notModified(
  meta: ObjectMeta,
  ask: Ask,
  { headers, nowMs }: { readonly headers: Headers; readonly nowMs: number },
): Response | null {
  if (!isUnchanged(meta, ask.request.headers, nowMs)) return null;
  headers.delete("content-range");
  // A cache that asks has the body, and renews its fields by these (RFC 9111 3.2).
  if (ask.tier === undefined) for (const name of OF_A_BODY) headers.delete(name);
  return new Response(null, { status: 304, headers });
}

function rangesOf(
  asked: Headers,
  held: Held | OfSlices,
  nowMs: number,
): readonly ByteRange[] | "unsatisfiable" | null {
  const { meta } = held;
  const field = asked.get("range");
  // A body whose length is not known yet is sent whole; a server may (RFC 9110 14.2). Of slices parts are
  // cut before (hot/serve-part): what comes here is for who gets all of it.
  if (field === null || meta.bodyBytes < 0 || held.kind === "slices") return null;
  const only = asked.get("if-range");
  if (only !== null && !mayCut(only, { ...meta, dateMs: dateMsOf(meta.fields, nowMs) })) {
    return null;
  }
  const ranges = parseRanges(field, meta.bodyBytes);
  if (held.kind !== "spool" || ranges === null || ranges === "unsatisfiable") return ranges;
  // A body on its way is read from front to end.
  return ranges.length === 1 && held.spool.mayStartAt(ranges[0]!.first) ? ranges : null;
}

/**
 * True where a part is asked for that a body on its way has not come to for long, so that all of it
 * would be sent, and its server says that it can be asked for parts.
 */
export function isAhead(held: Held, asked: Headers, nowMs: number): boolean {
  const field = asked.get("range");
  const { bodyBytes, fields } = held.meta;
  if (held.kind !== "spool" || field === null || bodyBytes < 0) return false;
  if (!fields.some(([name, value]) => name === "accept-ranges" && value === "bytes")) return false;
  const ranges = parseRanges(field, bodyBytes);
  if (ranges === null || ranges === "unsatisfiable") return false;
  return rangesOf(asked, held, nowMs) === null;
}

/**
 * Ranges that lie apart, each as a part of its own (RFC 9110 14.6). Null: with the words between them
 * they would be more than the whole, which is sent then (threats H12).
 */
function deliverParts(
  held: Held | OfSlices,
  ask: Ask,
  o: { readonly ranges: readonly ByteRange[]; readonly headers: Headers; readonly nowMs: number },
): Response | null {
  assert(
    held.kind !== "spool" && held.kind !== "slices",
    "Several parts are cut from what is held to its end",
  );
  const { headers } = o;
  const { bodyBytes } = held.meta;
  const made = multipart(o.ranges, {
    ...{ sizeBytes: bodyBytes, mark: boundaryMark(held.meta, o.nowMs) },
    type: headers.get("content-type"),
  });
  if (made.bytes >= bodyBytes) return null;
  headers.set("content-type", made.contentType);
  dropDigests(headers, "part");
  if (held.kind === "file") {
    const counted = countStream(ask);
    const read = (range: ByteRange) => readBlocks(held, range, counted);
    const body = streamPieces(made.pieces, { read, count: counted, over: ask.over });
    return new Response(body, { status: 206, headers });
  }
  const content = held.kind === "memory" ? held.content : held.bytes;
  const parts = made.pieces.map((piece) => {
    if (piece instanceof Uint8Array) return piece;
    const [first, end] = [piece.first, piece.last + 1];
    return content instanceof Blob ? content.slice(first, end) : content.subarray(first, end);
  });
  countBytes(ask, made.bytes);
  return new Response(new Blob(parts), { status: 206, headers });
}

/**
 * What was checked goes from the file to the client without passing through this process, and with a
 * Content-Length; all else block by block, checked as it goes.
 */
function fileBody(
  held: Extract<DiskObject, { kind: "file" }>,
  ask: Ask,
  o: { readonly part: ByteRange; readonly nowMs: number; readonly headers: Headers },
): BodyInit {
  const { part, nowMs, headers } = o;
  const { stored } = held;
  const bytes = part.last + 1 - part.first;
  // The runtime says application/octet-stream of a file where the origin said nothing.
  const atOnce = ask.sent?.watched === false ? AT_ONCE_BYTES_MAX : FILE_BYTES_MAX;
  const asFile = bytes <= atOnce && headers.has("content-type");
  if (!asFile || !stored.isChecked(part, nowMs)) {
    return readBlocks(held, part, countStream(ask), ask.over);
  }
  countBytes(ask, bytes);
  return stored.files.body(stored.path, part.first, part.last + 1);
}

function bodyOf(
  held: Exclude<Held, { kind: "file" }> | OfSlices,
  ask: Ask,
  range: ByteRange | null,
): BodyInit | null {
  if (held.kind === "slices") return held.read(ask);
  if (held.meta.status === 204 || held.meta.status === 205) return null;
  if (held.kind === "memory" || held.kind === "whole") {
    const body = held.kind === "memory" ? held.body() : held.bytes;
    const part = range ?? { first: 0, last: held.meta.bodyBytes - 1 };
    countBytes(ask, part.last + 1 - part.first);
    if (range === null) return body;
    const [first, end] = [range.first, range.last + 1];
    return body instanceof Blob ? body.slice(first, end) : body.subarray(first, end);
  }
  return held.spool.read(range, countStream(ask), ask.over);
}

/** Did it come for another request than this one? Then it has an Age (RFC 9111 4). */
function isReused(status: CacheStatus): boolean {
  return status.hit === true || status.collapsed === true || isServedStale(status);
}

function isServedStale({ detail }: CacheStatus): boolean {
  return detail?.startsWith("stale-") === true;
}

function outcomeOf(status: CacheStatus): OutcomeName {
  const { hit, fwd, fwdStatus, collapsed } = status;
  if (isServedStale(status)) return "stale";
  if (hit === true) return "hit";
  if (collapsed === true) return "collapsed";
  return fwd === "stale" && fwdStatus === 304 ? "revalidated" : "miss";
}

function whyNotOf({ whyNot, collapsed }: DeliveryStatus): WhyNot {
  return whyNot ?? (collapsed === true ? "collapsed" : "not-held");
}

/** Counts an answer as what Cache-Status says of it. */
export function countDelivered(ask: Pick<Ask, "entry">, status: DeliveryStatus): void {
  count(ask, outcomeOf(status), whyNotOf(status));
}

/**
 * The step `count`: what is billed, and what pages show.
 *
 * @param whyNot why it is no hit, where it is none
 */
export function count(
  ask: Pick<Ask, "entry">,
  outcome: OutcomeName,
  whyNot: WhyNot = "not-held",
): void {
  const { usage, counts } = ask.entry;
  usage.requests++;
  counts.requests++;
  counts.outcomes[outcome]++;
  if (outcome !== "hit" && outcome !== "stale") {
    countWhyNot(counts, whyNot);
    return;
  }
  usage.hits++;
  counts.hits++;
}

/** Body bytes handed to the client's connection. Of large bodies it is waited until they have arrived. */
export function countBytes(ask: Pick<Ask, "entry" | "sent">, bytes: number): void {
  const { sent } = ask;
  if (sent?.watched === true && !sent.streamed && bytes > AT_ONCE_BYTES_MAX) {
    sent.held += bytes;
    sent.entry = ask.entry;
    return;
  }
  if (sent != null) sent.bytes += bytes;
  ask.entry.usage.bytesOut += bytes;
  ask.entry.counts.bytesOut += bytes;
}

/** Body bytes that came from an origin; what came from a parent is counted there. */
export function countIn(ask: Ask, from: Pick<Fetched, "tier">, bytes: number): void {
  if (from.tier === undefined) ask.entry.usage.bytesIn += bytes;
}

/** The same for a body that goes as it comes: what was read for a client that has left is not sent. */
export function countStream(ask: Pick<Ask, "entry" | "sent" | "request">): (bytes: number) => void {
  if (ask.sent != null) ask.sent.streamed = true;
  const { signal } = ask.request;
  return (bytes) => {
    if (!signal.aborted) countBytes(ask, bytes);
  };
}
