import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { Rng } from "../base/rng.ts";
import type { Bus } from "../bus/mod.ts";
import type { LogTailView } from "../model/api/mod.ts";
import type { TailTold } from "../model/log-tail.ts";
import { hex } from "./digest.ts";

/** How long caches go on telling after somebody asked. */
const FOLLOWED_MS = 15_000;
/** Sites that are followed at once. A customer may have half of what the others leave of them. */
const SITES_MAX = 64;
/** Of each, what is held for those who ask again. */
const LINES_MAX = 2_000;
const CHARS_MAX = 2_097_152;
/** Of one answer. */
const ANSWER_LINES_MAX = 1_000;

interface Tail {
  readonly customer: string;
  readonly site: string;
  untilMs: number;
  readonly lines: { readonly number: number; readonly node: string; readonly line: string }[];
  chars: number;
  /** Of the next line. */
  next: number;
  /** Lines left out so far, at caches. */
  dropped: number;
  waiting: (() => void)[];
}

/**
 * Sites whose logs somebody follows: caches are asked to tell their lines for a while, and the last of
 * them are held for everybody who asks. What is too much for that is counted for those who miss it.
 */
export class LogTails {
  readonly #o: { readonly bus: Bus; readonly clock: Clock; readonly rng: Rng };
  readonly #tails = new Map<string, Tail>();
  /** Places that another process gave mean nothing here. */
  readonly #epoch: string;
  readonly #unsubscribe: () => void;

  constructor(o: { readonly bus: Bus; readonly clock: Clock; readonly rng: Rng }) {
    this.#o = o;
    this.#epoch = hex(o.rng, 4);
    this.#unsubscribe = o.bus.subscribe("log.told", (told) => this.#take(told));
  }

  /** @throws Fault `too-many-requests` when this customer, or all together, follow too many sites */
  async read(
    of: { readonly customer: string; readonly site: string },
    o: { readonly after?: string | undefined; readonly waitMs: number },
  ): Promise<LogTailView> {
    const tail = this.#follow(of);
    const from = this.#placeIn(tail, o.after);
    if (tail.next <= from.number && tail.dropped <= from.dropped && o.waitMs > 0) {
      await waited(tail, o.waitMs);
    }
    const held = tail.lines.filter(({ number }) => number >= from.number);
    const first = tail.lines[0]?.number ?? tail.next;
    const missed = Math.max(0, Math.min(first, tail.next) - from.number);
    const lines = held.slice(0, ANSWER_LINES_MAX);
    const next = lines.length < held.length ? held[lines.length]!.number : tail.next;
    return {
      next: `${this.#epoch}-${next}-${tail.dropped}`,
      lines: lines.map(({ node, line }) => ({ node, line })),
      dropped: missed + tail.dropped - from.dropped,
    };
  }

  #follow(of: { readonly customer: string; readonly site: string }): Tail {
    const nowMs = this.#o.clock.monoMs();
    for (const [key, { untilMs }] of this.#tails) if (untilMs <= nowMs) this.#tails.delete(key);
    const { customer, site } = of;
    const key = `${customer} ${site}`;
    let tail = this.#tails.get(key);
    if (tail === undefined) {
      if (!this.#hasRoom(customer)) throw new Fault("too-many-requests", "log tails");
      const none = { lines: [], chars: 0, next: 0, dropped: 0, waiting: [] };
      tail = { customer, site, untilMs: 0, ...none };
      this.#tails.set(key, tail);
    }
    tail.untilMs = nowMs + FOLLOWED_MS;
    this.#o.bus.publish("log.tail", { customer, site, forMs: FOLLOWED_MS });
    return tail;
  }

  #hasRoom(customer: string): boolean {
    let own = 0;
    for (const tail of this.#tails.values()) if (tail.customer === customer) own++;
    return own < (SITES_MAX - (this.#tails.size - own)) / 2;
  }

  #placeIn(tail: Tail, after: string | undefined): { number: number; dropped: number } {
    const [epoch, number, dropped] = after?.split("-") ?? [];
    const now = { number: tail.next, dropped: tail.dropped };
    if (after === undefined) return now;
    if (epoch !== this.#epoch || !/^\d+$/.test(number ?? "")) return { number: 0, dropped: 0 };
    // It was forgotten meanwhile, and has begun anew.
    if (Number(number) > tail.next) return now;
    return { number: Number(number), dropped: Math.min(Number(dropped), tail.dropped) };
  }

  #take({ node, customer, site, lines, dropped }: TailTold): void {
    const tail = this.#tails.get(`${customer} ${site}`);
    if (tail === undefined) return;
    for (const line of lines) {
      tail.lines.push({ number: tail.next++, node, line });
      tail.chars += line.length;
    }
    tail.dropped += dropped;
    let over = 0;
    while (tail.lines.length - over > LINES_MAX || tail.chars > CHARS_MAX) {
      tail.chars -= tail.lines[over++]!.line.length;
    }
    tail.lines.splice(0, over);
    for (const wake of tail.waiting.splice(0)) wake();
  }

  stop(): void {
    this.#unsubscribe();
    for (const { waiting } of this.#tails.values()) for (const wake of waiting.splice(0)) wake();
  }
}

/** Until something came, so long at most. */
function waited(tail: Tail, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(() => {
    tail.waiting = tail.waiting.filter((wake) => wake !== resolve);
    resolve();
  }, ms);
  tail.waiting.push(resolve);
  return promise.finally(() => clearTimeout(timer));
}
