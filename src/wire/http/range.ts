/** Positions of the first and last byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/**
 * A Range field against a body of `sizeBytes` (RFC 9110 14.1.2, 14.2). Null: to be ignored, for it
 * is not one single byte range, or all of nothing. "unsatisfiable": 416.
 *
 * @example parseRange("bytes=0-4", 10) // { first: 0, last: 4 }
 */
export function parseRange(text: string, sizeBytes: number): ByteRange | "unsatisfiable" | null {
  // Positions beyond any body are read as what they are: players ask up to the end of 64 bits.
  const match = /^bytes[ \t]*=[ \t]*(\d{0,40})-(\d{0,40})[ \t]*$/i.exec(text);
  if (match === null) return null;
  const [, from, to] = match;
  if (from === "") {
    if (to === "") return null;
    const suffix = Number(to);
    if (suffix === 0) return "unsatisfiable";
    // The last bytes of nothing are all of it, and no Content-Range says so (RFC 9110 14.1.2).
    if (sizeBytes === 0) return null;
    return { first: Math.max(0, sizeBytes - suffix), last: sizeBytes - 1 };
  }
  const first = Number(from);
  const last = to === "" ? sizeBytes - 1 : Number(to);
  if (to !== "" && last < first) return null;
  if (first >= sizeBytes) return "unsatisfiable";
  return { first, last: Math.min(last, sizeBytes - 1) };
}

/** More ranges than this in one field are a field to be ignored (threats H12). */
const RANGES_MAX = 8;

/**
 * A Range field of one or several byte ranges. Those that overlap or touch become one, in the order of
 * their positions (RFC 9110 15.3.7.2), so all together are never more than the body; else they keep
 * their order. Null: to be ignored, for it is not valid or names too many. "unsatisfiable": 416.
 *
 * @example parseRanges("bytes=0-4, -2", 10) // [{ first: 0, last: 4 }, { first: 8, last: 9 }]
 */
export function parseRanges(
  text: string,
  sizeBytes: number,
): readonly ByteRange[] | "unsatisfiable" | null {
  const set = /^bytes[ \t]*=(.*)$/i.exec(text)?.[1];
  if (set === undefined) return null;
  // RFC 9110 5.6.1.2: empty members of a list are nothing.
  const members = set.split(",").map((member) => member.trim());
  const asked = members.filter((member) => member !== "");
  if (asked.length === 0 || members.length > 2 * RANGES_MAX || asked.length > RANGES_MAX)
    return null;
  const ranges: ByteRange[] = [];
  for (const member of asked) {
    const range = parseRange(`bytes=${member}`, sizeBytes);
    if (range === null) return null;
    if (range !== "unsatisfiable") ranges.push(range);
  }
  return ranges.length === 0 ? "unsatisfiable" : joined(ranges);
}

function joined(ranges: readonly ByteRange[]): readonly ByteRange[] {
  const all: ByteRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = all.at(-1);
    if (before === undefined || range.first > before.last + 1) all.push(range);
    else all[all.length - 1] = { first: before.first, last: Math.max(before.last, range.last) };
  }
  return all.length === ranges.length ? ranges : all;
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
