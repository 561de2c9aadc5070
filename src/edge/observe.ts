import { plainAddress } from "../wire/ip/mod.ts";
import { type AccessEntry, type AccessSink, accessLine } from "./access-log.ts";
import { nothingSent, receive, type Sent } from "./hot/ask.ts";
import type { Connection } from "./hot/serve.ts";
import type { EdgeTable } from "./hot/table.ts";
import type { Leaving } from "./leaving.ts";
import type { LogDelivery } from "./logs/mod.ts";
import type { EdgeMetrics } from "./metrics.ts";
import type { Sendings } from "./sendings.ts";

export interface ObserveParts {
  readonly node: string;
  readonly metrics: EdgeMetrics;
  readonly table: () => EdgeTable | null;
  readonly wallMs: () => number;
  readonly access?: AccessSink;
  /** Logs that owners of sites have sent to them. */
  readonly delivery?: Pick<LogDelivery, "any" | "take">;
  /** Null: the kernel does not tell how far bodies come. */
  readonly sendings: Sendings | null;
  readonly leaving: Leaving;
}

/** `sent` is told what goes out of the body. */
export type Serve = (
  request: Request,
  connection: Connection,
  sent: Sent,
) => Response | Promise<Response>;
export type Handle = (request: Request, connection: Connection) => Response | Promise<Response>;

/**
 * Sees every answer: counted by its status, and written down where that is asked for; one that goes
 * as it comes at its end, or when its client leaves, and a large one when it has arrived.
 */
export function observed(handle: Serve, parts: ObserveParts): Handle {
  const { metrics, access, delivery, sendings, leaving } = parts;
  let seen = 0;
  const note = (
    request: Request,
    response: Response,
    o: Pick<Seen, "client" | "sent"> & { readonly fromMs: number; readonly connection: Connection },
  ): Response => {
    metrics.answered(response.status);
    // Every hit comes here: taken by name, for a rest of the others would be an object made each time.
    const { client, connection, fromMs, sent } = o;
    const here = access !== undefined && ++seen % access.each === 0;
    const logged = here || delivery?.any === true;
    if (sendings?.any === true) besides(sendings, request, { connection, sent });
    if (!logged && sent.held === 0) return response;
    const ms = Math.round((performance.now() - fromMs) * 1000) / 1000;
    const write = () => {
      if (!logged) return;
      const { over } = connection;
      const entry = entryOf(request, response, { ...parts, client, sent, over, ms });
      if (here) access.add(accessLine(entry, access.format));
      if (entry.site !== null) delivery?.take(entry.site, entry);
    };
    if (sent.lasts) sent.ended = write;
    else if (sent.held > 0) sendings?.watch(request, connection, { sent, over: write });
    else if (sent.streamed) return whenSent(response, write);
    else write();
    return response;
  };
  return (request, connection) => {
    const timed = access !== undefined || delivery?.any === true;
    const fromMs = timed ? performance.now() : 0;
    // Once the client is gone its address is not known any more.
    const client = timed ? plainAddress(connection.requestIP(request)?.address ?? "-") : "";
    const watched = sendings !== null && connection.over === undefined;
    const sent = nothingSent(watched);
    const answer = handle(request, connection, sent);
    const how = { client, connection, fromMs, sent };
    if (!(answer instanceof Promise)) return leaving.seen(note(request, answer, how), connection);
    return answer.then((response) => leaving.seen(note(request, response, how), connection));
  };
}

/** Over HTTP/2 other bodies go on the connection of a large one. */
function besides(
  sendings: Sendings,
  request: Request,
  { connection, sent }: { readonly connection: Connection; readonly sent: Sent },
): void {
  if (sent.bytes === 0 || !request.url.startsWith("https:")) return;
  sendings.also(request, connection, sent.bytes);
}

/** The same answer; `over` is called once, at the end of its body or when nobody reads it any more. */
function whenSent(response: Response, ended: () => void): Response {
  const reader = response.body?.getReader();
  let told = false;
  // Who leaves while a part is waited for ends that, too.
  const over = () => {
    if (!told) ended();
    told = true;
  };
  if (reader === undefined) {
    over();
    return response;
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const part = await reader.read().catch((fault: unknown) => {
          over();
          throw fault;
        });
        if (part.value !== undefined) return controller.enqueue(part.value);
        over();
        controller.close();
      },
      cancel(why) {
        over();
        return reader.cancel(why);
      },
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { status: response.status, headers: response.headers });
}

function ownerNow(
  request: Request,
  o: Pick<ObserveParts, "table"> & Pick<Seen, "client">,
): Sent["owner"] {
  const table = o.table();
  const ask = table === null ? null : receive(request, table, o.client);
  return ask === null || "status" in ask ? null : ask.entry;
}

interface Seen {
  readonly client: string;
  readonly over: Connection["over"] | undefined;
  readonly ms: number;
  readonly sent: Sent;
}

function entryOf(
  request: Request,
  response: Response,
  o: Pick<ObserveParts, "node" | "table" | "wallMs"> & Seen,
): AccessEntry {
  const { headers, url } = request;
  // Who has the name by now may be another than he whose answer that was.
  const known = o.sent.owner ?? ownerNow(request, o);
  const length = response.headers.get("content-length");
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const status = response.headers.get("cache-status");
  return {
    atMs: o.wallMs(),
    node: o.node,
    customer: known?.customer ?? null,
    site: known?.hostname ?? null,
    client: o.client,
    method: request.method,
    host: headers.get("host") ?? "",
    path: start < 0 ? url : url.slice(start),
    protocol: o.over ?? (url.startsWith("https:") ? "https" : "http"),
    status: response.status,
    bytes: known !== null ? o.sent.bytes : length === null ? null : Number(length),
    ms: o.ms,
    cacheStatus: status === null ? null : status.slice(status.lastIndexOf(", ") + 1).trim(),
    agent: headers.get("user-agent"),
    referer: headers.get("referer"),
  };
}
