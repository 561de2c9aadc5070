import { writeName } from "../../wire/http/mod.ts";

/** An answer of our own: nothing of any site is in it. */
export interface Refusal {
  readonly status: number;
  readonly words: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** The type of error of RFC 9209 2.3 that Proxy-Status names. */
  readonly error?: string;
  /** A reason value, for Proxy-Status too; a token. */
  readonly details?: string;
}

export const refusals = {
  badTarget: {
    status: 400,
    words: "The request's host or target is not valid",
    error: "http_request_error",
  },
  badField: {
    status: 400,
    words: "A field of the request holds bytes that no field may hold",
    error: "http_request_error",
  },
  connectionField: {
    status: 400,
    words: "A field of the request is about a connection of HTTP/1.1",
    error: "http_request_error",
  },
  badUpgrade: {
    status: 400,
    words:
      "This is no WebSocket handshake: its key, version or Connection field is not as RFC 6455 says",
    fields: { "sec-websocket-version": "13" },
    error: "http_request_error",
  },
  badBody: {
    status: 400,
    words: "The request's body is not valid, or broke off",
    error: "http_request_error",
  },
  slowBody: {
    status: 408,
    words: "The request's body came too slowly",
    fields: { connection: "close" },
    error: "http_request_error",
  },
  unknownPath: {
    status: 404,
    words: "No site of this network has that name",
    error: "destination_not_found",
  },
  noObject: {
    status: 404,
    words: "No object is named",
    error: "http_request_denied",
  },
  method: {
    status: 405,
    words: "This method is not served here",
    fields: { allow: "GET, HEAD, OPTIONS" },
    error: "http_request_denied",
  },
  notTheirName: {
    status: 404,
    words: "No web server shows an authority that it holds a name of this network's",
    error: "http_request_denied",
  },
  serviceWorker: {
    status: 403,
    words: "No service worker is served on a name that customers share",
    error: "http_request_denied",
  },
  tooLong: {
    status: 414,
    words: "The request's target is too long",
    error: "http_request_error",
  },
  unknownHost: {
    status: 421,
    words: "No site of this network has that host name",
    error: "destination_not_found",
  },
  unruled: {
    status: 500,
    words: "The rules of this site cannot be used",
    error: "proxy_configuration_error",
    details: "rules",
  },
  broken: {
    status: 500,
    words: "This cache made a mistake; the request was not served",
    error: "proxy_internal_error",
  },
  badGateway: {
    status: 502,
    words: "No web server of this site gave an answer",
    error: "http_protocol_error",
  },
  untrusted: {
    status: 502,
    words: "No web server of this site gave an answer",
    error: "tls_certificate_error",
  },
  noTls: {
    status: 502,
    words: "No web server of this site gave an answer",
    error: "tls_protocol_error",
  },
  unreached: {
    status: 504,
    words: "No web server of this site answered in time",
    error: "connection_timeout",
  },
  refused: {
    status: 502,
    words: "No web server of this site gave an answer",
    error: "connection_refused",
  },
  noSnapshot: {
    status: 503,
    words: "This cache is starting and knows no sites yet",
    fields: { "retry-after": "1" },
    error: "proxy_configuration_error",
  },
  noOrigin: {
    status: 503,
    words: "No web server of this site can be used at present",
    fields: { "retry-after": "5" },
    error: "destination_unavailable",
  },
  busy: {
    status: 503,
    words: "The web servers of this site are asked for too much at once",
    fields: { "retry-after": "1" },
    error: "connection_limit_reached",
  },
  greedy: {
    status: 429,
    words: "This connection asks for too much at once that is not held here",
    fields: { "retry-after": "1" },
    error: "connection_limit_reached",
    details: "client-connection",
  },
  crowded: {
    status: 503,
    words: "The sites of this customer ask their web servers for too much at once",
    fields: { "retry-after": "1" },
    error: "connection_limit_reached",
    details: "customer-share",
  },
  uncredentialed: {
    status: 503,
    words: "What the web servers of this site are to be shown is not here",
    fields: { "retry-after": "5" },
    error: "proxy_configuration_error",
    details: "credential-missing",
  },
  onlyIfCached: {
    status: 504,
    words: "It is not held here, and only that was asked for",
    error: "http_request_denied",
    details: "only-if-cached",
  },
  timeout: {
    status: 504,
    words: "No web server of this site answered in time",
    error: "http_response_timeout",
  },
  loop: {
    status: 508,
    words: "This request has been through this network before",
    error: "proxy_loop_detected",
  },
} as const satisfies Record<string, Refusal>;

/**
 * @param node what this cache is called in Proxy-Status
 * @param cacheStatus the Cache-Status member, where the refusal came after a lookup
 */
export function refuse(refusal: Refusal, node: string, cacheStatus?: string): Response {
  return new Response(`${refusal.words}\n`, {
    status: refusal.status,
    headers: {
      "content-type": "text/plain; charset=utf-8",
      "cache-control": "no-store",
      "x-content-type-options": "nosniff",
      ...(refusal.error === undefined ? {} : { "proxy-status": proxyStatus(refusal, node) }),
      ...(cacheStatus === undefined ? {} : { "cache-status": cacheStatus }),
      ...refusal.fields,
    },
  });
}

/** RFC 9209 2; `details` is a String there. */
function proxyStatus({ error, details }: Refusal, node: string): string {
  return `${writeName(node)}; error=${error}${details === undefined ? "" : `; details="${details}"`}`;
}
