import { Fault } from "../base/fault.ts";
import type { Events, Requests } from "../model/messages.ts";
import type { Bus } from "./bus.ts";
import { type Frame, faultFrame } from "./hub.ts";
import { LocalBus, within } from "./local.ts";

/** A child's channel to the supervisor. */
export interface Channel {
  send(frame: Frame): void;
  onFrame(handler: (frame: Frame) => void): void;
}

/** The bus of a child process: its own roles' directly, everybody else's through the hub. */
export class SpokeBus implements Bus {
  readonly #local: LocalBus;
  readonly #channel: Channel;
  readonly #waiting = new Map<number, (frame: Frame) => void>();
  #lastId = 0;

  constructor(channel: Channel, onError: (error: unknown, subject: string) => void = () => {}) {
    this.#local = new LocalBus(onError);
    this.#channel = channel;
    channel.onFrame((frame) => this.#receive(frame));
  }

  publish<S extends keyof Events>(subject: S, message: Events[S]): void {
    this.#local.deliver(subject, message);
    this.#channel.send({ t: "event", subject, message });
  }

  subscribe<S extends keyof Events>(subject: S, handler: (message: Events[S]) => void): () => void {
    if (!this.#local.hears(subject)) this.#channel.send({ t: "hears", subject, yes: true });
    const stop = this.#local.subscribe(subject, handler);
    return () => {
      const heard = this.#local.hears(subject);
      stop();
      if (heard && !this.#local.hears(subject)) {
        this.#channel.send({ t: "hears", subject, yes: false });
      }
    };
  }

  async request<S extends keyof Requests>(
    subject: S,
    ask: Requests[S]["ask"],
    timeoutMs: number,
  ): Promise<Requests[S]["reply"]> {
    if (this.#local.responds(subject)) return this.#local.request(subject, ask, timeoutMs);
    const id = ++this.#lastId;
    try {
      const reply = await within(timeoutMs, subject, () => {
        const answer = new Promise<unknown>((resolve, reject) => {
          this.#waiting.set(id, (frame) => {
            if (frame.t === "reply") resolve(frame.reply);
            else if (frame.t === "fault") reject(new Fault(frame.code, frame.words));
          });
        });
        this.#channel.send({ t: "ask", id, subject, ask });
        return answer;
      });
      return reply as Requests[S]["reply"];
    } finally {
      this.#waiting.delete(id);
    }
  }

  respond<S extends keyof Requests>(
    subject: S,
    handler: (ask: Requests[S]["ask"]) => Promise<Requests[S]["reply"]> | Requests[S]["reply"],
  ): () => void {
    const stop = this.#local.respond(subject, handler);
    this.#channel.send({ t: "serves", subject, yes: true });
    return () => {
      stop();
      this.#channel.send({ t: "serves", subject, yes: this.#local.responds(subject) });
    };
  }

  close(): void {
    this.#local.close();
  }

  #receive(frame: Frame): void {
    switch (frame.t) {
      case "event":
        this.#local.deliver(frame.subject, frame.message);
        return;
      case "reply":
      case "fault":
        this.#waiting.get(frame.id)?.(frame);
        return;
      case "ask":
        this.#local.request(frame.subject as keyof Requests, frame.ask as never, 60_000).then(
          (reply) => this.#channel.send({ t: "reply", id: frame.id, reply }),
          (error: unknown) => this.#channel.send(faultFrame(frame.id, error)),
        );
        return;
      case "serves":
      case "hears":
        return;
    }
  }
}
