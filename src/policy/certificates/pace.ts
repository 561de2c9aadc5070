import { getDomain } from "tldts";
import type { Acme } from "../../model/acme.ts";

const HOUR_MS = 3_600_000;
const WEEK_MS = 7 * 24 * HOUR_MS;
const RETRY_FIRST_MS = 300_000;
const RETRY_MS_MAX = 24 * HOUR_MS;
/** Of a certificate's lifetime: renewed when so much has passed, or up to so much earlier. */
const RENEW_PART = 2 / 3;
const RENEW_SPREAD = 1 / 20;

/** An order that was sent to the authority. */
export interface Ordered {
  readonly atMs: number;
  /** As `registeredDomain()` has it. */
  readonly domain: string;
  /** It follows a certificate for the same name: authorities do not count these by the week. */
  readonly renewal: boolean;
}

/**
 * The domain by which authorities count: of the public suffix list, private suffixes among them.
 *
 * @example registeredDomain("www.shop.example.co.uk") // "example.co.uk"
 */
export function registeredDomain(host: string): string {
  return getDomain(host, { allowPrivateDomains: true }) ?? host;
}

/**
 * When another order may be sent, as the limits have it; `nowMs` for at once.
 *
 * @param ordered what was sent in the last week, in any order
 */
export function mayOrderAtMs(
  ordered: readonly Ordered[],
  next: { readonly domain: string; readonly renewal: boolean },
  o: { readonly limits: Acme["limits"]; readonly nowMs: number },
): number {
  const { limits, nowMs } = o;
  const hourly = freeAtMs(ordered, { spanMs: HOUR_MS, most: limits.perHour, nowMs });
  if (next.renewal) return hourly;
  const alike = ordered.filter(({ domain, renewal }) => !renewal && domain === next.domain);
  const weekly = freeAtMs(alike, { spanMs: WEEK_MS, most: limits.perWeek, nowMs });
  return Math.max(hourly, weekly);
}

function freeAtMs(
  ordered: readonly Ordered[],
  o: { readonly spanMs: number; readonly most: number; readonly nowMs: number },
): number {
  const within = ordered.map(({ atMs }) => atMs).filter((atMs) => atMs > o.nowMs - o.spanMs);
  if (within.length < o.most) return o.nowMs;
  const oldest = within.sort((a, b) => b - a)[o.most - 1] ?? o.nowMs;
  return oldest + o.spanMs;
}

/** So old that no limit looks at it. */
export function isForgotten({ atMs }: Ordered, nowMs: number): boolean {
  return atMs <= nowMs - WEEK_MS;
}

/**
 * When a name that failed is tried again: after 5 minutes, twice as long each time up to a day, a fifth
 * more or less; not before the authority said.
 *
 * @param o failures: in a row, this one among them; draw: in [0, 1)
 */
export function retryAtMs(o: {
  readonly failures: number;
  readonly nowMs: number;
  readonly draw: number;
  readonly afterMs: number | null;
}): number {
  const plain = RETRY_FIRST_MS * 2 ** Math.min(o.failures - 1, 20);
  const waitMs = Math.min(plain, RETRY_MS_MAX) * (0.8 + 0.4 * o.draw);
  return o.nowMs + Math.round(Math.max(waitMs, Math.min(o.afterMs ?? 0, RETRY_MS_MAX)));
}

/**
 * When a certificate is renewed: somewhere in the window that its authority suggests (RFC 9773 4.2), else
 * when two thirds of its lifetime have passed, or a little earlier.
 *
 * @param o draw: in [0, 1)
 */
export function renewAtMs(o: {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly draw: number;
  readonly window: { readonly start: number; readonly end: number } | null;
}): number {
  const { notBeforeMs, notAfterMs, draw, window } = o;
  if (window !== null) return Math.round(window.start + (window.end - window.start) * draw);
  const part = RENEW_PART - RENEW_SPREAD * draw;
  return Math.round(notBeforeMs + (notAfterMs - notBeforeMs) * part);
}
