import type { Clock } from "../../base/clock.ts";
import { loadOfObject, ResponseReader, readLoadObject } from "../../wire/probe/mod.ts";
import { exchange } from "./exchange.ts";
import { hostField, requestText } from "./http.ts";
import { type CheckOutcome, failed } from "./outcome.ts";

export interface LoadObjectOptions {
  /** An IP literal: where the URL's host was found to be. */
  readonly address: string;
  readonly url: URL;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
}

const BODY_BYTES_MAX = 65_536;

/** Fetches a load object, JSON or XML, and turns it into the load that the server reports. */
export async function checkLoadObject(options: LoadObjectOptions): Promise<CheckOutcome> {
  const { url, address, timeoutMs, clock, signal } = options;
  const scheme = url.protocol === "https:" ? "https" : "http";
  const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
  const reader = new ResponseReader({ bodyBytesMax: BODY_BYTES_MAX, keepBody: true });
  const outcome = await exchange({
    address,
    port,
    tls: scheme === "https" ? { serverName: url.hostname } : null,
    request: requestText(hostField(url.hostname, port, scheme), `${url.pathname}${url.search}`),
    reader,
    timeoutMs,
    clock,
    ...(signal === undefined ? {} : { signal }),
  });
  if (reader.status !== 0 && reader.status !== 200) {
    return failed(`status ${reader.status}`, outcome);
  }
  if (!outcome.ok) return outcome;
  if (reader.cut) return failed("too large", outcome);
  const object = readLoadObject(reader.bodyText());
  if (object === null) return failed("not a load object", outcome);
  return { ...outcome, loads: [loadOfObject(object)] };
}
