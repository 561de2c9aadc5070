import type { WhyNot } from "../../model/why-not.ts";
import type { ResponseFacts } from "./facts.ts";
import { hasExplicitFreshness, isHeuristicStatus } from "./freshness.ts";

/** What of a request bears on storing its response. */
export interface CacheRequest {
  readonly method: string;
  /** True when the field was sent on to the origin. */
  readonly authorization: boolean;
  readonly cookie: boolean;
  /** The request said `no-store`. */
  readonly noStore: boolean;
  /** The response's Content-Location is what was asked for. */
  readonly locatedHere?: boolean;
  /** The response's Location is what was asked for, by this scheme or another. */
  readonly redirectedHere?: boolean;
}

/** Why a response is stored or not. Values: logs, Cache-Status and tests use them. */
type Kept = "explicit" | "heuristic" | "validate-only" | "rule";
type NotKept = Extract<
  WhyNot,
  | "method"
  | "status"
  | "same-address"
  | "error-status"
  | "partial"
  | "request-no-store"
  | "no-store"
  | "not-understood"
  | "private"
  | "set-cookie"
  | "authorization"
  | "cookie"
  | "vary-star"
  | "no-freshness"
>;
export type StoreReason = Kept | NotKept;

export type StoreVerdict =
  | { readonly store: true; readonly reason: Kept }
  | { readonly store: false; readonly reason: NotKept };

/**
 * Answers to a request that the client made wrong, so that the next client's right one is not
 * answered with them (cache-poisoned denial of service, threats H9): never stored, whatever they say.
 */
const CLIENTS_FAULT = new Set([400, 408, 411, 412, 413, 415, 416, 417, 421, 426, 429, 431, 501]);

/**
 * True for a status that says nothing of what the next client gets: it blames one request, or is a
 * mistake of the server's. Nobody who asks later has to fetch alone because of it.
 */
export function saysNothingOfOthers(status: number): boolean {
  return status >= 500 || CLIENTS_FAULT.has(status);
}

/** What of a request alone keeps its answer from being kept. */
export type OwnReason = "request-no-store" | "authorization" | "cookie";

/** Is it for what this request said that its answer is not kept? What others get may well be. */
export function isOwnReason(reason: string): reason is OwnReason {
  return reason === "request-no-store" || reason === "authorization" || reason === "cookie";
}

/** Reasons for which an answer to this request may not be kept though others' are. */
export function ownReasons(request: CacheRequest): readonly OwnReason[] {
  return [
    ...(request.noStore ? (["request-no-store"] as const) : []),
    ...(request.authorization ? (["authorization"] as const) : []),
    ...(request.cookie ? (["cookie"] as const) : []),
  ];
}

/** Statuses whose caching rules are known here, for `must-understand` (RFC 9111 5.2.2.3). */
const UNDERSTOOD = new Set([
  200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 307, 308, 401, 402, 403, 404, 406, 407, 409,
  410, 414, 416, 422, 500, 502, 503, 504, 505,
]);
/**
 * Heuristically cacheable though they are errors. 405 and 414 depend on nothing but the key here: what
 * could stand in for the method is never sent on.
 */
const LASTING_ERRORS = new Set([404, 405, 410, 414]);

/**
 * May a shared cache store it (RFC 9111 3)? In order; the first that applies decides:
 *
 *   method other than GET and the POST below              no   3, first point
 *   informational, 206, 304                               no   3, second point; parts have their own place
 *   a redirect to the same address by another scheme      no   stricter: the key has no scheme
 *   a status that blames the request                      no   stricter: H9
 *   must-understand, and a status not known here          no   3, third point; 5.2.2.3
 *   no-store, on either side; not beside must-understand  no   3, fourth point; 5.2.1.5, 5.2.2.3
 *   private                                               no   3, fifth point
 *   Set-Cookie                                            no   stricter: 7.3 only warns
 *   Authorization sent, neither public nor s-maxage       no   3.5; stricter: must-revalidate is not enough
 *   Vary: *                                               no   4.1: it could never be chosen
 *   POST, no 200 with lifetime and Content-Location of its own no   RFC 9110 8.7, 9.3.3
 *   explicit lifetime of nothing, and no validator        no   nothing to reuse
 *   Cookie sent, no lifetime, or one of nothing           no   stricter: a page may depend on it silently
 *   explicit lifetime                                     yes  3, last point
 *   a lifetime that a rule gives                          yes  in place of the heuristics below
 *   error status, but 404, 405, 410, 414 and public ones no   stricter
 *   heuristically cacheable or public, Last-Modified      yes  4.2.2
 *   same, ETag only                                       yes  as stale, to be validated
 *   else                                                  no   nothing to reuse
 */
export function storable(request: CacheRequest, facts: ResponseFacts): StoreVerdict {
  const { control, status } = facts;
  if (request.method !== "GET" && request.method !== "POST") return no("method");
  if (facts.isPart) return no("partial");
  if (status < 200 || status === 304) return no("status");
  if (request.redirectedHere === true && status >= 300 && status < 400) return no("same-address");
  if (CLIENTS_FAULT.has(status)) return no("error-status");
  if (control.mustUnderstand && !UNDERSTOOD.has(status)) return no("not-understood");
  if (control.noStore && !control.mustUnderstand) return no("no-store");
  if (request.noStore) return no("request-no-store");
  if (control.private) return no("private");
  if (facts.setsCookie) return no("set-cookie");
  const shared = control.public || control.sMaxAgeSec !== null;
  if (request.authorization && !shared) return no("authorization");
  if (facts.vary === "*") return no("vary-star");
  const explicit = hasExplicitFreshness(facts);
  if (request.method === "POST" && !(status === 200 && request.locatedHere && explicit)) {
    return no("method");
  }
  const validated = facts.etag !== null || facts.lastModifiedMs !== null;
  const given = facts.given?.edgeSec;
  // A lifetime of nothing is worth keeping only with something to validate by.
  const isNothing = given === undefined ? saysNothing(facts) : given === 0;
  if (explicit && !validated && isNothing) return no("no-freshness");
  // Nor does it say that others may have what comes of these cookies: not even those who wait for it.
  if (request.cookie && !shared && (!explicit || saysNothing(facts))) return no("cookie");
  if (explicit) return yes("explicit");
  if (given !== undefined) return given > 0 || validated ? yes("rule") : no("no-freshness");
  if (status >= 400 && !LASTING_ERRORS.has(status) && !control.public) return no("error-status");
  if (!control.public && !isHeuristicStatus(status)) return no("no-freshness");
  if (control.noCache) return validated ? yes("validate-only") : no("no-freshness");
  if (facts.lastModifiedMs !== null) return yes("heuristic");
  return facts.etag !== null ? yes("validate-only") : no("no-freshness");
}

/** Of an explicit lifetime: is it one of nothing? */
function saysNothing({ control, expiresMs, dateMs, receivedMs }: ResponseFacts): boolean {
  if (control.noCache) return true;
  if (control.sMaxAgeSec !== null) return control.sMaxAgeSec === 0;
  if (control.maxAgeSec !== null) return control.maxAgeSec === 0;
  return expiresMs !== null && expiresMs <= (dateMs ?? receivedMs);
}

function yes(reason: Kept): StoreVerdict {
  return { store: true, reason };
}

function no(reason: NotKept): StoreVerdict {
  return { store: false, reason };
}
