/** An answer of our own: nothing of any site is in it. */
export interface Refusal {
  readonly status: number;
  readonly words: string;
  readonly fields?: Readonly<Record<string, string>>;
}

export const refusals = {
  badTarget: { status: 400, words: "The request's host or target is not valid" },
  unknownPath: { status: 404, words: "No site of this network has that name" },
  method: {
    status: 405,
    words: "This method is not served here",
    fields: { allow: "GET, HEAD, OPTIONS" },
  },
  tooLong: { status: 414, words: "The request's target is too long" },
  unknownHost: { status: 421, words: "No site of this network has that host name" },
  broken: { status: 500, words: "This cache made a mistake; the request was not served" },
  badGateway: { status: 502, words: "No web server of this site gave an answer" },
  noSnapshot: {
    status: 503,
    words: "This cache is starting and knows no sites yet",
    fields: { "retry-after": "1" },
  },
  noOrigin: {
    status: 503,
    words: "No web server of this site can be used at present",
    fields: { "retry-after": "5" },
  },
  timeout: { status: 504, words: "No web server of this site answered in time" },
  loop: { status: 508, words: "This request has been through this network before" },
} as const satisfies Record<string, Refusal>;

/** @param cacheStatus the Cache-Status member, where the refusal came after a lookup. */
export function refuse(refusal: Refusal, cacheStatus?: string): Response {
  return new Response(`${refusal.words}\n`, {
    status: refusal.status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...(cacheStatus === undefined ? {} : { "cache-status": cacheStatus }),
      ...refusal.fields,
    },
  });
}
