import { assert } from "../../base/assert.ts";
import {
  ageMs,
  covers,
  isOwnReason,
  isStrong,
  mayCut,
  type OwnReason,
  type Part,
  partOf,
  type ResponseFacts,
  SLICE_BYTES,
  type StoreVerdict,
  slice,
  storable,
  writeRange,
} from "../../policy/caching/mod.ts";
import { type ByteRange, parseContentRange, parseRanges } from "../../wire/http/mod.ts";
import { type Cache, type Fields, MemoryObject, type ObjectMeta, sealMeta } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { readBody } from "./body.ts";
import type { DeliveryStatus } from "./count.ts";
import {
  countBytes,
  countDelivered,
  countIn,
  countStream,
  notModified,
  type OfSlices,
} from "./deliver.ts";
import { dropDigests, isOfContent } from "./digests.ts";
import { type Fetched, replaces } from "./fetched.ts";
import { addCacheStatus, byRule, formHeaders, type Prepared, ttlSec } from "./head.ts";
import { AT_ONCE_BYTES_MAX, WHOLE_BYTES_MAX } from "./limits.ts";
import {
  cacheRequestOf,
  dateMsOf,
  describe,
  emptyMeta,
  factsOf,
  getter,
  saysOfItself,
} from "./meta.ts";
import { boundaryMark, multipart, streamPieces } from "./multipart.ts";
import type { Refusal } from "./refuse.ts";
import { mayEncode, sayEncoding } from "./rules-encode.ts";
import { sayBrowserTtl, sayUnsatisfiable } from "./rules-fields.ts";
import { tellOf } from "./tier.ts";

/** What is kept beside the objects: one part that tells of the whole, and slices that join it. */
export interface PartMeta extends Part {
  /** New with each whole: slices of another one are never found. */
  readonly generation: string;
  /** Where it came from: the other parts come from there too. */
  readonly origin: string;
}

export type PartObject = MemoryObject<Prepared> & {
  readonly meta: ObjectMeta & { part: PartMeta };
};

/** Why a request goes forward (RFC 9211 2.2). */
export type Fwd = NonNullable<DeliveryStatus["fwd"]>;

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

/** The slices of one answer: who wants them, and how they came to be at hand. */
interface Gathering {
  readonly ask: Ask;
  readonly heldOnly: boolean;
  /** One was asked for. */
  fetched: boolean;
  /** One was waited for that somebody else had asked for. */
  waited: boolean;
  /** What was asked for is kept. */
  kept: boolean;
  /** What somebody else had asked for was for that one alone. */
  alone: boolean;
  /** What was at hand before anything was sent. */
  begun: { readonly index: number; readonly bytes: Uint8Array<ArrayBuffer> } | null;
}

/** A slice that came; not `shared`: for who asked for it alone. */
interface CameSlice {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly shared: boolean;
}

export interface PartsNeeds {
  readonly node: string;
  readonly cache: Cache<Prepared>;
  readonly nowMs: () => number;
  readonly banned: (meta: ObjectMeta) => "hard" | "soft" | null;
  /** 64 random bits as text. */
  readonly generation: () => string;
  readonly fetch: (
    ask: Ask,
    o: { readonly conditions: Fields; readonly prefer: string },
  ) => Promise<Fetched | Refusal>;
}

/**
 * Parts of objects that are not held whole. The first 206 is stored as it came, under a key of its
 * own; further slices lie beside it and belong to it by its generation, so a purge of the one leaves
 * none of the others to be found. They are asked for with If-Range and checked against the strong
 * validator of the first; one that differs ends the whole.
 */
export class Parts {
  readonly #needs: PartsNeeds;
  readonly #coming = new Map<string, Promise<CameSlice | null>>();

  constructor(needs: PartsNeeds) {
    this.#needs = needs;
  }

  /** The part that tells of the whole, if one is held for this request. */
  async find(ask: Ask): Promise<PartObject | null> {
    const { cache } = this.#needs;
    const key = partsKey(ask.key);
    const held =
      cache.find(key, ask.get) ??
      (cache.mayHoldOnDisk(key) ? await cache.load(key, ask.get) : null);
    if (held === null) return null;
    if (held.kind === "file" || held.meta.part === undefined) return null;
    if (this.#needs.banned(held.meta) === "hard") return null;
    assert(held.meta.customer === ask.entry.customer, "A part goes to its own customer's users");
    if (held.kind === "memory") return held as PartObject;
    return new MemoryObject<Prepared>(held.meta, held.bytes) as PartObject;
  }

  /**
   * What came for a part, read and described. `keep` is false when it may not be stored; `own`: for what
   * the request said. Null: not a part that makes sense.
   */
  async take(
    ask: Ask,
    fetched: Fetched,
    before: PartObject | null,
  ): Promise<{
    readonly object: PartObject;
    readonly keep: boolean;
    readonly own: OwnReason | null;
  } | null> {
    const { response } = fetched;
    const get = getter(response.fields);
    const said = parseContentRange(get("content-range"));
    const body = await readBody(response, {
      wholeBytesMax: WHOLE_BYTES_MAX,
      contentLength: response.contentLength,
      count: (bytes) => countIn(ask, fetched, bytes),
    }).catch(() => null);
    if (body?.kind === "large") await body.rest.cancel();
    if (body?.kind !== "whole" || said === null) return null;
    const { facts, verdict } = judged(ask, fetched);
    const part = partOf(get("content-range"), body.bytes.byteLength, facts.etag);
    if (part === null) return null;
    const fits = part.sizeBytes <= ask.entry.site.objectBytesMax;
    const was = before?.meta;
    const same =
      was?.part.joins === true && was.etag === facts.etag && was.part.sizeBytes === part.sizeBytes;
    const meta = sealMeta({
      ...describe(emptyMeta(ask, facts, response), facts, fetched),
      key: partsKey(ask.key),
      bodyBytes: body.bytes.byteLength,
      part: {
        ...part,
        generation: same ? before!.meta.part.generation : this.#needs.generation(),
        origin: fetched.origin,
      },
    });
    const object = new MemoryObject<Prepared>(meta, body.bytes) as PartObject;
    const whole = response.framed && fetched.unsure !== true;
    const own = !verdict.store && isOwnReason(verdict.reason) ? verdict.reason : null;
    return { object, keep: verdict.store && whole && fits && facts.vary !== "*", own };
  }

  /** Is all that the client wants in this one part, or with the slices that join it? */
  holdsInSlices(object: PartObject, field: string): boolean {
    const { first, sizeBytes } = object.meta.part;
    const ranges = parseRanges(field, sizeBytes);
    if (ranges === null) return false;
    // Nothing of it is needed to say that it is not there.
    if (ranges === "unsatisfiable") return true;
    const own = { first, bytes: object.bytes.byteLength };
    return ranges.every((range) => covers(own, range)) || this.#holdsAll(object, ranges);
  }

  /** Are all slices of the whole held? One that may not be joined with others is never taken for all. */
  holdsWhole(object: PartObject): boolean {
    return this.#holdsAll(object, [wholeOf(object)]);
  }

  #holdsAll(object: PartObject, ranges: readonly ByteRange[]): boolean {
    return object.meta.part.joins && this.#missing(object, ranges) === null;
  }

  /** The first slice of these that is not held; null: all are. */
  #missing(object: PartObject, ranges: readonly ByteRange[]): number | null {
    for (const { first, last } of ranges) {
      for (let at = Math.floor(first / SLICE_BYTES); at * SLICE_BYTES <= last; at++) {
        if (!this.#holdsSlice(object, at)) return at;
      }
    }
    return null;
  }

  #holdsSlice(object: PartObject, index: number): boolean {
    const { cache } = this.#needs;
    const { first, sizeBytes } = object.meta.part;
    const part = { first, bytes: object.bytes.byteLength };
    if (covers(part, sliceWithin(index, sizeBytes))) return true;
    const key = sliceKey(object, index);
    return cache.find(key, () => null) !== null || cache.mayHoldOnDisk(key);
  }

  /** @param before what told of the whole until now: it is a slice as others, where it is of the same */
  keep(object: PartObject, before: PartObject | null): void {
    this.#needs.cache.put(object.meta, object.bytes);
    if (before?.meta.part.generation !== object.meta.part.generation) return;
    const { first, sizeBytes } = before.meta.part;
    const index = Math.floor(first / SLICE_BYTES);
    const range = sliceWithin(index, sizeBytes);
    const isSlice = first === range.first && before.bytes.byteLength === range.last + 1 - first;
    if (isSlice && index * SLICE_BYTES !== object.meta.part.first) {
      this.#keepSlice(object, sliceKey(object, index), before.bytes);
    }
  }

  #keepSlice({ meta }: PartObject, key: string, bytes: Uint8Array<ArrayBuffer>): void {
    const kept = { ...meta, ...{ key, vary: [], variant: "", fields: [] } };
    this.#needs.cache.put(sealMeta({ ...kept, bodyBytes: bytes.byteLength }), bytes);
  }

  /**
   * The whole, where all of it is held: it has been made complete (RFC 9111 3.3, 3.4). One that memory
   * takes is an object as others from then on, where it is to be kept. Null: not all of it is held.
   */
  async whole(
    object: PartObject,
    ask: Ask,
    { keep }: { readonly keep: boolean },
  ): Promise<MemoryObject<Prepared> | OfSlices | null> {
    if (!this.holdsWhole(object)) return null;
    const { part, ...of } = object.meta;
    const fields = of.fields.filter(([name]) => name !== "content-range" && !isOfContent(name));
    const bodyBytes = part.sizeBytes;
    const meta = sealMeta({ ...of, key: ask.key, status: 200, fields, bodyBytes });
    const all = wholeOf(object);
    if (bodyBytes > WHOLE_BYTES_MAX) {
      const read = (by: Ask) => this.#stream(object, gatheringFor(by), all);
      return { kind: "slices", meta, read };
    }
    const { cache } = this.#needs;
    const { purges } = cache;
    const bytes = await this.#whole(object, gatheringFor(ask, { heldOnly: true }), all);
    // Any purge since may have been of it.
    if (bytes === null || purges !== cache.purges) return null;
    const kept = keep ? cache.admit(meta, bytes) : null;
    return kept ?? new MemoryObject<Prepared>(meta, bytes);
  }

  /**
   * Answers with the part that the client wants. Null: it wants what cannot be had from parts, so it is
   * to be fetched for it alone. Slices are fetched as they are needed.
   */
  async serve(object: PartObject, ask: Ask, how: Serving): Promise<Response | null> {
    const { meta } = object;
    const asked = ask.request.headers;
    const nowMs = this.#needs.nowMs();
    const from = gatheringFor(ask, how);
    const headers = this.#headers(object, ask, how);
    const answer = (response: Response) => {
      const status = this.statusOf(object, how, from);
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
        ? await this.#bodyOf(object, from, only)
        : await this.#several(object, from, { ranges, headers });
    return body === null ? null : answer(new Response(body, { status: 206, headers }));
  }

  /** What is said of an answer from these slices; without them: of one for which none was missing. */
  statusOf(
    { meta }: PartObject,
    { came, waited, detail }: Serving,
    from: Pick<Gathering, "fetched" | "waited" | "kept"> | null = null,
  ): DeliveryStatus {
    const { node: cache, nowMs } = this.#needs;
    if (came !== undefined) {
      const { asCame: _, ...said } = came;
      return { cache, ...said, fwdStatus: 206 };
    }
    const partial = { cache, fwd: "partial", fwdStatus: 206 } as const;
    if (from?.fetched === true) return { ...partial, stored: from.kept };
    if (from?.waited === true) return { ...partial, collapsed: true };
    if (waited !== undefined) return { ...partial, fwd: waited, collapsed: true };
    const ttl = { ttlSec: ttlSec(meta, ageMs(meta.freshness, meta.receivedMs, nowMs())) };
    // What stands in for an answer is no `hit`: the request went forward (RFC 9211 2.1).
    if (detail === "stale-if-error") return { cache, fwd: "stale", ...ttl, detail };
    return { cache, hit: true, ...ttl, ...(detail && { detail }) };
  }

  /** All but Cache-Status. */
  #headers(object: PartObject, ask: Ask, { came }: Serving): Headers {
    const { meta } = object;
    const { node, nowMs } = this.#needs;
    const headers = formHeaders(meta.fields, ask, node);
    if (mayEncode(meta, ask.ruled)) sayEncoding(headers, meta, null);
    if (came?.asCame !== true) dropDigests(headers, "part");
    const age = ageMs(meta.freshness, meta.receivedMs, nowMs());
    tellOf(ask, meta, nowMs());
    const ageSec = Math.floor(age / 1000);
    if (ask.ruled !== null) sayBrowserTtl(headers, ask.ruled, { status: 200, ageSec });
    if (came === undefined || age >= 1000) headers.set("age", String(ageSec));
    return headers;
  }

  async #bodyOf(object: PartObject, from: Gathering, range: ByteRange): Promise<BodyInit | null> {
    const { first, joins } = object.meta.part;
    if (covers({ first, bytes: object.bytes.byteLength }, range)) {
      const bytes = object.bytes.subarray(range.first - first, range.last + 1 - first);
      countBytes(from.ask, bytes.byteLength);
      return bytes;
    }
    if (!joins) return null;
    if (range.last - range.first < 2 * SLICE_BYTES) {
      const bytes = await this.#whole(object, from, range);
      if (bytes !== null) countBytes(from.ask, bytes.byteLength);
      return bytes;
    }
    if (!(await this.#begin(object, from, [range]))) return null;
    return this.#stream(object, { ...from, heldOnly: false }, range);
  }

  /**
   * What is to be sent as it comes: whether anybody has to be asked for any of it, and whether the first of that
   * can be had and is still of this whole, is found out before anything is sent.
   */
  async #begin(
    object: PartObject,
    from: Gathering,
    ranges: readonly ByteRange[],
  ): Promise<boolean> {
    const missing = this.#missing(object, ranges);
    if (missing !== null && from.heldOnly) return false;
    const index = missing ?? Math.floor(ranges[0]!.first / SLICE_BYTES);
    const bytes = await this.#slice(object, from, index);
    if (bytes === null) return false;
    if (missing !== null) from.fetched = true;
    from.begun = { index, bytes };
    return true;
  }

  /**
   * Ranges that lie apart, each as a part of its own (RFC 9110 14.6). Null: with the words between them
   * they are more than the whole, or they cannot be had from slices.
   */
  async #several(
    object: PartObject,
    from: Gathering,
    o: { readonly ranges: readonly ByteRange[]; readonly headers: Headers },
  ): Promise<BodyInit | null> {
    const { ranges, headers } = o;
    const { meta } = object;
    const { ask } = from;
    const { sizeBytes, joins } = meta.part;
    const mark = boundaryMark(meta, this.#needs.nowMs());
    const made = multipart(ranges, { sizeBytes, mark, type: headers.get("content-type") });
    if (!joins || made.bytes >= sizeBytes) return null;
    if (made.bytes > 2 * SLICE_BYTES) {
      if (!(await this.#begin(object, from, ranges))) return null;
      sayMultipart(headers, made);
      const quiet = { ...from, ask: { ...ask, over: () => {} }, heldOnly: false };
      const read = (range: ByteRange) => this.#stream(object, quiet, range);
      return streamPieces(made.pieces, { read, count: countStream(ask), over: ask.over });
    }
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (const piece of made.pieces) {
      const bytes = piece instanceof Uint8Array ? piece : await this.#whole(object, from, piece);
      if (bytes === null) return null;
      pieces.push(bytes);
    }
    sayMultipart(headers, made);
    countBytes(ask, made.bytes);
    return new Blob(pieces);
  }

  /** A few slices as one, so that the answer has a Content-Length. */
  async #whole(
    object: PartObject,
    from: Gathering,
    range: ByteRange,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const whole = new Uint8Array(range.last - range.first + 1);
    for (let at = range.first; at <= range.last; ) {
      const index = Math.floor(at / SLICE_BYTES);
      const bytes = await this.#slice(object, from, index);
      if (bytes === null) return null;
      const skipped = at - index * SLICE_BYTES;
      const end = Math.min(bytes.byteLength, skipped + range.last + 1 - at);
      const part = bytes.subarray(skipped, end);
      whole.set(part, at - range.first);
      at += part.byteLength;
    }
    return whole;
  }

  #stream(object: PartObject, from: Gathering, range: ByteRange): ReadableStream<Uint8Array> {
    let at = range.first;
    const { ask } = from;
    const counted = countStream(ask);
    let open: { readonly index: number; readonly bytes: Uint8Array } | null = null;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const index = Math.floor(at / SLICE_BYTES);
          const bytes = open?.index === index ? open.bytes : await this.#slice(object, from, index);
          if (bytes === null) throw new Error("A slice of another whole came");
          open = { index, bytes };
          const skipped = at - index * SLICE_BYTES;
          const most = Math.min(range.last + 1 - at, AT_ONCE_BYTES_MAX);
          const part = bytes.subarray(skipped, Math.min(bytes.byteLength, skipped + most));
          at += part.byteLength;
          counted(part.byteLength);
          controller.enqueue(part);
          if (at <= range.last) return;
          ask.over?.();
          controller.close();
        },
      },
      { highWaterMark: 0 },
    );
  }

  /** One slice, held or fetched, once for all who want it. Null: it cannot be had. */
  async #slice(
    object: PartObject,
    from: Gathering,
    index: number,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const { cache } = this.#needs;
    const { part } = object.meta;
    if (from.begun?.index === index) return from.begun.bytes;
    const { first, last } = sliceWithin(index, part.sizeBytes);
    if (covers({ first: part.first, bytes: object.bytes.byteLength }, { first, last })) {
      return object.bytes.slice(first - part.first, last + 1 - part.first);
    }
    const key = sliceKey(object, index);
    const held =
      cache.find(key, () => null) ??
      (cache.mayHoldOnDisk(key) ? await cache.load(key, () => null) : null);
    if (held !== null && held.kind !== "file" && held.bytes.byteLength === last - first + 1)
      return held.bytes;
    if (from.heldOnly) return null;
    const coming = from.alone ? undefined : this.#coming.get(key);
    if (coming !== undefined) {
      const came = await coming;
      from.waited = true;
      if (came === null || came.shared) return came?.bytes ?? null;
      from.alone = true;
      return this.#slice(object, from, index);
    }
    const { turn } = from.ask;
    if (turn?.takeNow() === false) {
      if (!(await turn.take())) return null;
      return this.#slice(object, from, index).finally(() => turn.give());
    }
    const fetching = this.#fetchSlice(object, from.ask, { key, first, last }).finally(() => {
      if (this.#coming.get(key) === fetching) this.#coming.delete(key);
      turn?.give();
    });
    if (!from.alone) this.#coming.set(key, fetching);
    from.fetched = true;
    const came = await fetching;
    if (came?.shared === false) from.kept = false;
    return came?.bytes ?? null;
  }

  async #fetchSlice(
    object: PartObject,
    ask: Ask,
    o: { readonly key: string; readonly first: number; readonly last: number },
  ): Promise<CameSlice | null> {
    const { cache, fetch } = this.#needs;
    const { etag, part } = object.meta;
    assert(etag !== null && isStrong(etag), "Slices are joined by a strong validator only");
    const conditions = [
      ["range", writeRange(o)],
      ["if-range", etag],
    ] as const;
    const fetched = await fetch(ask, { conditions, prefer: part.origin });
    if ("status" in fetched) return null;
    const { response } = fetched;
    const get = getter(response.fields);
    const said = parseContentRange(get("content-range"));
    const fits =
      response.status === 206 &&
      said !== null &&
      said.first === o.first &&
      said.last === o.last &&
      said.sizeBytes === part.sizeBytes &&
      get("etag") === etag;
    if (!fits) {
      await response.body?.cancel();
      if (endsParts(ask, fetched)) await cache.purge(partsKey(ask.key));
      return null;
    }
    const body = await readBody(response, {
      wholeBytesMax: WHOLE_BYTES_MAX,
      contentLength: response.contentLength,
      count: (bytes) => countIn(ask, fetched, bytes),
    }).catch(() => null);
    if (body?.kind === "large") await body.rest.cancel();
    if (body?.kind !== "whole" || body.bytes.byteLength !== o.last - o.first + 1) return null;
    const { verdict } = judged(ask, fetched);
    if (!verdict.store) {
      if (!isOwnReason(verdict.reason)) await cache.purge(partsKey(ask.key));
      return { bytes: body.bytes, shared: false };
    }
    this.#keepSlice(object, o.key, body.bytes);
    return { bytes: body.bytes, shared: true };
  }
}

function gatheringFor(ask: Ask, { heldOnly }: Pick<Serving, "heldOnly"> = {}): Gathering {
  const so = { fetched: false, waited: false, kept: true, alone: false, begun: null };
  return { ask, heldOnly: heldOnly === true, ...so };
}

/** As a stored 206 a part is judged, and fresh, as the 200 that it is a part of (RFC 9111 3.3, 3.4). */
function judged(
  ask: Ask,
  { response, receivedMs }: Fetched,
): { readonly facts: ResponseFacts; readonly verdict: StoreVerdict } {
  const said = factsOf(ask, { status: 206, fields: response.fields }, receivedMs);
  const facts = { ...said, status: 200, isPart: false };
  return { facts, verdict: storable(cacheRequestOf(ask), facts) };
}

/**
 * Does what came in place of a slice say that what is held is no more? What one client gets for what it said
 * of itself, or for a mistake of its own, does not; that a slice is not there does.
 */
function endsParts(ask: Ask, fetched: Fetched): boolean {
  if (fetched.response.status === 416) return true;
  return replaces(fetched) && !saysOfItself(ask, fetched);
}

function sayMultipart(headers: Headers, made: { readonly contentType: string }): void {
  headers.delete("content-range");
  headers.set("content-type", made.contentType);
}

function sliceKey({ meta }: PartObject, index: number): string {
  return `${meta.key} ${meta.part.generation} ${index}`;
}

/** Paths have no spaces, so this is no object's own key. */
export function partsKey(key: string): string {
  return `${key} parts`;
}

function wholeOf({ meta }: PartObject): ByteRange {
  return { first: 0, last: meta.part.sizeBytes - 1 };
}

function sliceWithin(index: number, sizeBytes: number): ByteRange {
  const { first, last } = slice(index);
  return { first, last: Math.min(last, sizeBytes - 1) };
}
