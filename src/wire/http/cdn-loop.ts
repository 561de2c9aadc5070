/**
 * How often `cdnId` stands in a CDN-Loop field (RFC 8586 2), parameters left aside. A quote that nobody
 * closes hides nothing: who wrote it at the front could else let a loop run.
 *
 * @example countLoops("a.example; n=1, b.example", "b.example") // 1
 */
export function countLoops(field: string | null, cdnId: string): number {
  if (field === null) return 0;
  let count = 0;
  for (const member of (withoutQuoted(field) ?? field).split(",")) {
    const name = member.split(";", 1)[0]!.trim().toLowerCase();
    if (name === cdnId) count++;
  }
  return count;
}

/**
 * Without parameters' values in quotes (RFC 9110 5.6.4): no comma in them ends a member. Null where a quote is
 * never closed. Each character is looked at once.
 */
function withoutQuoted(field: string): string | null {
  let bare = "";
  for (let at = 0; ; ) {
    const open = field.indexOf('"', at);
    if (open < 0) return bare + field.slice(at);
    let close = open + 1;
    while (close < field.length && field[close] !== '"') close += field[close] === "\\" ? 2 : 1;
    if (close >= field.length) return null;
    bare += field.slice(at, open);
    at = close + 1;
  }
}

/** The field with our own member added at its end; what others wrote stays (RFC 8586 2). */
export function writeCdnLoop(field: string | null, cdnId: string): string {
  return field === null || field === "" ? cdnId : `${field}, ${cdnId}`;
}
