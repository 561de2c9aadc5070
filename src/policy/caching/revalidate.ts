import { matchesStrongly, matchesWeakly, parseHttpDate } from "../../wire/http/mod.ts";

type Fields = readonly (readonly [string, string])[];

/**
 * Fields of a 304 that stay as they were (RFC 9111 3.2): those of the message, those that say how the
 * stored bytes are to be read, and cookies, which are nobody else's (7.3).
 */
const NOT_UPDATED = new Set([
  "content-length",
  "content-encoding",
  // Of the bytes of a message, and a 304 has none (RFC 9530 2).
  ...["content-md5", "content-digest"],
  "content-range",
  "transfer-encoding",
  "set-cookie",
]);

/** What to send so that an unchanged origin answers 304 (RFC 9111 4.3.1). Empty: cannot validate. */
export function conditionFields(stored: {
  readonly etag: string | null;
  readonly lastModified: string | null;
}): Fields {
  const fields: (readonly [string, string])[] = [];
  if (stored.etag !== null) fields.push(["if-none-match", stored.etag]);
  if (stored.lastModified !== null) fields.push(["if-modified-since", stored.lastModified]);
  return fields;
}

/** By what two answers are known to be of the same thing. */
interface Validators {
  /** Null where there is none that is valid. */
  readonly etag: string | null;
  readonly lastModifiedMs: number | null;
}

/** The same of what is stored. */
interface StoredValidators extends Validators {
  /** When it was sent; null where that is not known. */
  readonly dateMs: number | null;
}

/**
 * Is the 304 about what we hold (RFC 9111 4.3.4)? If not, the object is fetched anew without conditions. The
 * first that applies decides:
 *
 *   both have an entity tag                 the same by the weak comparison
 *   the 304 alone has one                   the same Last-Modified; beside a strong tag a strong one (8.8.2.2)
 *   no tags, and both have Last-Modified    the same
 *   else                                    yes: the server was asked about this, and says nothing else
 */
export function selects(stored: StoredValidators, of304: Validators): boolean {
  if (stored.etag !== null) {
    return of304.etag === null || matchesWeakly(of304.etag, stored.etag);
  }
  const same = stored.lastModifiedMs === of304.lastModifiedMs;
  if (of304.etag !== null) {
    const dated = same && stored.lastModifiedMs !== null;
    return dated && (of304.etag.startsWith("W/") || isStrongDate(stored));
  }
  return same || stored.lastModifiedMs === null || of304.lastModifiedMs === null;
}

/** Was it not changed in the very second in which it was sent (RFC 9110 8.8.2.2)? */
function isStrongDate({ lastModifiedMs, dateMs }: StoredValidators): boolean {
  return lastModifiedMs !== null && dateMs !== null && dateMs - lastModifiedMs >= 1000;
}

/**
 * The stored fields with those of the 304 in place of their namesakes (RFC 9111 3.2). A weak tag stays
 * weak: servers that compress on the fly weaken the tag of the bytes, and not that of the 304, where it
 * is the one of other bytes (RFC 9110 8.8.1).
 */
export function mergeNotModified(stored: Fields, from304: Fields): Fields {
  const weak = stored.some(([name, value]) => name === "etag" && value.startsWith("W/"));
  const hardens = ([name, value]: Fields[number]) =>
    weak && name === "etag" && !value.startsWith("W/");
  const news = from304.filter((field) => !NOT_UPDATED.has(field[0]) && !hardens(field));
  const replaced = new Set(news.map(([name]) => name));
  return [...stored.filter(([name]) => !replaced.has(name)), ...news];
}

/**
 * What a 200 to HEAD says of what is stored (RFC 9111 4.3.5): `same`, so its fields are updated, or
 * `other`, so it is outdated: a validator or a length that is not the stored one, also where that has
 * none. Null: nothing, as from any other status.
 */
export function compareHead(
  stored: Validators & { readonly bodyBytes: number },
  head: Validators & { readonly status: number; readonly contentLength: string | null },
): "same" | "other" | null {
  if (head.status !== 200) return null;
  const other =
    (head.etag !== null && head.etag !== stored.etag) ||
    (head.lastModifiedMs !== null && head.lastModifiedMs !== stored.lastModifiedMs) ||
    (head.contentLength !== null && Number(head.contentLength) !== stored.bodyBytes);
  return other ? "other" : "same";
}

/**
 * May a client's conditional request be answered 304 from what is stored (RFC 9111 4.3.2)?
 * If-None-Match wins over If-Modified-Since (RFC 9110 13.2.2), which is held against the time at which
 * it was sent where nothing says when it was modified.
 */
export function isNotModified(
  asked: { readonly ifNoneMatch: string | null; readonly ifModifiedSince: string | null },
  stored: Validators & { readonly sentMs: () => number },
  nowMs: number,
): boolean {
  if (asked.ifNoneMatch !== null) {
    if (asked.ifNoneMatch.trim() === "*") return true;
    return stored.etag !== null && matchesWeakly(asked.ifNoneMatch, stored.etag);
  }
  if (asked.ifModifiedSince === null) return false;
  const sinceMs = parseHttpDate(asked.ifModifiedSince, nowMs);
  return sinceMs !== null && (stored.lastModifiedMs ?? stored.sentMs()) <= sinceMs;
}

/**
 * May a part be cut from what is stored, by the client's If-Range (RFC 9110 13.1.5)? A tag is compared
 * strongly. A date has to be the stored one to the letter, and a strong validator: of something that was
 * not changed in the very second in which it was sent (8.8.2.2).
 */
export function mayCut(
  ifRange: string | null,
  stored: StoredValidators & { readonly lastModified: string | null },
): boolean {
  if (ifRange === null) return true;
  if (ifRange.endsWith('"')) return stored.etag !== null && matchesStrongly(ifRange, stored.etag);
  return ifRange === stored.lastModified && isStrongDate(stored);
}
