import type { ResponseFacts } from "./facts.ts";

/** RFC 9111 4.2.2: a tenth of the time since it was last modified is usual. */
const HEURISTIC_PART = 0.1;
const HEURISTIC_MS_MAX = 24 * 3600 * 1000;
/** How long a stale response stands in when no origin can be reached at all (RFC 9111 4.2.4). */
const UNREACHABLE_MS_MAX = 24 * 3600 * 1000;
/** Statuses defined as heuristically cacheable (RFC 9110 15.1), 206 aside. */
const HEURISTIC_STATUS = new Set([200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501]);

/** How long a stored response may be reused, and how old it was when it came. */
export interface Freshness {
  /** Freshness lifetime, ms (RFC 9111 4.2.1). */
  readonly lifetimeMs: number;
  readonly from: "s-maxage" | "max-age" | "expires" | "heuristic" | "none" | "rule";
  /** corrected_initial_age, ms (RFC 9111 4.2.3). */
  readonly initialAgeMs: number;
  /** `no-cache`: validated before every reuse. */
  readonly alwaysValidate: boolean;
  /** How long after it went stale it may stand in for a failed fetch, ms (RFC 5861 4). */
  readonly onErrorMs: number;
  /** How long, when no origin gives any answer: a cache that is disconnected may (RFC 9111 4.2.4). */
  readonly onUnreachableMs?: number;
  /** How long it may be served while it is validated behind the client's back, ms (RFC 5861 3). */
  readonly whileRevalidateMs?: number;
}

/** Explicit lifetime: the first that is there of s-maxage, max-age, Expires (RFC 9111 4.2.1). */
export function hasExplicitFreshness(facts: ResponseFacts): boolean {
  const { sMaxAgeSec, maxAgeSec } = facts.control;
  return sMaxAgeSec !== null || maxAgeSec !== null || facts.expiresMs !== null;
}

export function isHeuristicStatus(status: number): boolean {
  return HEURISTIC_STATUS.has(status);
}

/**
 * @param times when the request went out and when its answer came, ms since the epoch; `heldMs`: how
 *   long caches of the same rules had held it by then, of what a rule gives it
 */
export function freshnessOf(
  facts: ResponseFacts,
  times: { readonly requestedMs: number; readonly receivedMs: number; readonly heldMs?: number },
): Freshness {
  const { control } = facts;
  const dateMs = facts.dateMs ?? times.receivedMs;
  // RFC 9111 4.2.3. The delay is never negative, whatever the wall clock did meanwhile.
  const apparentMs = Math.max(0, times.receivedMs - dateMs);
  const delayMs = Math.max(0, times.receivedMs - times.requestedMs);
  const initialAgeMs = Math.max(apparentMs, facts.ageSec * 1000 + delayMs);
  // RFC 9111 5.2.2.2, 5.2.2.8, 5.2.2.10: these forbid a stale answer even when nothing else can be had.
  const strict =
    control.mustRevalidate ||
    control.proxyRevalidate ||
    control.noCache ||
    control.sMaxAgeSec !== null;
  const staleMs = (sec: number | null, otherwise: number) =>
    strict ? 0 : sec === null ? otherwise : sec * 1000;
  const rest = {
    initialAgeMs,
    alwaysValidate: control.noCache,
    onErrorMs: staleMs(control.staleIfErrorSec, 0),
    onUnreachableMs: staleMs(control.staleIfErrorSec, UNREACHABLE_MS_MAX),
    whileRevalidateMs: staleMs(control.staleWhileRevalidateSec, 0),
    ...givenWindows(facts),
  };
  const given = facts.given?.edgeSec;
  if (given !== undefined) {
    // So long since it came from its origin, however old it was then.
    const thenMs = Math.max(0, initialAgeMs - (times.heldMs ?? 0));
    return { ...rest, lifetimeMs: thenMs + given * 1000, from: "rule" };
  }
  if (control.sMaxAgeSec !== null) {
    return { ...rest, lifetimeMs: control.sMaxAgeSec * 1000, from: "s-maxage" };
  }
  if (control.maxAgeSec !== null) {
    return { ...rest, lifetimeMs: control.maxAgeSec * 1000, from: "max-age" };
  }
  if (facts.expiresMs !== null) {
    return { ...rest, lifetimeMs: Math.max(0, facts.expiresMs - dateMs), from: "expires" };
  }
  if (facts.lastModifiedMs !== null && (control.public || isHeuristicStatus(facts.status))) {
    const since = Math.max(0, dateMs - facts.lastModifiedMs);
    const lifetimeMs = Math.min(since * HEURISTIC_PART, HEURISTIC_MS_MAX);
    return { ...rest, lifetimeMs, from: "heuristic" };
  }
  return { ...rest, lifetimeMs: 0, from: "none" };
}

/** Stale windows of a rule. `must-revalidate`, `proxy-revalidate` and `no-cache` forbid them all the same. */
function givenWindows({ control, given }: ResponseFacts): Partial<Freshness> {
  if (given === undefined || control.mustRevalidate || control.proxyRevalidate || control.noCache) {
    return {};
  }
  const { staleIfErrorSec: onError, staleWhileRevalidateSec: meanwhile } = given;
  return {
    ...(onError === undefined
      ? {}
      : { onErrorMs: onError * 1000, onUnreachableMs: onError * 1000 }),
    ...(meanwhile === undefined ? {} : { whileRevalidateMs: meanwhile * 1000 }),
  };
}

/**
 * current_age, ms (RFC 9111 4.2.3). What came later than the clock says, for it was set back since, is
 * taken to be as old as it is ahead: what came while a clock was a year fast is not fresh for a year.
 */
export function ageMs(freshness: Freshness, receivedMs: number, nowMs: number): number {
  return freshness.initialAgeMs + Math.abs(nowMs - receivedMs);
}

export function isFresh(freshness: Freshness, currentAgeMs: number): boolean {
  return !freshness.alwaysValidate && freshness.lifetimeMs > currentAgeMs;
}

/**
 * May it be served stale because the origin failed? With an answer (5xx) only where the origin said
 * so (RFC 5861 4); without any answer also where it did not forbid it (RFC 9111 4.2.4).
 */
export function mayServeOnError(
  freshness: Freshness,
  currentAgeMs: number,
  answered: boolean,
): boolean {
  const { lifetimeMs, onErrorMs, onUnreachableMs = 0 } = freshness;
  const forMs = answered ? onErrorMs : onUnreachableMs;
  return forMs > 0 && currentAgeMs < lifetimeMs + forMs;
}

/** May it be served now and validated afterwards (RFC 5861 3)? */
export function mayServeWhileRevalidating(freshness: Freshness, currentAgeMs: number): boolean {
  const { lifetimeMs, whileRevalidateMs = 0 } = freshness;
  return currentAgeMs >= lifetimeMs && currentAgeMs < lifetimeMs + whileRevalidateMs;
}
