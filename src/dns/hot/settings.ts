import type { RateLimits } from "./rate-limit.ts";

/** What an operator may choose about answers; plain data, so that it can be sent to threads. */
export interface AnswerSettings {
  /** Told to who asks (RFC 5001); "" tells nothing. At most 63 octets. */
  readonly nsid: string;
  /** Null gives no server cookies. */
  readonly cookies: CookieSettings | null;
  /** Null limits nobody. */
  readonly rateLimits: RateLimits | null;
  /** One lookup of so many is written down; 0 for none. */
  readonly sampleEach: number;
}

export interface CookieSettings {
  /**
   * Of 16 octets each: the first makes cookies, all are accepted. Servers that answer at one
   * address, or for one set of NS names, are given the same.
   */
  readonly secrets: readonly Uint8Array[];
  /** A client that sends a cookie over UDP must have ours, or gets BADCOOKIE and a new one. */
  readonly required: boolean;
}

export const PLAIN: AnswerSettings = { nsid: "", cookies: null, rateLimits: null, sampleEach: 0 };
