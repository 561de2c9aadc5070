import type { Events, Requests } from "../model/messages.ts";

/**
 * Words between roles and machines. Messages are plain JSON-like values (typed arrays allowed) and
 * arrive at every subscriber but not back at the publisher's own process twice; delivery is at most
 * once, in order per publisher. A request has exactly one responder in the network.
 */
export interface Bus {
  publish<S extends keyof Events>(subject: S, message: Events[S]): void;
  subscribe<S extends keyof Events>(subject: S, handler: (message: Events[S]) => void): () => void;
  /** Throws Fault `bus-timeout` or `bus-no-responder`. */
  request<S extends keyof Requests>(
    subject: S,
    ask: Requests[S]["ask"],
    timeoutMs: number,
  ): Promise<Requests[S]["reply"]>;
  respond<S extends keyof Requests>(
    subject: S,
    handler: (ask: Requests[S]["ask"]) => Promise<Requests[S]["reply"]> | Requests[S]["reply"],
  ): () => void;
  close(): void;
}
