import type { Clock } from "../../base/clock.ts";
import { orcaOf, ResponseReader, readOrca } from "../../wire/probe/mod.ts";
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
  /** In place of the range. */
  readonly statuses?: readonly number[];
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  /** Text that must stand in what is read of the body. */
  readonly bodyHas?: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

/** More of a body than this tells nothing new; the rest is not read. */
export const BODY_BYTES_MAX = 262_144;

/** The request of every probe. A redirect is an answer like any other and never followed. */
export function requestText(
  host: string,
  path: string,
  more: {
    readonly method?: "GET" | "HEAD";
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): string {
  const fields = new Map([
    ["user-agent", "User-Agent: turnpike-probe"],
    ["accept", "Accept: */*"],
  ]);
  for (const [name, value] of Object.entries(more.headers ?? {})) {
    fields.set(name.toLowerCase(), `${name}: ${value}`);
  }
  const first = [`${more.method ?? "GET"} ${path} HTTP/1.1`, `Host: ${host}`];
  return [...first, ...fields.values(), "Connection: close", "\r\n"].join("\r\n");
}

/** `Host` names the port where it is not the scheme's own (RFC 9110 7.2). */
export function hostField(host: string, port: number, scheme: "http" | "https"): string {
  return port === (scheme === "https" ? 443 : 80) ? host : `${host}:${port}`;
}

/** Asks for one path and judges by status and body: load follows the whole time of the response. */
export async function checkHttp(options: HttpCheckOptions): Promise<CheckOutcome> {
  const { method = "GET", headers = {}, bodyHas } = options;
  const reader = new ResponseReader({
    bodyBytesMax: BODY_BYTES_MAX,
    keepBody: bodyHas !== undefined,
    bodiless: method === "HEAD",
  });
  const host = hostField(options.host, options.port, options.scheme);
  const outcome = await exchange({
    address: options.address,
    port: options.port,
    tls: options.scheme === "https" ? { serverName: options.host } : null,
    request: requestText(host, options.path, { method, headers }),
    reader,
    timeoutMs: options.timeoutMs,
    clock: options.clock,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const { status } = reader;
  const wrong = judgeStatus(status, options);
  if (wrong !== null) return failed(wrong, outcome);
  const missing = bodyHas !== undefined && outcome.ok && !reader.bodyText().includes(bodyHas);
  if (missing) return failed("body without the text", outcome);
  const loads = readOrca(orcaOf((name) => reader.field(name)));
  return outcome.ok && loads.length > 0 ? { ...outcome, loads } : outcome;
}

/** What is wrong with a status; null for one that passes, and for none (0). */
export function judgeStatus(status: number, o: HttpCheckOptions): string | null {
  return status === 0 || passes(status, o) ? null : `status ${status}`;
}

function passes(status: number, o: HttpCheckOptions): boolean {
  if (o.statuses !== undefined) return o.statuses.includes(status);
  return status >= o.statusMin && status <= o.statusMax;
}
