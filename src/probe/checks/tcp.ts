import type { Clock } from "../../base/clock.ts";
import { exchange } from "./exchange.ts";
import type { CheckOutcome } from "./outcome.ts";

export interface TcpCheckOptions {
  /** An IP literal. */
  readonly address: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/** Connects and hangs up: whoever accepts is up. */
export function checkTcp(options: TcpCheckOptions): Promise<CheckOutcome> {
  return exchange({ ...options, tls: null, request: null, reader: null });
}
