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
  SLICE_BYTES,
  slice,
  storable,
  writeRange,
} from "../../policy/caching/mod.ts";
import { type ByteRange, parseContentRange, parseRanges } from "../../wire/http/mod.ts";
import { type Cache, type Fields, MemoryObject, type ObjectMeta, sealMeta } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { readBody } from "./body.ts";
import type { OutcomeName } from "./count.ts";
import { count, countBytes, countIn, countStream } from "./deliver.ts";
import { dropDigests } from "./digests.ts";
import type { Fetched } from "./fetched.ts";
import { addCacheStatus, byRule, formHeaders, type Prepared, ttlSec } from "./head.ts";
import { AT_ONCE_BYTES_MAX, WHOLE_BYTES_MAX } from "./limits.ts";
import {
  cacheRequestOf,
  dateMsOf,
  describe,
  emptyMeta,
  factsOf,
  getter,
  isUnchanged,
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

/** How a part came to be at hand. */
export interface Serving {
  readonly hit: boolean;
  /** Why it is served though it is stale. */
  readonly detail?: "stale-while-revalidate" | "stale-if-error";
  readonly stored?: boolean;
  /** The origin was asked for exactly what the client wants: its answer goes on as it is. */
  readonly asCame?: boolean;
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
  readonly #coming = new Map<string, Promise<Uint8Array<ArrayBuffer> | null>>();

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
    const facts = factsOf(ask, { status: 206, fields: response.fields }, fetched.receivedMs);
    const part = partOf(get("content-range"), body.bytes.byteLength, facts.etag);
    if (part === null) return null;
    // As a stored 206 it is judged as the 200 that it is a part of (RFC 9111 3.3, 3.4).
    const verdict = storable(cacheRequestOf(ask), { ...facts, status: 200, isPart: false });
    const fits = part.sizeBytes <= ask.entry.site.objectBytesMax;
    const same = before?.meta.part.joins === true && before.meta.etag === facts.etag;
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

  /** Is all that the client wants in this one part? */
  holds(object: PartObject, field: string): boolean {
    const { first, sizeBytes } = object.meta.part;
    const ranges = parseRanges(field, sizeBytes);
    if (ranges === null || ranges === "unsatisfiable") return false;
    const part = { first, bytes: object.bytes.byteLength };
    return ranges.every((range) => covers(part, range));
  }

  /** Is it, with the slices that join it? */
  holdsInSlices(object: PartObject, field: string): boolean {
    const { sizeBytes, joins } = object.meta.part;
    if (this.holds(object, field)) return true;
    const ranges = joins ? parseRanges(field, sizeBytes) : null;
    if (ranges === null || ranges === "unsatisfiable") return false;
    return ranges.every(({ first, last }) => {
      for (let at = Math.floor(first / SLICE_BYTES); at * SLICE_BYTES <= last; at++) {
        if (!this.#holdsSlice(object, at)) return false;
      }
      return true;
    });
  }

  #holdsSlice(object: PartObject, index: number): boolean {
    const { cache } = this.#needs;
    const { first, sizeBytes } = object.meta.part;
    const part = { first, bytes: object.bytes.byteLength };
    if (covers(part, sliceWithin(index, sizeBytes))) return true;
    const key = sliceKey(object, index);
    return cache.find(key, () => null) !== null || cache.mayHoldOnDisk(key);
  }

  keep(object: PartObject): void {
    this.#needs.cache.put(object.meta, object.bytes);
  }

  /**
   * Answers with the part that the client wants. Null: it wants what cannot be had from parts, so it is
   * to be fetched for it alone. Slices are fetched as they are needed.
   */
  async serve(object: PartObject, ask: Ask, how: Serving): Promise<Response | null> {
    const { meta } = object;
    const asked = ask.request.headers;
    const onlyIf = asked.get("if-range");
    const dateMs = dateMsOf(meta.fields, this.#needs.nowMs());
    if (!mayCut(onlyIf, { ...meta, dateMs })) return null;
    const ranges = parseRanges(asked.get("range") ?? "", meta.part.sizeBytes);
    if (ranges === null && how.asCame !== true) return null;
    const headers = this.#headers(object, ask, how);
    if (isUnchanged(meta, asked, this.#needs.nowMs())) {
      count(ask, outcomeOf(how));
      headers.delete("content-range");
      return new Response(null, { status: 304, headers });
    }
    if (how.asCame === true || ranges === null) {
      count(ask, "miss");
      countBytes(ask, object.bytes.byteLength);
      return new Response(object.bytes, { status: 206, headers });
    }
    if (ranges === "unsatisfiable") {
      count(ask, outcomeOf(how));
      sayUnsatisfiable(headers, meta.part.sizeBytes);
      return new Response(null, { status: 416, headers });
    }
    const only = ranges.length === 1 ? ranges[0]! : null;
    const where = only === null ? "" : `bytes ${only.first}-${only.last}/${meta.part.sizeBytes}`;
    if (only !== null) headers.set("content-range", where);
    const body =
      only !== null
        ? await this.#bodyOf(object, ask, only)
        : await this.#several(object, ask, { ranges, headers });
    if (body === null) return null;
    count(ask, outcomeOf(how));
    return new Response(body, { status: 206, headers });
  }

  #headers(object: PartObject, ask: Ask, how: Serving): Headers {
    const { meta } = object;
    const { node, nowMs } = this.#needs;
    const headers = formHeaders(meta.fields, ask, node);
    if (mayEncode(meta, ask.ruled)) sayEncoding(headers, meta, null);
    if (how.asCame !== true) dropDigests(headers, "part");
    const age = ageMs(meta.freshness, meta.receivedMs, nowMs());
    const { hit, stored = false, detail } = how;
    const status = hit
      ? { cache: node, hit, ttlSec: ttlSec(meta, age), ...(detail && { detail }) }
      : { cache: node, fwd: "uri-miss" as const, fwdStatus: 206, stored };
    tellOf(ask, meta, nowMs());
    addCacheStatus(headers, { ...byRule(meta, ask.ruled), ...status });
    const ageSec = Math.floor(age / 1000);
    if (ask.ruled !== null) sayBrowserTtl(headers, ask.ruled, { status: 200, ageSec });
    if (hit || age >= 1000) headers.set("age", String(ageSec));
    return headers;
  }

  async #bodyOf(object: PartObject, ask: Ask, range: ByteRange): Promise<BodyInit | null> {
    const { first, joins } = object.meta.part;
    if (covers({ first, bytes: object.bytes.byteLength }, range)) {
      const bytes = object.bytes.subarray(range.first - first, range.last + 1 - first);
      countBytes(ask, bytes.byteLength);
      return bytes;
    }
    if (!joins) return null;
    if (range.last - range.first < 2 * SLICE_BYTES) {
      const bytes = await this.#whole(object, ask, range);
      if (bytes !== null) countBytes(ask, bytes.byteLength);
      return bytes;
    }
    // What cannot be had is found out before anything is sent.
    const begun = await this.#slice(object, ask, Math.floor(range.first / SLICE_BYTES));
    return begun === null ? null : this.#stream(object, ask, range);
  }

  /**
   * Ranges that lie apart, each as a part of its own (RFC 9110 14.6). Null: with the words between them
   * they are more than the whole, or they cannot be had from slices.
   */
  async #several(
    object: PartObject,
    ask: Ask,
    o: { readonly ranges: readonly ByteRange[]; readonly headers: Headers },
  ): Promise<BodyInit | null> {
    const { ranges, headers } = o;
    const { meta } = object;
    const { sizeBytes, joins } = meta.part;
    const mark = boundaryMark(meta, this.#needs.nowMs());
    const made = multipart(ranges, { sizeBytes, mark, type: headers.get("content-type") });
    if (!joins || made.bytes >= sizeBytes) return null;
    const begun = await this.#slice(object, ask, Math.floor(ranges[0]!.first / SLICE_BYTES));
    if (begun === null) return null;
    headers.delete("content-range");
    headers.set("content-type", made.contentType);
    if (made.bytes > 2 * SLICE_BYTES) {
      const quiet = { ...ask, over: () => {} };
      const read = (range: ByteRange) => this.#stream(object, quiet, range);
      return streamPieces(made.pieces, { read, count: countStream(ask) });
    }
    const pieces: Uint8Array<ArrayBuffer>[] = [];
    for (const piece of made.pieces) {
      const bytes = piece instanceof Uint8Array ? piece : await this.#whole(object, ask, piece);
      if (bytes === null) return null;
      pieces.push(bytes);
    }
    countBytes(ask, made.bytes);
    return new Blob(pieces);
  }

  /** A few slices as one, so that the answer has a Content-Length. */
  async #whole(
    object: PartObject,
    ask: Ask,
    range: ByteRange,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const whole = new Uint8Array(range.last - range.first + 1);
    for (let at = range.first; at <= range.last; ) {
      const index = Math.floor(at / SLICE_BYTES);
      const bytes = await this.#slice(object, ask, index);
      if (bytes === null) return null;
      const from = at - index * SLICE_BYTES;
      const part = bytes.subarray(from, Math.min(bytes.byteLength, from + range.last + 1 - at));
      whole.set(part, at - range.first);
      at += part.byteLength;
    }
    return whole;
  }

  #stream(object: PartObject, ask: Ask, range: ByteRange): ReadableStream<Uint8Array> {
    let at = range.first;
    const counted = countStream(ask);
    let open: { readonly index: number; readonly bytes: Uint8Array } | null = null;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const index = Math.floor(at / SLICE_BYTES);
          const bytes = open?.index === index ? open.bytes : await this.#slice(object, ask, index);
          if (bytes === null) throw new Error("A slice of another whole came");
          open = { index, bytes };
          const from = at - index * SLICE_BYTES;
          const most = Math.min(range.last + 1 - at, AT_ONCE_BYTES_MAX);
          const part = bytes.subarray(from, Math.min(bytes.byteLength, from + most));
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

  /** One slice, held or fetched, once for all who want it. Null: it is not of this whole any more. */
  async #slice(
    object: PartObject,
    ask: Ask,
    index: number,
  ): Promise<Uint8Array<ArrayBuffer> | null> {
    const { cache } = this.#needs;
    const { part } = object.meta;
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
    const coming = this.#coming.get(key);
    if (coming !== undefined) return coming;
    const { turn } = ask;
    if (turn?.takeNow() === false) {
      if (!(await turn.take())) return null;
      return this.#slice(object, ask, index).finally(() => turn.give());
    }
    const fetching = this.#fetchSlice(object, ask, { key, first, last }).finally(() => {
      this.#coming.delete(key);
      turn?.give();
    });
    this.#coming.set(key, fetching);
    return fetching;
  }

  async #fetchSlice(
    object: PartObject,
    ask: Ask,
    o: { readonly key: string; readonly first: number; readonly last: number },
  ): Promise<Uint8Array<ArrayBuffer> | null> {
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
      await cache.purge(partsKey(ask.key));
      return null;
    }
    const body = await readBody(response, {
      wholeBytesMax: WHOLE_BYTES_MAX,
      contentLength: response.contentLength,
      count: (bytes) => countIn(ask, fetched, bytes),
    }).catch(() => null);
    if (body?.kind === "large") await body.rest.cancel();
    if (body?.kind !== "whole" || body.bytes.byteLength !== o.last - o.first + 1) return null;
    const { meta } = object;
    const kept = { ...meta, ...{ key: o.key, vary: [], variant: "", fields: [] } };
    cache.put(sealMeta({ ...kept, bodyBytes: body.bytes.byteLength }), body.bytes);
    return body.bytes;
  }
}

function sliceKey({ meta }: PartObject, index: number): string {
  return `${meta.key} ${meta.part.generation} ${index}`;
}

/** Paths have no spaces, so this is no object's own key. */
export function partsKey(key: string): string {
  return `${key} parts`;
}

function outcomeOf({ hit, detail }: Serving): OutcomeName {
  if (detail !== undefined) return "stale";
  return hit ? "hit" : "miss";
}

function sliceWithin(index: number, sizeBytes: number): ByteRange {
  const { first, last } = slice(index);
  return { first, last: Math.min(last, sizeBytes - 1) };
}
