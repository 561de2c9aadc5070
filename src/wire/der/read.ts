/** A DER value as it stands in octets that hold more. */
export interface DerValue {
  readonly tag: number;
  /** What is in it. */
  readonly content: Uint8Array;
  /** All of it, head and content. */
  readonly whole: Uint8Array;
}

/**
 * The values that follow each other in these octets; null where that is not DER: a length that is cut
 * short, is indefinite, or takes more octets than it needs (X.690 10.1).
 */
export function readDer(octets: Uint8Array): readonly DerValue[] | null {
  const values: DerValue[] = [];
  let at = 0;
  while (at < octets.length) {
    const tag = octets[at]!;
    const first = octets[at + 1];
    if (first === undefined || (tag & 0x1f) === 0x1f) return null;
    let length = first;
    let from = at + 2;
    if (first >= 0x80) {
      const count = first & 0x7f;
      if (count === 0 || count > 3 || from + count > octets.length) return null;
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + octets[from + i]!;
      if (length < 0x80 || (count > 1 && length < 256 ** (count - 1))) return null;
      from += count;
    }
    const end = from + length;
    if (end > octets.length) return null;
    values.push({ tag, content: octets.subarray(from, end), whole: octets.subarray(at, end) });
    at = end;
  }
  return values;
}
