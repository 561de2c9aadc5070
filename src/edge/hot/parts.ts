/**
 * What is held of objects that are not held whole: found, taken from what came, and kept. Nobody is
 * asked for anything here (hot/slices), and nobody answered (hot/serve-part, hot/held-in-parts).
 */
import { assert } from "../../base/assert.ts";
import {
  covers,
  isOwnReason,
  type OwnReason,
  type Part,
  partOf,
  SLICE_BYTES,
  slice,
} from "../../policy/caching/mod.ts";
import { type ByteRange, parseRanges } from "../../wire/http/mod.ts";
import { type Cache, MemoryObject, type ObjectMeta, sealMeta } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import type { Fetched } from "./fetched.ts";
import type { Prepared } from "./head.ts";
import { describe, emptyMeta, getter } from "./meta.ts";
import { judgePart, readPart } from "./part-came.ts";

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

export interface PartsNeeds {
  readonly cache: Cache<Prepared>;
  readonly banned: (meta: ObjectMeta) => "hard" | "soft" | null;
  /** 64 random bits as text. */
  readonly generation: () => string;
}

/**
 * Parts of objects that are not held whole. The first 206 is stored as it came, under a key of its
 * own; further slices lie beside it and belong to it by its generation, so a purge of the one leaves
 * none of the others to be found.
 */
export class Parts {
  readonly #needs: PartsNeeds;

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
    const bytes = await readPart(ask, fetched);
    if (bytes === null) return null;
    const { facts, verdict } = judgePart(ask, fetched);
    const contentRange = getter(response.fields)("content-range");
    const part = partOf(contentRange, bytes.byteLength, facts.etag);
    if (part === null) return null;
    const fits = part.sizeBytes <= ask.entry.site.objectBytesMax;
    const was = before?.meta;
    const same =
      was?.part.joins === true && was.etag === facts.etag && was.part.sizeBytes === part.sizeBytes;
    const meta = sealMeta({
      ...describe(emptyMeta(ask, facts, response), facts, fetched),
      key: partsKey(ask.key),
      bodyBytes: bytes.byteLength,
      part: {
        ...part,
        generation: same ? before!.meta.part.generation : this.#needs.generation(),
        origin: fetched.origin,
      },
    });
    const object = new MemoryObject<Prepared>(meta, bytes) as PartObject;
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
    return object.meta.part.joins && this.missing(object, ranges) === null;
  }

  /** The first slice of these that is not held; null: all are. */
  missing(object: PartObject, ranges: readonly ByteRange[]): number | null {
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
      this.keepSlice(object, index, before.bytes);
    }
  }

  keepSlice(object: PartObject, index: number, bytes: Uint8Array<ArrayBuffer>): void {
    const key = sliceKey(object, index);
    const kept = { ...object.meta, ...{ key, vary: [], variant: "", fields: [] } };
    this.#needs.cache.put(sealMeta({ ...kept, bodyBytes: bytes.byteLength }), bytes);
  }

  /** Drops what is held in parts under this key. */
  forget(key: string): Promise<void> {
    return this.#needs.cache.purge(partsKey(key));
  }
}

/** Paths have no spaces, so this is no object's own key. */
export function partsKey(key: string): string {
  return `${key} parts`;
}

export function sliceKey({ meta }: PartObject, index: number): string {
  return `${meta.key} ${meta.part.generation} ${index}`;
}

export function wholeOf({ meta }: PartObject): ByteRange {
  return { first: 0, last: meta.part.sizeBytes - 1 };
}

export function sliceWithin(index: number, sizeBytes: number): ByteRange {
  const { first, last } = slice(index);
  return { first, last: Math.min(last, sizeBytes - 1) };
}
