/** What one CAA record says (RFC 8659 4.1). */
export interface Caa {
  /** Who does not know the tag may not issue. */
  readonly critical: boolean;
  /** Lower case. */
  readonly tag: string;
  readonly value: string;
}

const CRITICAL = 0x80;

/**
 * Reads the data of a CAA record; null where its tag is none.
 *
 * @example decodeCaa(Uint8Array.of(0, 5, 105, 115, 115, 117, 101, 59)) // {critical: false, tag: "issue", value: ";"}
 */
export function decodeCaa(bytes: Uint8Array): Caa | null {
  const [flags = 0, length = 0] = bytes;
  const tag = ascii(bytes.subarray(2, 2 + length));
  if (length === 0 || tag.length < length || !/^[A-Za-z0-9]+$/.test(tag)) return null;
  const critical = (flags & CRITICAL) !== 0;
  return { critical, tag: tag.toLowerCase(), value: ascii(bytes.subarray(2 + length)) };
}

/** Each octet as the character of its number. */
function ascii(bytes: Uint8Array): string {
  return Array.from(bytes, (octet) => String.fromCharCode(octet)).join("");
}
