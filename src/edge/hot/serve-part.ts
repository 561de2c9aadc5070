/**
 * An answer from what is held in parts: the byte ranges that the client wants, its conditions, and what
 * Cache-Status says of it. `deliver` does the same of what is held whole.
 */
import { ageMs, covers, mayCut, SLICE_BYTES } from "../../policy/caching/mod.ts";
import { type ByteRange, parseRanges } from "../../wire/http/mod.ts";
import type { Ask } from "./ask.ts";
import type { DeliveryStatus, Fwd } from "./count.ts";
import { countBytes, countDelivered, countStream, notModified } from "./deliver.ts";
import { dropDigests } from "./digests.ts";
import { addCacheStatus, byRule, formHeaders, ttlSec } from "./head.ts";
import { dateMsOf } from "./meta.ts";
import { boundaryMark, multipart, streamPieces } from "./multipart.ts";
import type { PartObject } from "./parts.ts";
import { mayEncode, sayEncoding } from "./rules-encode.ts";
import { sayBrowserTtl, sayUnsatisfiable } from "./rules-fields.ts";
import { type Gathering, gatheringFor, type Slices } from "./slices.ts";
import { tellOf } from "./tier.ts";
import type { Works } from "./works.ts";

/**
 * How what tells of the whole came to be at hand. With the slices that its answer needs it makes what
 * Cache-Status says (RFC 9211 2.1, 2.2), and the counts:
 *
 *   it came for this request             fwd=uri-miss, vary-miss or stale
 *   a slice had to be asked for          fwd=partial
 *   somebody else had asked for all      the same, collapsed
 *   nobody was asked                     hit
 *   it stands in for an answer           fwd=stale
 */
export interface Serving {
  /** Left out: it was held. */
  readonly came?: Pick<DeliveryStatus, "stored" | "whyNot"> & {
    readonly fwd: Fwd;
    /** The origin was asked for exactly what the client wants: its answer goes on as it is. */
    readonly asCame: boolean;
  };
  /** It was held once somebody else's fetch of it had been waited for; why that one's was made. */
  readonly waited?: Fwd;
  /** Why it is served though it is stale. */
  readonly detail?: "stale-while-revalidate" | "stale-if-error";
  /** Nobody is asked for what is missing: there is no answer then. */
  readonly heldOnly?: true;
}

/**
 * Answers with the part that the client wants. Null: it wants what cannot be had from parts, so it is
 * to be fetched for it alone. Slices are fetched as they are needed.
 */
export async function servePart(
  works: Works,
  ask: Ask,
  object: PartObject,
  how: Serving,
): Promise<Response | null> {
  const { slices } = works;
  const { meta } = object;
  const asked = ask.request.headers;
  const nowMs = works.nowMs();
  const from = gatheringFor(object, ask, how);
  const headers = headersOf(works, ask, object, how);
  const answer = (response: Response) => {
    const status = statusOfParts(works, object, how, from);
    addCacheStatus(response.headers, { ...byRule(meta, ask.ruled), ...status });
    countDelivered(ask, status);
    return response;
  };
  const same = notModified(meta, ask, { headers, nowMs });
  if (same !== null) return answer(same);
  if (!mayCut(asked.get("if-range"), { ...meta, dateMs: dateMsOf(meta.fields, nowMs) })) {
    return null;
  }
  if (how.came?.asCame === true) {
    countBytes(ask, object.bytes.byteLength);
    return answer(new Response(object.bytes, { status: 206, headers }));
  }
  const ranges = parseRanges(asked.get("range") ?? "", meta.part.sizeBytes);
  if (ranges === null) return null;
  if (ranges === "unsatisfiable") {
    sayUnsatisfiable(headers, meta.part.sizeBytes);
    return answer(new Response(null, { status: 416, headers }));
  }
  const only = ranges.length === 1 ? ranges[0]! : null;
  const where = only && `bytes ${only.first}-${only.last}/${meta.part.sizeBytes}`;
  if (where !== null) headers.set("content-range", where);
  const body =
    only !== null
      ? await bodyOf(slices, from, only)
      : await several(slices, from, { ranges, headers, nowMs });
  return body === null ? null : answer(new Response(body, { status: 206, headers }));
}

/** What is said of an answer from these slices; without them: of one for which none was missing. */
export function statusOfParts(
  works: Works,
  { meta }: PartObject,
  { came, waited, detail }: Serving,
  from: Pick<Gathering, "fetched" | "waited" | "kept"> | null = null,
): DeliveryStatus {
  const { node: cache } = works;
  if (came !== undefined) {
    const { asCame: _, ...said } = came;
    return { cache, ...said, fwdStatus: 206 };
  }
  const partial = { cache, fwd: "partial", fwdStatus: 206 } as const;
  if (from?.fetched === true) return { ...partial, stored: from.kept };
  if (from?.waited === true) return { ...partial, collapsed: true };
  if (waited !== undefined) return { ...partial, fwd: waited, collapsed: true };
  const ttl = { ttlSec: ttlSec(meta, ageMs(meta.freshness, meta.receivedMs, works.nowMs())) };
  // What stands in for an answer is no `hit`: the request went forward (RFC 9211 2.1).
  if (detail === "stale-if-error") return { cache, fwd: "stale", ...ttl, detail };
  return { cache, hit: true, ...ttl, ...(detail && { detail }) };
}

/** All but Cache-Status. */
function headersOf(works: Works, ask: Ask, { meta }: PartObject, { came }: Serving): Headers {
  const { node } = works;
  const headers = formHeaders(meta.fields, ask, node);
  if (mayEncode(meta, ask.ruled)) sayEncoding(headers, meta, null);
  if (came?.asCame !== true) dropDigests(headers, "part");
  const age = ageMs(meta.freshness, meta.receivedMs, works.nowMs());
  tellOf(ask, meta, works.nowMs());
  const ageSec = Math.floor(age / 1000);
  if (ask.ruled !== null) sayBrowserTtl(headers, ask.ruled, { status: 200, ageSec });
  if (came === undefined || age >= 1000) headers.set("age", String(ageSec));
  return headers;
}

async function bodyOf(slices: Slices, from: Gathering, range: ByteRange): Promise<BodyInit | null> {
  const { object, ask } = from;
  const { first, joins } = object.meta.part;
  if (covers({ first, bytes: object.bytes.byteLength }, range)) {
    const bytes = object.bytes.subarray(range.first - first, range.last + 1 - first);
    countBytes(ask, bytes.byteLength);
    return bytes;
  }
  if (!joins) return null;
  if (range.last - range.first < 2 * SLICE_BYTES) {
    const bytes = await slices.joined(from, range);
    if (bytes !== null) countBytes(ask, bytes.byteLength);
    return bytes;
  }
  if (!(await slices.begin(from, [range]))) return null;
  return slices.stream({ ...from, heldOnly: false }, range);
}

/**
 * Ranges that lie apart, each as a part of its own (RFC 9110 14.6). Null: with the words between them
 * they are more than the whole, or they cannot be had from slices.
 */
async function several(
  slices: Slices,
  from: Gathering,
  o: { readonly ranges: readonly ByteRange[]; readonly headers: Headers; readonly nowMs: number },
): Promise<BodyInit | null> {
  const { ranges, headers } = o;
  const { ask, object } = from;
  const { meta } = object;
  const { sizeBytes, joins } = meta.part;
  const mark = boundaryMark(meta, o.nowMs);
  const made = multipart(ranges, { sizeBytes, mark, type: headers.get("content-type") });
  if (!joins || made.bytes >= sizeBytes) return null;
  if (made.bytes > 2 * SLICE_BYTES) {
    if (!(await slices.begin(from, ranges))) return null;
    sayMultipart(headers, made);
    const quiet = { ...from, ask: { ...ask, over: () => {} }, heldOnly: false };
    const read = (range: ByteRange) => slices.stream(quiet, range);
    return streamPieces(made.pieces, { read, count: countStream(ask), over: ask.over });
  }
  const pieces: Uint8Array<ArrayBuffer>[] = [];
  for (const piece of made.pieces) {
    const bytes = piece instanceof Uint8Array ? piece : await slices.joined(from, piece);
    if (bytes === null) return null;
    pieces.push(bytes);
  }
  sayMultipart(headers, made);
  countBytes(ask, made.bytes);
  return new Blob(pieces);
}

function sayMultipart(headers: Headers, made: { readonly contentType: string }): void {
  headers.delete("content-range");
  headers.set("content-type", made.contentType);
}
