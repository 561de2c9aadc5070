import { type AccessEntry, type AccessSink, accessLine } from "./access-log.ts";
import { receive } from "./hot/ask.ts";
import type { Connection } from "./hot/serve.ts";
import type { EdgeTable } from "./hot/table.ts";
import type { LogDelivery } from "./logs/mod.ts";
import type { EdgeMetrics } from "./metrics.ts";

export interface ObserveParts {
  readonly node: string;
  readonly metrics: EdgeMetrics;
  readonly table: () => EdgeTable | null;
  readonly wallMs: () => number;
  readonly access?: AccessSink;
  /** Logs that owners of sites have sent to them. */
  readonly delivery?: Pick<LogDelivery, "any" | "take">;
}

export type Handle = (request: Request, connection: Connection) => Response | Promise<Response>;

/** Sees every answer: counted by its status, and written down where that is asked for. */
export function observed(handle: Handle, parts: ObserveParts): Handle {
  const { metrics, access, delivery } = parts;
  let seen = 0;
  const note = (request: Request, response: Response, client: string, fromMs: number) => {
    metrics.answered(response.status);
    const here = access !== undefined && ++seen % access.each === 0;
    if (!here && delivery?.any !== true) return;
    const ms = Math.round((performance.now() - fromMs) * 1000) / 1000;
    const entry = entryOf(request, response, { ...parts, client, ms });
    if (here) access.add(accessLine(entry, access.format));
    if (entry.site !== null) delivery?.take(entry.site, entry);
  };
  return (request, connection) => {
    const timed = access !== undefined || delivery?.any === true;
    const fromMs = timed ? performance.now() : 0;
    // Once the client is gone its address is not known any more.
    const client = timed ? (connection.requestIP(request)?.address ?? "-") : "";
    const answer = handle(request, connection);
    if (!(answer instanceof Promise)) {
      note(request, answer, client, fromMs);
      return answer;
    }
    return answer.then((response) => {
      note(request, response, client, fromMs);
      return response;
    });
  };
}

function entryOf(
  request: Request,
  response: Response,
  o: Pick<ObserveParts, "node" | "table" | "wallMs"> & {
    readonly client: string;
    readonly ms: number;
  },
): AccessEntry {
  const { headers, url } = request;
  const table = o.table();
  const ask = table === null ? null : receive(request, table, o.client);
  const known = ask === null || "status" in ask ? null : ask.entry;
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
    protocol: url.startsWith("https:") ? "https" : "http",
    status: response.status,
    bytes: length === null ? null : Number(length),
    ms: o.ms,
    cacheStatus: status === null ? null : status.slice(status.lastIndexOf(", ") + 1).trim(),
    agent: headers.get("user-agent"),
    referer: headers.get("referer"),
  };
}
