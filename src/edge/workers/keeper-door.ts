import { rmSync } from "node:fs";
import type { Log } from "../../base/log.ts";
import { LONG_HEAD, PLACE, RELAYED, type Relayed, TOLD } from "../hot/crew.ts";
import { foldedAnswer, unfolded } from "../hot/long-head.ts";
import type { Connection } from "../hot/serve.ts";
import type { Listening } from "../listen.ts";

/** A request may take as long as several web servers do, one after the other. */
const IDLE_SEC = 120;

/** What workers tell in one message. */
export interface Told {
  readonly used: readonly string[];
  readonly spoilt: readonly string[];
  readonly settled: readonly { id: string; ms: number | null; well: boolean }[];
}

/**
 * The keeper's socket. It stands in a folder that only this user can open: who comes is a worker of
 * this node, and what it says of its client is taken as it is.
 */
export function openKeeperDoor(o: {
  readonly socket: string;
  readonly handle: (request: Request, connection: Connection, of: Relayed) => Promise<Response>;
  /** Lends a place at a server that is none of these. */
  readonly lend: (request: Request, of: Relayed, asked: ReadonlySet<string>) => Promise<Response>;
  readonly told: (told: Told) => void;
  readonly log: Log;
}): Listening {
  // One that was killed left its socket behind.
  rmSync(o.socket, { force: true });
  const server = Bun.serve({
    unix: o.socket,
    development: false,
    error: (fault) => {
      o.log.error("A bug", { fault });
      return new Response(null, { status: 500 });
    },
    async fetch(sent, listener) {
      if (sent.headers.has(TOLD)) {
        o.told((await sent.json()) as Told);
        return new Response(null, { status: 204 });
      }
      const request = sent.headers.has(LONG_HEAD) ? await unfolded(sent) : sent;
      if (request === null) return new Response(null, { status: 400 });
      const of = JSON.parse(request.headers.get(RELAYED) ?? "") as Relayed;
      const asked = request.headers.get(PLACE);
      if (asked !== null) {
        listener.timeout(sent, 0);
        return o.lend(asAsked(request, of), of, new Set(JSON.parse(asked) as string[]));
      }
      listener.timeout(sent, IDLE_SEC);
      const connection = {
        requestIP: () => ({
          address: of.client,
          ...(of.clientPort === undefined ? {} : { port: of.clientPort }),
        }),
        timeout: (_: Request, seconds: number) => listener.timeout(sent, seconds),
      };
      const answer = await o.handle(asAsked(request, of), connection, of);
      return request !== sent && request.method === "HEAD" ? foldedAnswer(answer) : answer;
    },
  });
  return {
    port: 0,
    stop: async (finishMs = 0) => {
      if (finishMs > 0) {
        const { promise: late, resolve } = Promise.withResolvers<void>();
        const timer = setTimeout(resolve, finishMs);
        await Promise.race([server.stop(), late]);
        clearTimeout(timer);
      }
      await server.stop(true);
    },
  };
}

/** With the scheme that the client used. */
function asAsked(request: Request, { scheme }: Relayed): Request {
  if (scheme === "http") return request;
  return new Request(request.url.replace(/^http:/, "https:"), request);
}
