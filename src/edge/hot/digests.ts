/** Of the bytes of one message; of the representation in its coding (RFC 9530 2 and 3, RFC 3230). */
const DIGESTS_OF_CONTENT = ["content-digest", "content-md5"];
export const DIGESTS = [...DIGESTS_OF_CONTENT, "repr-digest", "digest"];

/** Is it a digest of the bytes of one message, so of a part's alone? */
export function isOfContent(name: string): boolean {
  return DIGESTS_OF_CONTENT.includes(name);
}

/**
 * Takes the origin's digests off an answer in other bytes than it made them of: a part of them, or the
 * whole in another coding. Who checks what it gets would find it broken.
 */
export function dropDigests(headers: Headers, of: "part" | "coding"): void {
  for (const name of of === "part" ? DIGESTS_OF_CONTENT : DIGESTS) headers.delete(name);
}
