/** A parameter's value in quotes (RFC 9110 5.6.4): no comma in it ends a member. */
const QUOTED = /"(?:[^"\\]|\\.)*"/g;

/**
 * How often `cdnId` stands in a CDN-Loop field (RFC 8586 2), parameters left aside. A quote that nobody
 * closes hides nothing: who wrote it at the front could else let a loop run.
 *
 * @example countLoops("a.example; n=1, b.example", "b.example") // 1
 */
export function countLoops(field: string | null, cdnId: string): number {
  if (field === null) return 0;
  const bare = field.replace(QUOTED, "");
  let count = 0;
  for (const member of (bare.includes('"') ? field : bare).split(",")) {
    const name = member.split(";", 1)[0]!.trim().toLowerCase();
    if (name === cdnId) count++;
  }
  return count;
}

/** The field with our own member added at its end; what others wrote stays (RFC 8586 2). */
export function writeCdnLoop(field: string | null, cdnId: string): string {
  return field === null || field === "" ? cdnId : `${field}, ${cdnId}`;
}
