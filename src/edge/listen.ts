import { listenFault } from "../base/listen-fault.ts";
import { IDLE_SEC } from "./hot/limits.ts";
import type { Handle } from "./observe.ts";
import { UPGRADED, type WebSocketPair, webSocketHandlers } from "./web-sockets.ts";

export type Aside = (request: Request, client: string) => Promise<Response> | null;

/** PEM texts. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
}

/** Who wants to know of each request, at times. */
export interface Watcher {
  readonly any: boolean;
  asked(port: number | undefined): void;
}

export interface ListenOptions {
  readonly hostname: string;
  readonly port: number;
  /** With it HTTP/2 and HTTP/1.1 are spoken, else HTTP/1.1; the first is shown to who names no other. */
  readonly tls?: readonly (Tls & { readonly serverName?: string })[];
  /** Answers what is no customer's, such as DNS queries; null for all else. */
  readonly aside?: Aside | undefined;
  readonly watcher?: Watcher | undefined;
  /** Other listeners of this process or node may have the port already. */
  readonly beside?: boolean;
  /** HTTP/3 is spoken there, over UDP, and nothing else; with `tls` only. */
  readonly http3?: boolean;
}

export interface Listening {
  readonly port: number;
  /** Takes no new connections; what is under way may take so long, then it is cut off. */
  stop(finishMs?: number): Promise<void>;
}

/** Listens at one address and port. Throws what `listenFault()` makes of it. */
export function listenAt(handle: Handle, o: ListenOptions): Bun.Server<WebSocketPair> {
  const { hostname, port, tls, aside, watcher } = o;
  const spoken = o.http3 === true ? { http3: true, http1: false } : { http2: true };
  try {
    return Bun.serve({
      hostname,
      port,
      idleTimeout: IDLE_SEC,
      development: false,
      reusePort: o.beside === true,
      websocket: webSocketHandlers,
      // Handlers answer their own faults: what comes here escaped them. Nothing of it is told.
      error: () => new Response("This cache made a mistake\n", { status: 500, headers: PLAIN }),
      fetch: (request, connection) => {
        if (watcher?.any === true) watcher.asked(connection.requestIP(request)?.port);
        return (
          aside?.(request, connection.requestIP(request)?.address ?? "") ??
          unlessUpgraded(handle(request, connection))
        );
      },
      ...(tls === undefined ? {} : { tls: tls.map((one) => ({ ...one })), ...spoken }),
    });
  } catch (cause) {
    throw listenFault(cause, `${hostname}:${port}`);
  }
}

/** Ends listeners: requests under way are answered within `ms`, and what is quiet is closed at once. */
export async function finish(
  servers: readonly Bun.Server<WebSocketPair>[],
  ms: number,
): Promise<void> {
  await drain(servers, ms);
  await Promise.all(servers.map((server) => server.stop(true)));
}

/** Takes nothing new, and resolves when what is under way was answered, or after `ms`. */
export async function drain(
  servers: readonly Bun.Server<WebSocketPair>[],
  ms: number,
): Promise<void> {
  if (ms <= 0) return;
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([Promise.all(servers.map((server) => server.stop())), late]);
  clearTimeout(timer);
}

/** Listens for HTTP on one port of several addresses; port 0 is settled by the first. */
export async function listen(
  handle: Handle,
  o: { readonly hosts: readonly string[]; readonly port: number; readonly beside?: boolean },
): Promise<Listening> {
  const open: Bun.Server<WebSocketPair>[] = [];
  const stop = (finishMs = 0) => finish(open, finishMs);
  let { port } = o;
  for (const hostname of o.hosts) {
    try {
      const listener = listenAt(handle, { hostname, port, beside: o.beside === true });
      open.push(listener);
      port = listener.port ?? port;
    } catch (fault) {
      await stop();
      throw fault;
    }
  }
  return { port, stop };
}

const PLAIN = { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" };

/** A connection that became a WebSocket gets no answer any more. */
function unlessUpgraded(answer: Response | Promise<Response>) {
  if (!(answer instanceof Promise)) return answer;
  return answer.then((response) => (response === UPGRADED ? undefined : response));
}
