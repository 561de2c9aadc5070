import type { BusyPorts } from "./hot/busy-ports.ts";
import type { OwnSocket, OwnSockets } from "./own-sockets.ts";

/** Looks follow each other so closely, */
const LOOK_MS = 400;
/** and take one part of the time in so many, */
const COST_SHARE = 100;
/** but of 10,000 connections, where one takes 20 ms, those that are to go are gone in time, */
const PAUSE_MS = 1_000;
/** and however many there are, the rest of the time is for requests. */
const COST_SHARE_MAX = 10;
/** Descriptors looked at in one go: 0.2 ms. */
const SLICE = 100;
/** A connection that sends something and is sent less than this in `QUIET_MS` may be asking nothing. */
const QUIET_BYTES = 1024;
const QUIET_MS = 5_000;
/** It is closed when it asks nothing for so long while its requests are counted. */
const WATCH_MS = 5_000;
/** And so many looks: a process that stood still has not heard what came meanwhile. */
const WATCH_LOOKS = 6;
/** More than this between two looks, beside what requests may be, and no more than that sent: a flood. */
const FLOOD_BYTES = 65_536;
/** The most that the fields of one request may be, with what is around them. */
const REQUEST_BYTES = 20_480;

export interface LingerersOptions {
  readonly sockets: OwnSockets;
  readonly busy: BusyPorts;
  /** Where connections come to. */
  readonly port: () => number;
  readonly nowMs?: () => number;
  /** Waits for the next turn of the loop. */
  readonly turn?: () => Promise<void>;
}

interface Seen {
  readonly port: number;
  /** At the last look. */
  received: number;
  acked: number;
  /** When it last was more than quiet, and how far it had come then. */
  quiet: { sinceMs: number; received: number; acked: number };
  watched: Watched | null;
}

interface Watched {
  readonly sinceMs: number;
  /** Requests since then, and up to the last look. */
  asked: number;
  askedBefore: number;
  looks: number;
}

/**
 * Closes connections of HTTPS that send frames and ask for nothing (threats H16, H17): over HTTP/2 the
 * runtime's own limit counts any frame as life. The kernel says how many bytes went each way. Where they
 * look like frames without requests, requests are counted for as long as it takes to be sure; a request
 * costs nothing while no connection looks so. What has a request under way is let be.
 */
export class Lingerers {
  readonly #o: LingerersOptions;
  readonly #nowMs: () => number;
  readonly #seen = new Map<number, Seen>();
  /** By the client's port: all that are watched there. */
  readonly #watched = new Map<number, Set<Watched>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(o: LingerersOptions) {
    this.#o = o;
    this.#nowMs = o.nowMs ?? (() => performance.now());
  }

  start(): void {
    this.#again(LOOK_MS);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** Whether requests are to be told of. */
  get any(): boolean {
    return this.#watched.size > 0;
  }

  /** A request came from this port. */
  asked(port: number | undefined): void {
    for (const watched of this.#watched.get(port ?? -1) ?? []) watched.asked++;
  }

  /** Looks at all connections once; resolves with how many ms of the loop that took. */
  async look(): Promise<number> {
    const { sockets, busy, turn = nextTurn } = this.#o;
    const port = this.#o.port();
    busy.looking();
    const all = await sockets.list();
    const open = new Set<number>();
    let spentMs = 0;
    for (let at = 0; at < all.length && !this.#stopped; at += SLICE) {
      const fromMs = performance.now();
      for (const fd of all.slice(at, at + SLICE)) {
        const now = sockets.look(fd, port);
        if (now === null) this.#forget(fd);
        else {
          open.add(now.port);
          this.#judge(fd, now);
        }
      }
      spentMs += performance.now() - fromMs;
      await turn();
    }
    const left = new Set(all);
    for (const fd of this.#seen.keys()) if (!left.has(fd)) this.#forget(fd);
    busy.looked(open);
    return spentMs;
  }

  #again(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(async () => {
      this.#again(pauseAfter(await this.look()));
    }, ms);
    this.#timer.unref();
  }

  #judge(fd: number, now: OwnSocket): void {
    const before = this.#seen.get(fd);
    if (before === undefined || before.port !== now.port || before.received > now.received) {
      this.#forget(fd);
      this.#seen.set(fd, { ...now, quiet: this.#quietFrom(now), watched: null });
      return;
    }
    const { received, acked, watched } = before;
    before.received = now.received;
    before.acked = now.acked;
    const sent = { received: now.received - received, acked: now.acked - acked };
    const flood = this.#floods(now.port, sent, watched);
    const idle = this.#idles(before, now);
    if (watched !== null) {
      watched.askedBefore = watched.asked;
      watched.looks++;
    }
    if (flood === "sure" || idle === "sure") {
      this.#o.sockets.shut(fd);
      this.#forget(fd);
    } else if (flood === "maybe" || idle === "maybe") this.#watch(before);
    else if (idle === "no" && this.#isLong(before.watched)) this.#unwatch(before);
  }

  /** More came than requests can be, and was answered with no more than frames are. */
  #floods(port: number, sent: Pick<OwnSocket, "received" | "acked">, watched: Watched | null) {
    if (sent.received < FLOOD_BYTES || sent.acked >= 2 * sent.received) return "no";
    if (this.#o.busy.hasUpload(port)) return "no";
    if (watched === null) return "maybe";
    const asked = watched.asked - watched.askedBefore;
    return sent.received - asked * REQUEST_BYTES >= FLOOD_BYTES ? "sure" : "maybe";
  }

  /** It sends a little, and asks for nothing; what sends nothing the runtime closes. */
  #idles(seen: Seen, now: OwnSocket): "no" | "watching" | "maybe" | "sure" {
    const { quiet, watched } = seen;
    const asked = watched !== null && watched.asked > 0;
    if (now.acked - quiet.acked >= QUIET_BYTES || asked || this.#o.busy.has(now.port)) {
      seen.quiet = this.#quietFrom(now);
      return "no";
    }
    const nowMs = this.#nowMs();
    if (watched !== null) return this.#isLong(watched) ? "sure" : "watching";
    const isQuiet = nowMs - quiet.sinceMs >= QUIET_MS && now.received > quiet.received;
    return isQuiet ? "maybe" : "watching";
  }

  #isLong(watched: Watched | null): boolean {
    if (watched === null || watched.looks < WATCH_LOOKS) return false;
    return this.#nowMs() - watched.sinceMs >= WATCH_MS;
  }

  #quietFrom({ received, acked }: OwnSocket): Seen["quiet"] {
    return { sinceMs: this.#nowMs(), received, acked };
  }

  #watch(seen: Seen): void {
    if (seen.watched !== null) return;
    seen.watched = { sinceMs: this.#nowMs(), asked: 0, askedBefore: 0, looks: 0 };
    const all = this.#watched.get(seen.port) ?? new Set();
    this.#watched.set(seen.port, all);
    all.add(seen.watched);
  }

  #unwatch(seen: Seen): void {
    if (seen.watched === null) return;
    const all = this.#watched.get(seen.port);
    all?.delete(seen.watched);
    if (all?.size === 0) this.#watched.delete(seen.port);
    seen.watched = null;
  }

  #forget(fd: number): void {
    const seen = this.#seen.get(fd);
    if (seen === undefined) return;
    this.#unwatch(seen);
    this.#seen.delete(fd);
  }
}

/** How long after a look that took `spentMs` the next one begins, ms. */
export function pauseAfter(spentMs: number): number {
  const most = Math.max(PAUSE_MS, spentMs * COST_SHARE_MAX);
  return Math.max(LOOK_MS, Math.min(spentMs * COST_SHARE, most));
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
