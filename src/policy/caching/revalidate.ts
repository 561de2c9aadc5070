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

/**
 * Is the 304 about what we hold (RFC 9111 4.3.4)? One with a different entity tag is not, and the
 * object is fetched anew without conditions.
 */
export function selects(storedEtag: string | null, etagOf304: string | null): boolean {
  if (etagOf304 === null || storedEtag === null) return true;
  return matchesWeakly(etagOf304, storedEtag);
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
 * `other`, so it is outdated. Null: nothing, as from any other status.
 */
export function compareHead(
  stored: {
    readonly etag: string | null;
    readonly lastModified: string | null;
    readonly bodyBytes: number;
  },
  head: { readonly status: number; get(name: string): string | null },
): "same" | "other" | null {
  if (head.status !== 200) return null;
  const length = head.get("content-length");
  const differs = (ours: string | null, theirs: string | null) =>
    ours !== null && theirs !== null && ours !== theirs;
  const other =
    differs(stored.etag, head.get("etag")) ||
    differs(stored.lastModified, head.get("last-modified")) ||
    (length !== null && Number(length) !== stored.bodyBytes);
  return other ? "other" : "same";
}

/**
 * May a client's conditional request be answered 304 from what is stored (RFC 9111 4.3.2)?
 * If-None-Match wins over If-Modified-Since (RFC 9110 13.2.2).
 */
export function isNotModified(
  asked: { readonly ifNoneMatch: string | null; readonly ifModifiedSince: string | null },
  stored: { readonly etag: string | null; readonly lastModifiedMs: number | null },
  nowMs: number,
): boolean {
  if (asked.ifNoneMatch !== null) {
    if (asked.ifNoneMatch.trim() === "*") return true;
    return stored.etag !== null && matchesWeakly(asked.ifNoneMatch, stored.etag);
  }
  if (asked.ifModifiedSince === null || stored.lastModifiedMs === null) return false;
  const sinceMs = parseHttpDate(asked.ifModifiedSince, nowMs);
  return sinceMs !== null && stored.lastModifiedMs <= sinceMs;
}

/**
 * May a part be cut from what is stored, by the client's If-Range (RFC 9110 13.1.5)? A tag is compared
 * strongly. A date has to be the stored one to the letter, and a strong validator: of something that was
 * not changed in the very second in which it was sent (8.8.2.2).
 */
export function mayCut(
  ifRange: string | null,
  stored: {
    readonly etag: string | null;
    readonly lastModified: string | null;
    readonly lastModifiedMs: number | null;
    /** When it was sent; null where that is not known. */
    readonly dateMs: number | null;
  },
): boolean {
  if (ifRange === null) return true;
  if (ifRange.endsWith('"')) return stored.etag !== null && matchesStrongly(ifRange, stored.etag);
  const { lastModified, lastModifiedMs, dateMs } = stored;
  if (lastModifiedMs === null || dateMs === null || ifRange !== lastModified) return false;
  return dateMs - lastModifiedMs >= 1000;
}
