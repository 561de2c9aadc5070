import type { Clock } from "../../base/clock.ts";
import { exchange } from "./exchange.ts";
import type { CheckOutcome } from "./outcome.ts";

export interface TlsCheckOptions {
  /** An IP literal. */
  readonly address: string;
  readonly port: number;
  readonly serverName: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/** Shakes hands and hangs up: passes when the certificate is trusted, in time and fits the name. */
export function checkTls(options: TlsCheckOptions): Promise<CheckOutcome> {
  const tls = { serverName: options.serverName };
  return exchange({ ...options, tls, request: null, reader: null });
}
