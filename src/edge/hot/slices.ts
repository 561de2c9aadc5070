/** Byte ranges of what is held in parts, as its slices: those that are missing are fetched as they are needed. */
import { assert } from "../../base/assert.ts";
import {
  covers,
  isOwnReason,
  isStrong,
  SLICE_BYTES,
  writeRange,
} from "../../policy/caching/mod.ts";
import { type ByteRange, parseContentRange } from "../../wire/http/mod.ts";
import type { Cache, Fields } from "../cache/mod.ts";
import type { Ask } from "./ask.ts";
import { countStream } from "./deliver.ts";
import { type Fetched, replaces } from "./fetched.ts";
import type { Prepared } from "./head.ts";
import { AT_ONCE_BYTES_MAX } from "./limits.ts";
import { getter, saysOfItself } from "./meta.ts";
import { judgePart, readPart } from "./part-came.ts";
import { type PartObject, type Parts, sliceKey, sliceWithin } from "./parts.ts";
import type { Refusal } from "./refuse.ts";

/** The slices of one answer: what they are of, who wants them, and how they came to be at hand. */
export interface Gathering {
  readonly object: PartObject;
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

/** @param o.heldOnly nobody is asked for what is missing */
export function gatheringFor(
  object: PartObject,
  ask: Ask,
  { heldOnly }: { readonly heldOnly?: true } = {},
): Gathering {
  const so = { fetched: false, waited: false, kept: true, alone: false, begun: null };
  return { object, ask, heldOnly: heldOnly === true, ...so };
}

/** A slice that came; not `shared`: for who asked for it alone. */
interface CameSlice {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly shared: boolean;
}

export interface SlicesNeeds {
  readonly cache: Cache<Prepared>;
  readonly parts: Parts;
  readonly fetch: (
    ask: Ask,
    o: { readonly conditions: Fields; readonly prefer: string },
  ) => Promise<Fetched | Refusal>;
}

/**
 * Slices are asked for with If-Range, once for all who want them, and checked against the strong
 * validator of the part that they join; one that differs ends the whole.
 */
export class Slices {
  readonly #needs: SlicesNeeds;
  readonly #coming = new Map<string, Promise<CameSlice | null>>();

  constructor(needs: SlicesNeeds) {
    this.#needs = needs;
  }

  /**
   * What is to be sent as it comes: whether anybody has to be asked for any of it, and whether the first of that
   * can be had and is still of this whole, is found out before anything is sent.
   */
  async begin(from: Gathering, ranges: readonly ByteRange[]): Promise<boolean> {
    const missing = this.#needs.parts.missing(from.object, ranges);
    if (missing !== null && from.heldOnly) return false;
    const index = missing ?? Math.floor(ranges[0]!.first / SLICE_BYTES);
    const bytes = await this.#slice(from, index);
    if (bytes === null) return false;
    if (missing !== null) from.fetched = true;
    from.begun = { index, bytes };
    return true;
  }

  /** A few slices as one, so that the answer has a Content-Length. */
  async joined(from: Gathering, range: ByteRange): Promise<Uint8Array<ArrayBuffer> | null> {
    const whole = new Uint8Array(range.last - range.first + 1);
    for (let at = range.first; at <= range.last; ) {
      const index = Math.floor(at / SLICE_BYTES);
      const bytes = await this.#slice(from, index);
      if (bytes === null) return null;
      const skipped = at - index * SLICE_BYTES;
      const end = Math.min(bytes.byteLength, skipped + range.last + 1 - at);
      const part = bytes.subarray(skipped, end);
      whole.set(part, at - range.first);
      at += part.byteLength;
    }
    return whole;
  }

  /** As many as there are, one after the other, at the client's pace. */
  stream(from: Gathering, range: ByteRange): ReadableStream<Uint8Array> {
    let at = range.first;
    const { ask } = from;
    const counted = countStream(ask);
    let open: { readonly index: number; readonly bytes: Uint8Array } | null = null;
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const index = Math.floor(at / SLICE_BYTES);
          const bytes = open?.index === index ? open.bytes : await this.#slice(from, index);
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
  async #slice(from: Gathering, index: number): Promise<Uint8Array<ArrayBuffer> | null> {
    const { cache } = this.#needs;
    const { object } = from;
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
      return this.#slice(from, index);
    }
    const { turn } = from.ask;
    if (turn?.takeNow() === false) {
      if (!(await turn.take())) return null;
      return this.#slice(from, index).finally(() => turn.give());
    }
    const fetching = this.#fetchSlice(object, from.ask, index).finally(() => {
      if (this.#coming.get(key) === fetching) this.#coming.delete(key);
      turn?.give();
    });
    if (!from.alone) this.#coming.set(key, fetching);
    from.fetched = true;
    const came = await fetching;
    if (came?.shared === false) from.kept = false;
    return came?.bytes ?? null;
  }

  async #fetchSlice(object: PartObject, ask: Ask, index: number): Promise<CameSlice | null> {
    const { parts, fetch } = this.#needs;
    const { etag, part } = object.meta;
    assert(etag !== null && isStrong(etag), "Slices are joined by a strong validator only");
    const range = sliceWithin(index, part.sizeBytes);
    const conditions = [
      ["range", writeRange(range)],
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
      said.first === range.first &&
      said.last === range.last &&
      said.sizeBytes === part.sizeBytes &&
      get("etag") === etag;
    if (!fits) {
      await response.body?.cancel();
      if (endsParts(ask, fetched)) await parts.forget(ask.key);
      return null;
    }
    const bytes = await readPart(ask, fetched);
    if (bytes?.byteLength !== range.last - range.first + 1) return null;
    const { verdict } = judgePart(ask, fetched);
    if (!verdict.store) {
      if (!isOwnReason(verdict.reason)) await parts.forget(ask.key);
      return { bytes, shared: false };
    }
    parts.keepSlice(object, index, bytes);
    return { bytes, shared: true };
  }
}

/**
 * Does what came in place of a slice say that what is held is no more? What one client gets for what it said
 * of itself, or for a mistake of its own, does not; that a slice is not there does.
 */
function endsParts(ask: Ask, fetched: Fetched): boolean {
  if (fetched.response.status === 416) return true;
  return replaces(fetched) && !saysOfItself(ask, fetched);
}
