import { listenFault } from "../base/listen-fault.ts";
import type { Handle } from "./observe.ts";
import { UPGRADED, type WebSocketPair, webSocketHandlers } from "./web-sockets.ts";

/** Quiet connections are closed after this; while an origin is asked, hot/limits says longer. */
const IDLE_SEC = 10;

export type Aside = (request: Request, client: string) => Promise<Response> | null;

export interface Listening {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Listens on one port of several addresses; port 0 is settled by the first. With `tls` it speaks
 * HTTP/2 and HTTP/1.1, else HTTP/1.1. Throws what `listenFault()` makes of it, with nothing left open.
 */
export async function listen(
  handle: Handle,
  o: {
    readonly hosts: readonly string[];
    readonly port: number;
    readonly tls?: { readonly cert: string; readonly key: string };
    /** Answers what is no customer's, such as DNS queries; null for all else. */
    readonly aside?: Aside;
  },
): Promise<Listening> {
  const open: Bun.Server<WebSocketPair>[] = [];
  const stop = async () => {
    await Promise.all(open.map((listener) => listener.stop(true)));
  };
  let { port } = o;
  for (const hostname of o.hosts) {
    try {
      const listener = Bun.serve({
        hostname,
        port,
        idleTimeout: IDLE_SEC,
        development: false,
        websocket: webSocketHandlers,
        fetch: (request, connection) =>
          o.aside?.(request, connection.requestIP(request)?.address ?? "") ??
          unlessUpgraded(handle(request, connection)),
        ...(o.tls === undefined ? {} : { tls: { ...o.tls }, http2: true }),
      });
      open.push(listener);
      port = listener.port ?? port;
    } catch (cause) {
      await stop();
      throw listenFault(cause, `${hostname}:${port}`);
    }
  }
  return { port, stop };
}

/** A connection that became a WebSocket gets no answer any more. */
function unlessUpgraded(answer: Response | Promise<Response>) {
  if (!(answer instanceof Promise)) return answer;
  return answer.then((response) => (response === UPGRADED ? undefined : response));
}
