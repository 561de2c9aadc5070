/** Positions of the first and last byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * A Range field against a body of `sizeBytes` (RFC 9110 14.1.2, 14.2). Null: to be ignored, for it
 * is not one single byte range (several ranges are answered whole, so no flood of parts can be
 * asked for). "unsatisfiable": 416.
 *
 * @example parseRange("bytes=0-4", 10) // { first: 0, last: 4 }
 */
export function parseRange(text: string, sizeBytes: number): ByteRange | "unsatisfiable" | null {
  const match = /^bytes[ \t]*=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/i.exec(text);
  if (match === null) return null;
  const [, from, to] = match;
  if (from === "") {
    if (to === "") return null;
    const suffix = Number(to);
    if (suffix === 0 || sizeBytes === 0) return "unsatisfiable";
    return { first: Math.max(0, sizeBytes - suffix), last: sizeBytes - 1 };
  }
  const first = Number(from);
  const last = to === "" ? sizeBytes - 1 : Number(to);
  if (to !== "" && last < first) return null;
  if (first >= sizeBytes) return "unsatisfiable";
  return { first, last: Math.min(last, sizeBytes - 1) };
}

/** What part of how much a 206 carries. */
export interface ContentRange extends ByteRange {
  /** The whole representation's length; null when the sender does not know it. */
  readonly sizeBytes: number | null;
}

/**
 * Content-Range of a 206 with one part (RFC 9110 14.4). Null when it is absent or not valid.
 *
 * @example parseContentRange("bytes 0-4/10") // { first: 0, last: 4, sizeBytes: 10 }
 */
export function parseContentRange(text: string | null): ContentRange | null {
  const match = /^bytes[ \t]+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(text?.trim() ?? "");
  if (match === null) return null;
  const [first, last] = [Number(match[1]), Number(match[2])];
  const sizeBytes = match[3] === "*" ? null : Number(match[3]);
  if (last < first || (sizeBytes !== null && last >= sizeBytes)) return null;
  return { first, last, sizeBytes };
}
