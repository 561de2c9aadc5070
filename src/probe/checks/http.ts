import type { Clock } from "../../base/clock.ts";
import { ResponseReader } from "../../wire/probe/mod.ts";
import { exchange } from "./exchange.ts";
import { type CheckOutcome, failed } from "./outcome.ts";

export interface HttpCheckOptions {
  /** An IP literal. */
  readonly address: string;
  readonly port: number;
  readonly scheme: "http" | "https";
  /** Sent as Host and, with https, as the TLS server name. */
  readonly host: string;
  readonly path: string;
  readonly statusMin: number;
  readonly statusMax: number;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/** More of a body than this tells nothing new; the rest is not read. */
const BODY_BYTES_MAX = 262_144;

/** The request of every probe. A redirect is an answer like any other and never followed. */
export function requestText(host: string, path: string): string {
  return [
    `GET ${path} HTTP/1.1`,
    `Host: ${host}`,
    "User-Agent: turnpike-probe",
    "Accept: */*",
    "Connection: close",
    "\r\n",
  ].join("\r\n");
}

/** `Host` names the port where it is not the scheme's own (RFC 9110 7.2). */
export function hostField(host: string, port: number, scheme: "http" | "https"): string {
  return port === (scheme === "https" ? 443 : 80) ? host : `${host}:${port}`;
}

/** GETs one path and judges by the status: the whole time of the response is what load follows. */
export async function checkHttp(options: HttpCheckOptions): Promise<CheckOutcome> {
  const reader = new ResponseReader({ bodyBytesMax: BODY_BYTES_MAX });
  const outcome = await exchange({
    address: options.address,
    port: options.port,
    tls: options.scheme === "https" ? { serverName: options.host } : null,
    request: requestText(hostField(options.host, options.port, options.scheme), options.path),
    reader,
    timeoutMs: options.timeoutMs,
    clock: options.clock,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const { status } = reader;
  const wrong = status !== 0 && (status < options.statusMin || status > options.statusMax);
  return wrong ? failed(`status ${status}`, outcome) : outcome;
}
