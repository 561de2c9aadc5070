import type { Clock } from "../../base/clock.ts";
import {
  type ExporterReading,
  exporterLoads,
  ResponseReader,
  readExporter,
} from "../../wire/probe/mod.ts";
import { exchange } from "./exchange.ts";
import { hostField, requestText } from "./http.ts";
import { type CheckOutcome, failed } from "./outcome.ts";

export interface ExporterCheckOptions {
  /** An IP literal: where the URL's host was found to be. */
  readonly address: string;
  readonly url: URL;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** The scrape before, of the same exporter; null at first. */
  readonly previous: ExporterReading | null;
}

export interface Scrape {
  readonly outcome: CheckOutcome;
  /** Null when this scrape failed. */
  readonly reading: ExporterReading | null;
}

/** Ten times what node_exporter serves on a large machine. */
const BODY_BYTES_MAX = 2_097_152;

/** Scrapes a node_exporter once and turns it and the scrape before into loads. */
export async function checkExporter(options: ExporterCheckOptions): Promise<Scrape> {
  const { url, clock } = options;
  const scheme = url.protocol === "https:" ? "https" : "http";
  const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
  const reader = new ResponseReader({ bodyBytesMax: BODY_BYTES_MAX, keepBody: true });
  const outcome = await exchange({
    address: options.address,
    port,
    tls: scheme === "https" ? { serverName: url.hostname } : null,
    request: requestText(hostField(url.hostname, port, scheme), `${url.pathname}${url.search}`),
    reader,
    timeoutMs: options.timeoutMs,
    clock,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if (reader.status !== 0 && reader.status !== 200) {
    return { outcome: failed(`status ${reader.status}`, outcome), reading: null };
  }
  if (!outcome.ok) return { outcome, reading: null };
  if (reader.cut) return { outcome: failed("too large", outcome), reading: null };
  const reading = readExporter(reader.bodyText(), clock.monoMs());
  if (reading === null) return { outcome: failed("not an exporter", outcome), reading: null };
  return { outcome: { ...outcome, loads: exporterLoads(options.previous, reading) }, reading };
}
