import { type ByteRange, parseContentRange, parseRanges } from "../../wire/http/mod.ts";

/** Parts of large objects are asked for and kept in slices of this size. */
export const SLICE_BYTES = 512 * 1024;
/** A part that begins by here and is long is read from a fetch of the whole. */
const FROM_START_BYTES = 2 * SLICE_BYTES;
/** Beyond any body; positions up to here are exact numbers. */
const SLICE_INDEX_MAX = 2 ** 33;

/**
 * What to ask an origin for when a client wants a part of what is not held, and nothing is known of it:
 *
 *   several byte ranges                         as for the first of them
 *   no byte range                               null: the whole
 *   begins within the first MiB, and is long    null: the whole, as it comes
 *   the last bytes, at most a slice             the same
 *   the last bytes, more than a slice           the first slice, which tells the length
 *   else                                        the slice that it begins in
 *
 * So one byte of a gigabyte costs a slice (threats H12).
 */
export function partToAsk(field: string): ByteRange | { readonly suffix: number } | null {
  const [one = "", ...others] = field.trim().split(",");
  if (others.length > 0 && parseRanges(field.trim(), Number.MAX_SAFE_INTEGER) === null) return null;
  const match = /^bytes[ \t]*=[ \t]*(\d{0,40})-(\d{0,40})$/i.exec(one.trim());
  if (match === null) return null;
  const [, from, to] = match;
  if (from === "" && to === "") return null;
  if (from === "") return Number(to) <= SLICE_BYTES ? { suffix: Number(to) } : slice(0);
  const first = Number(from);
  const last = to === "" ? Number.POSITIVE_INFINITY : Number(to);
  if (last < first) return null;
  if (first < FROM_START_BYTES && last - first >= FROM_START_BYTES) return null;
  return slice(Math.min(Math.floor(first / SLICE_BYTES), SLICE_INDEX_MAX));
}

/** @param index from 0 */
export function slice(index: number): ByteRange {
  return { first: index * SLICE_BYTES, last: (index + 1) * SLICE_BYTES - 1 };
}

/** The Range field that asks for it. */
export function writeRange(part: ByteRange | { readonly suffix: number }): string {
  return "suffix" in part ? `bytes=-${part.suffix}` : `bytes=${part.first}-${part.last}`;
}

/** What a stored part is a part of. */
export interface Part {
  /** Position of its first byte. */
  readonly first: number;
  /** Of the whole. */
  readonly sizeBytes: number;
  /** True when other parts may be joined with it: by a strong validator (RFC 9111 3.4). */
  readonly joins: boolean;
}

/**
 * A 206 and its body as a part; null when the two cannot belong together. The body is believed: one
 * shorter than Content-Range says, up to the end of the whole, is a part of a shorter whole that is
 * never joined with others.
 */
export function partOf(
  contentRange: string | null,
  bodyBytes: number,
  etag: string | null,
): Part | null {
  const said = parseContentRange(contentRange);
  if (said === null || said.sizeBytes === null || bodyBytes === 0) return null;
  const { first, last, sizeBytes } = said;
  if (last - first + 1 === bodyBytes) return { first, sizeBytes, joins: isStrong(etag) };
  if (bodyBytes > last - first || last + 1 !== sizeBytes) return null;
  return { first, sizeBytes: first + bodyBytes, joins: false };
}

export function isStrong(etag: string | null): boolean {
  return etag?.startsWith('"') ?? false;
}

/** Are these bytes all in a part of `bytes` that begins at `first`? */
export function covers(part: { first: number; bytes: number }, range: ByteRange): boolean {
  return range.first >= part.first && range.last < part.first + part.bytes;
}
