import type { CheckReport } from "../../model/messages.ts";

/** What one check saw. Timings are ms since its start; null where it did not get so far. */
export interface CheckOutcome {
  readonly ok: boolean;
  /** A few words of ours such as `refused` or `status 503`; never text of the peer's. "" when ok. */
  readonly failure: string;
  readonly connectMs: number | null;
  /** The end of the TLS handshake. */
  readonly tlsMs?: number | null;
  readonly firstByteMs: number | null;
  readonly totalMs: number | null;
  readonly certificateDays?: number;
  readonly note?: string;
  readonly loads?: NonNullable<CheckReport["loads"]>;
}

export function failed(failure: string, timings: Partial<CheckOutcome> = {}): CheckOutcome {
  return { connectMs: null, firstByteMs: null, totalMs: null, ...timings, ok: false, failure };
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused",
  ECONNRESET: "reset",
  EPIPE: "reset",
  ECONNABORTED: "reset",
  ETIMEDOUT: "timeout",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EADDRNOTAVAIL: "unreachable",
  ENETDOWN: "unreachable",
  CERT_HAS_EXPIRED: "certificate expired",
};

/** The short word for a socket's error; its own message may quote the peer and stays here. */
export function failureOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const word = WORDS[code];
  if (word !== undefined) return word;
  return /CERT|SELF_SIGNED|UNABLE_TO|ALTNAME/.test(code) ? "certificate" : "broken connection";
}
