import { Fault } from "../base/fault.ts";
import type { Events, Requests } from "../model/messages.ts";
import type { Bus } from "./bus.ts";

type Handler = (message: unknown) => void;
type Responder = (ask: unknown) => unknown;

/** The bus within one process. A handler that throws hurts neither publisher nor neighbours. */
export class LocalBus implements Bus {
  readonly #handlers = new Map<string, Set<Handler>>();
  readonly #responders = new Map<string, Responder>();
  readonly #onError: (error: unknown, subject: string) => void;
  #closed = false;

  constructor(onError: (error: unknown, subject: string) => void = () => {}) {
    this.#onError = onError;
  }

  publish<S extends keyof Events>(subject: S, message: Events[S]): void {
    this.deliver(subject, message);
  }

  /** Hands a message to this process's subscribers, after the caller's own turn. */
  deliver(subject: string, message: unknown): void {
    const handlers = this.#handlers.get(subject);
    if (handlers === undefined || this.#closed) return;
    for (const handler of [...handlers]) {
      queueMicrotask(() => {
        if (!handlers.has(handler)) return;
        try {
          handler(message);
        } catch (error) {
          this.#onError(error, subject);
        }
      });
    }
  }

  subscribe<S extends keyof Events>(subject: S, handler: (message: Events[S]) => void): () => void {
    const handlers = this.#handlers.get(subject) ?? new Set<Handler>();
    this.#handlers.set(subject, handlers);
    const own: Handler = (message) => handler(message as Events[S]);
    handlers.add(own);
    return () => handlers.delete(own);
  }

  hears(subject: string): boolean {
    return (this.#handlers.get(subject)?.size ?? 0) > 0;
  }

  async request<S extends keyof Requests>(
    subject: S,
    ask: Requests[S]["ask"],
    timeoutMs: number,
  ): Promise<Requests[S]["reply"]> {
    const responder = this.#responders.get(subject);
    if (responder === undefined) throw new Fault("bus-no-responder", subject);
    return (await within(timeoutMs, subject, async () => responder(ask))) as Requests[S]["reply"];
  }

  respond<S extends keyof Requests>(
    subject: S,
    handler: (ask: Requests[S]["ask"]) => Promise<Requests[S]["reply"]> | Requests[S]["reply"],
  ): () => void {
    const own: Responder = (ask) => handler(ask as Requests[S]["ask"]);
    this.#responders.set(subject, own);
    return () => {
      if (this.#responders.get(subject) === own) this.#responders.delete(subject);
    };
  }

  responds(subject: string): boolean {
    return this.#responders.has(subject);
  }

  close(): void {
    this.#closed = true;
    this.#handlers.clear();
    this.#responders.clear();
  }
}

/** Runs `act`, or throws Fault `bus-timeout` when it takes longer. */
export async function within<T>(
  timeoutMs: number,
  subject: string,
  act: () => Promise<T>,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Fault("bus-timeout", subject)), timeoutMs);
  });
  try {
    return await Promise.race([act(), late]);
  } finally {
    clearTimeout(timer);
  }
}
