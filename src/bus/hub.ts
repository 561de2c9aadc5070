import { Fault } from "../base/fault.ts";
import type { FaultCode } from "../base/fault-codes.ts";
import type { Events, Requests } from "../model/messages.ts";
import type { Bus } from "./bus.ts";
import { LocalBus, within } from "./local.ts";

/** What passes between the hub and a child process. */
export type Frame =
  | { readonly t: "event"; readonly subject: string; readonly message: unknown }
  | { readonly t: "ask"; readonly id: number; readonly subject: string; readonly ask: unknown }
  | { readonly t: "reply"; readonly id: number; readonly reply: unknown }
  | { readonly t: "fault"; readonly id: number; readonly code: FaultCode; readonly words: string }
  | { readonly t: "serves"; readonly subject: string; readonly yes: boolean }
  | { readonly t: "hears"; readonly subject: string; readonly yes: boolean };

/** The hub's end of one child. */
export interface Link {
  receive(frame: Frame): void;
  detach(): void;
}

interface Spoke {
  readonly send: (frame: Frame) => void;
  readonly serves: Set<string>;
  /** Events it is sent: of a fleet most concern one or two of its processes. */
  readonly hears: Set<string>;
  readonly waiting: Map<number, (frame: Frame) => void>;
}

/** The bus of the supervisor: its own process's, and the meeting point of its children's. */
export class Hub implements Bus {
  readonly #local: LocalBus;
  readonly #spokes = new Set<Spoke>();
  #lastId = 0;

  constructor(onError: (error: unknown, subject: string) => void = () => {}) {
    this.#local = new LocalBus(onError);
  }

  /** Links a child: `send` carries frames to it, the result takes the frames that come from it. */
  attach(send: (frame: Frame) => void): Link {
    const spoke: Spoke = { send, serves: new Set(), hears: new Set(), waiting: new Map() };
    this.#spokes.add(spoke);
    return {
      receive: (frame) => this.#receive(spoke, frame),
      detach: () => {
        this.#spokes.delete(spoke);
        for (const [id, settle] of spoke.waiting) {
          settle({ t: "fault", id, code: "bus-no-responder", words: "the responder ended" });
        }
      },
    };
  }

  publish<S extends keyof Events>(subject: S, message: Events[S]): void {
    this.#spread(subject, message, null);
  }

  subscribe<S extends keyof Events>(subject: S, handler: (message: Events[S]) => void): () => void {
    return this.#local.subscribe(subject, handler);
  }

  async request<S extends keyof Requests>(
    subject: S,
    ask: Requests[S]["ask"],
    timeoutMs: number,
  ): Promise<Requests[S]["reply"]> {
    return (await this.#route(subject, ask, timeoutMs)) as Requests[S]["reply"];
  }

  respond<S extends keyof Requests>(
    subject: S,
    handler: (ask: Requests[S]["ask"]) => Promise<Requests[S]["reply"]> | Requests[S]["reply"],
  ): () => void {
    return this.#local.respond(subject, handler);
  }

  close(): void {
    this.#local.close();
    this.#spokes.clear();
  }

  #spread(subject: string, message: unknown, from: Spoke | null): void {
    this.#local.deliver(subject, message);
    for (const spoke of this.#spokes) {
      if (spoke !== from && spoke.hears.has(subject)) spoke.send({ t: "event", subject, message });
    }
  }

  async #route(subject: string, ask: unknown, timeoutMs: number): Promise<unknown> {
    if (this.#local.responds(subject)) {
      return this.#local.request(subject as keyof Requests, ask as never, timeoutMs);
    }
    const spoke = [...this.#spokes].find((candidate) => candidate.serves.has(subject));
    if (spoke === undefined) throw new Fault("bus-no-responder", subject);
    const id = ++this.#lastId;
    try {
      return await within(timeoutMs, subject, () => {
        const reply = new Promise<unknown>((resolve, reject) => {
          spoke.waiting.set(id, (frame) => {
            if (frame.t === "reply") resolve(frame.reply);
            else if (frame.t === "fault") reject(new Fault(frame.code, frame.words));
          });
        });
        spoke.send({ t: "ask", id, subject, ask });
        return reply;
      });
    } finally {
      spoke.waiting.delete(id);
    }
  }

  #receive(spoke: Spoke, frame: Frame): void {
    switch (frame.t) {
      case "event":
        this.#spread(frame.subject, frame.message, spoke);
        return;
      case "serves":
      case "hears":
        if (frame.yes) spoke[frame.t].add(frame.subject);
        else spoke[frame.t].delete(frame.subject);
        return;
      case "reply":
      case "fault":
        spoke.waiting.get(frame.id)?.(frame);
        return;
      case "ask":
        this.#route(frame.subject, frame.ask, MAX_WAIT_MS).then(
          (reply) => spoke.send({ t: "reply", id: frame.id, reply }),
          (error: unknown) => spoke.send(faultFrame(frame.id, error)),
        );
    }
  }
}

/** The asker's own time limit is shorter; this one only keeps the hub from holding on for ever. */
const MAX_WAIT_MS = 60_000;

/** The reply to a request that failed. */
export function faultFrame(id: number, error: unknown): Frame {
  if (error instanceof Fault) return { t: "fault", id, code: error.code, words: error.detail };
  const words = error instanceof Error ? error.message : String(error);
  return { t: "fault", id, code: "bus-no-responder", words };
}
