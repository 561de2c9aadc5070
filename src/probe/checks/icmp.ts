import type { Clock } from "../../base/clock.ts";
import type { Rng } from "../../base/rng.ts";
import { exchange } from "./exchange.ts";
import { type CheckOutcome, failed } from "./outcome.ts";
import { type Pinger, pingerOf } from "./ping-socket.ts";

export interface IcmpCheckOptions {
  /** An IP literal. */
  readonly address: string;
  /** Connected to where this machine forbids ping. */
  readonly port: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly signal?: AbortSignal;
  /** Default: this process's own. Null: ping is forbidden. */
  readonly pinger?: Pinger | null;
}

/**
 * One ICMP echo. Where the system allows neither ping sockets nor raw ones, a TCP connection
 * instead: there a refusal is an answer of the host, too.
 */
export async function checkIcmp(options: IcmpCheckOptions): Promise<CheckOutcome> {
  const { address, clock, rng, timeoutMs } = options;
  const pinger =
    options.pinger === undefined
      ? pingerOf(address.includes(":") ? 6 : 4, () => clock.monoMs())
      : options.pinger;
  if (pinger === null) return byTcp(options);
  const rttMs = await pinger.ping(address, rng.bytes(8), timeoutMs);
  if (rttMs === null) return failed("timeout");
  return { ok: true, failure: "", connectMs: null, firstByteMs: rttMs, totalMs: rttMs };
}

async function byTcp(options: IcmpCheckOptions): Promise<CheckOutcome> {
  const { clock } = options;
  const startMs = clock.monoMs();
  const outcome = await exchange({ ...options, tls: null, request: null, reader: null });
  const note = "no ping from this machine: by TCP";
  if (outcome.ok || outcome.failure !== "refused") return { ...outcome, note };
  return { ...outcome, ok: true, failure: "", totalMs: clock.monoMs() - startMs, note };
}
