/** `W/"x"` and `"x"`, and their lists (RFC 9110 8.8.3, 13.1.2). */
const LISTED = /(?:W\/)?"[\x21\x23-\x7e\x80-\uffff]*"/g;

function opaque(tag: string): string {
  return tag.startsWith("W/") ? tag.slice(2) : tag;
}

/**
 * If-None-Match: does a listed tag, or `*`, match by the weak comparison (RFC 9110 8.8.3.2)?
 *
 * @example matchesWeakly('W/"a", "b"', '"a"') // true
 */
export function matchesWeakly(list: string, tag: string): boolean {
  if (list.trim() === "*") return true;
  const wanted = opaque(tag);
  return (list.match(LISTED) ?? []).some((listed) => opaque(listed) === wanted);
}

/**
 * If-Match: is the tag listed by the strong comparison, or does `*` stand for any (RFC 9110 13.1.1)?
 *
 * @example listsStrongly('W/"a", "b"', '"a"') // false
 */
export function listsStrongly(list: string, tag: string): boolean {
  if (list.trim() === "*") return true;
  return !tag.startsWith("W/") && (list.match(LISTED) ?? []).some((listed) => listed === tag);
}

/**
 * If-Range: the same tag by the strong comparison; a weak tag never matches.
 *
 * @example matchesStrongly('"a"', '"a"') // true
 */
export function matchesStrongly(given: string, tag: string): boolean {
  return given === tag && !tag.startsWith("W/");
}
