/**
 * How often `cdnId` stands in a CDN-Loop field (RFC 8586 2), parameters left aside.
 *
 * @example countLoops("a.example; n=1, b.example", "b.example") // 1
 */
export function countLoops(field: string | null, cdnId: string): number {
  if (field === null) return 0;
  let count = 0;
  for (const member of field.split(",")) {
    const name = member.split(";", 1)[0]!.trim().toLowerCase();
    if (name === cdnId) count++;
  }
  return count;
}

/** The field with our own member added at its end; what others wrote stays (RFC 8586 2). */
export function writeCdnLoop(field: string | null, cdnId: string): string {
  return field === null || field === "" ? cdnId : `${field}, ${cdnId}`;
}
