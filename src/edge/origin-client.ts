import { Fault } from "../base/fault.ts";
import type { FaultCode } from "../base/fault-codes.ts";
import { connectionOptions, isHopByHop } from "../wire/http/mod.ts";
import { ORCA_FIELD } from "../wire/probe/mod.ts";
import type { Fields } from "./cache/mod.ts";
import type { OriginClient, OriginRequest, OriginResponse } from "./hot/origin.ts";

const REFUSED = new Set(["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH", "ConnectionRefused"]);

/** The origin client on Bun's `fetch`: by IP literal, with the site's Host and SNI. */
export function fetchOriginClient(): OriginClient {
  const stopping = new AbortController();
  return {
    fetch: (request) => exchange(request, stopping.signal),
    stop: () => stopping.abort(),
  };
}

async function exchange(request: OriginRequest, stopping: AbortSignal): Promise<OriginResponse> {
  const abort = new AbortController();
  const giveUp = () => abort.abort();
  stopping.addEventListener("abort", giveUp, { once: true });
  const timer = setTimeout(giveUp, request.headMs);
  let over = false;
  const ended = () => {
    if (over) return;
    over = true;
    stopping.removeEventListener("abort", giveUp);
    request.onEnd();
  };
  try {
    const response = await fetch(urlOf(request), initOf(request, abort.signal));
    const answer = judge(request, response);
    if (answer.body === null) ended();
    else return { ...answer, body: watched(answer.body, { abort, ended, ms: request.silentMs }) };
    return answer;
  } catch (cause) {
    ended();
    const code = codeOf(cause, abort.signal);
    abort.abort();
    if (cause instanceof Fault) throw cause;
    throw new Fault(code, request.address, { cause });
  } finally {
    clearTimeout(timer);
  }
}

function urlOf(request: OriginRequest): string {
  const host = request.address.includes(":") ? `[${request.address}]` : request.address;
  return `${request.scheme}://${host}:${request.port}${request.path}`;
}

function initOf(request: OriginRequest, signal: AbortSignal): BunFetchRequestInit {
  return {
    method: request.method,
    headers: request.fields.map(([name, value]) => [name, value] as [string, string]),
    body: request.body as BodyInit | null,
    redirect: "manual",
    decompress: false,
    proxy: false,
    signal,
    ...(request.scheme === "https" ? { tls: { serverName: request.hostname } } : {}),
  } as BunFetchRequestInit;
}

/** What `fetch` lets through and a cache must not (threats H5). */
function judge(request: OriginRequest, response: Response): OriginResponse {
  const { headers } = response;
  const coding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  const refuse = (why: string): never => {
    response.body?.cancel().catch(() => {});
    throw new Fault("origin-broken", why);
  };
  if (coding !== null && length !== null) refuse("Content-Length and Transfer-Encoding together");
  if (coding !== null && coding.toLowerCase() !== "chunked") refuse("an unknown transfer coding");
  const load = headers.get(ORCA_FIELD);
  const bodiless = request.method === "HEAD" || response.status === 204 || response.status === 304;
  const contentLength = length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null;
  if (response.status < 200 || response.status > 599) refuse("a status out of range");
  return {
    status: response.status,
    fields: endToEnd(headers),
    ...(load === null ? {} : { load }),
    contentLength,
    framed: contentLength !== null || coding !== null || bodiless,
    body: bodiless ? null : response.body,
  };
}

function endToEnd(headers: Headers): Fields {
  const named = connectionOptions(headers.get("connection"));
  const fields: (readonly [string, string])[] = [];
  headers.forEach((value, name) => {
    const lower = name.toLowerCase();
    if (lower !== ORCA_FIELD && !isHopByHop(lower) && !named.has(lower))
      fields.push([lower, value]);
  });
  return fields;
}

/** The body with a limit on silence, and with whatever ends it made known. */
function watched(
  body: ReadableStream<Uint8Array>,
  o: { readonly abort: AbortController; readonly ended: () => void; readonly ms: number },
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const timer = setTimeout(() => o.abort.abort(), o.ms);
        try {
          const { done, value } = await reader.read();
          if (!done) return controller.enqueue(value);
          o.ended();
          controller.close();
        } catch (cause) {
          o.ended();
          throw new Fault(o.abort.signal.aborted ? "origin-timeout" : "origin-broken", "", {
            cause,
          });
        } finally {
          clearTimeout(timer);
        }
      },
      cancel() {
        o.ended();
        o.abort.abort();
      },
    },
    { highWaterMark: 0 },
  );
}

function codeOf(cause: unknown, signal: AbortSignal): FaultCode {
  if (signal.aborted) return "origin-timeout";
  const code = (cause as { code?: string }).code ?? "";
  return REFUSED.has(code) ? "origin-refused" : "origin-broken";
}
