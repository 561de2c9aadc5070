import { IDLE_SEC } from "./hot/limits.ts";
import { finish, type Listening } from "./listen.ts";
import { digestOf } from "./named-tls.ts";
import type { Handle } from "./observe.ts";
import { AloneTurns, type PortTurn, type PortTurns } from "./port-turns.ts";
import { restOf } from "./swap-rest.ts";
import { Generation, type GenerationOptions } from "./tls-generation.ts";

/** After so long without new connections, one over HTTP/1.1 has been answered with `close` or is quiet. */
const DRAIN_MS = (IDLE_SEC + 2) * 1000;
/** Keys of session tickets live as long as a generation, which is a day at most (threats.md T8). */
const GENERATION_MS = 12 * 3_600_000;
const LOOK_MS = 60_000;
/** Of several processes another may have the turn. */
const TURN_MS = 20;
/** One that was stopped in its turn holds up the start of others for so long. */
const START_MS = 5_000;
/** Whether others began a generation is looked at so often; */
const JOIN_LOOK_MS = 500;
/** and what this process is told of its certificates by then is shown at once. */
const JOIN_MS = 2_000;
/** Generations that still have requests under way; the oldest is cut off for the next. */
const LEAVING_MAX = 4;
/**
 * The collector does not see what certificates weigh (15 MB for 3,000 names) and would leave twenty
 * generations lying; from so many names on it is told.
 */
const COLLECTED_NAMES = 300;

/** What came to a generation that could not be opened at all addresses has so long to be answered. */
const UNDO_MS = 5_000;

export interface TlsDoorOptions extends GenerationOptions {
  readonly port: number;
  readonly drainMs?: number;
  /** Of several processes at one port; left out: this has it alone. */
  readonly turns?: PortTurns;
}

/**
 * The HTTPS listeners of a cache. The runtime keeps the certificates that a listener was opened with,
 * so others need another listener:
 *
 *   open     beside the one before, at the same port; the loop stands still for it, so between two
 *            addresses it has as long for requests
 *   steer    the kernel gives it all new connections
 *   drain    the one before answers HTTP/1.1 with `Connection: close`; what says nothing is closed as
 *            ever after IDLE_SEC
 *   stop     the one before listens no more; HTTP/2 gets GOAWAY: what is under way is answered, later
 *            streams are refused as not processed (RFC 9113 6.8, 8.7)
 *
 * One swap at a time, for all processes at the port together (workers/shared-port): whoever is told of
 * other certificates first begins a generation, and the others join it, with what they have by then.
 * Changes meanwhile are taken together.
 */
export class TlsDoor implements Listening {
  readonly port: number;
  readonly #handle: Handle;
  readonly #o: TlsDoorOptions;
  readonly #turns: PortTurns;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #looks: readonly ReturnType<typeof setInterval>[];
  #current: Generation;
  /** Not yet open at all addresses. */
  #opening: Generation | null = null;
  #draining: Generation | null = null;
  #leaving: Generation[] = [];
  /** After a swap none is begun for a while; those of others are joined. */
  #isResting = false;
  #isWaiting = false;
  #wanted = false;
  /** Since when a generation that others began is known. */
  #laterMs: number | null = null;
  #stopped = false;

  /** Listens. Throws what `listenFault()` makes of it, with nothing left open. */
  static async start(handle: Handle, o: TlsDoorOptions): Promise<TlsDoor> {
    const turns = o.turns ?? new AloneTurns();
    const open = (turn: PortTurn) => new TlsDoor(handle, o, { turns, turn });
    for (let waitedMs = 0; waitedMs < START_MS; waitedMs += TURN_MS) {
      const had = turns.take(open);
      if (had !== null) return had.value;
      await new Promise((done) => setTimeout(done, TURN_MS));
    }
    o.log.warn("Another process does not end its turn at the port of HTTPS", { port: o.port });
    return turns.force(open);
  }

  private constructor(
    handle: Handle,
    o: TlsDoorOptions,
    { turns, turn }: { readonly turns: PortTurns; readonly turn: PortTurn },
  ) {
    this.#handle = handle;
    this.#o = o;
    this.#turns = turns;
    const first = new Generation(handle, o, { number: Math.max(1, turn.latest), port: o.port });
    try {
      while (!first.isWhole) first.openNext(turn);
    } catch (fault) {
      first.undo(turn, 0);
      throw fault;
    }
    this.#current = first;
    this.port = first.port;
    const looks = [setInterval(() => this.changed(), LOOK_MS)];
    if (o.turns !== undefined) looks.push(setInterval(() => this.#look(), JOIN_LOOK_MS));
    for (const look of looks) look.unref();
    this.#looks = looks;
  }

  /** The names of which it has certificates; `digest` changes when anything of them does. */
  get shown(): { readonly digest: string; readonly names: ReadonlySet<string> } {
    return this.#current;
  }

  get #isSwapping(): boolean {
    return this.#opening !== null || this.#draining !== null;
  }

  /** What is to be shown may have changed. */
  changed(): void {
    if (this.#stopped || this.#isSwapping) return;
    const { openedMs, digest } = this.#current;
    const isOld = this.#o.clock.monoMs() - openedMs >= GENERATION_MS;
    this.#wanted = isOld || digestOf(this.#o.named()) !== digest;
    if (this.#wanted) this.#swapInTurn();
  }

  /** What other processes do at the port. */
  #look(): void {
    if (this.#stopped) return;
    this.#turns.look(this.#current.listeners);
    if (this.#isSwapping) return;
    const nowMs = this.#o.clock.monoMs();
    if (this.#turns.latest() <= this.#current.number) this.#laterMs = null;
    else this.#laterMs ??= nowMs;
    const isJoining = this.#laterMs !== null && nowMs - this.#laterMs >= JOIN_MS;
    if (isJoining || this.#wanted) this.#swapInTurn();
  }

  #swapInTurn(): void {
    if (this.#isWaiting) return;
    if (this.#turns.take((turn) => this.#swap(turn)) !== null) return;
    this.#isWaiting = true;
    this.#after(TURN_MS, () => {
      this.#isWaiting = false;
      if (!this.#isSwapping) this.#swapInTurn();
    });
  }

  #swap(turn: PortTurn): void {
    const old = this.#current;
    const joins = turn.latest > old.number;
    if (!joins && (!this.#wanted || this.#isResting || turn.isDraining)) return;
    const number = joins ? turn.latest : turn.latest + 1;
    this.#wanted = false;
    this.#opening = new Generation(this.#handle, this.#o, { number, port: this.port });
    this.#openNext(this.#opening, turn);
  }

  #openNext(next: Generation, turn: PortTurn): void {
    try {
      next.openNext(turn);
    } catch (error) {
      this.#o.log.error("Cannot listen with other certificates; those before are shown", { error });
      next.undo(turn, UNDO_MS);
      this.#opening = null;
      this.#rest(DRAIN_MS);
      return;
    }
    if (next.isWhole) this.#show(next);
    else this.#after(next.tookMs.at(-1) ?? 0, () => this.#openNextInTurn(next));
  }

  #openNextInTurn(next: Generation): void {
    const had = this.#turns.take((turn) => this.#openNext(next, turn));
    if (had === null) this.#after(TURN_MS, () => this.#openNextInTurn(next));
  }

  /** It has all new connections. */
  #show(next: Generation): void {
    const old = this.#current;
    this.#current = next;
    this.#opening = null;
    this.#laterMs = null;
    old.isLeaving = true;
    this.#draining = old;
    const { names, isSteered } = next;
    const tookMs = Math.round(next.tookMs.reduce((sum, ms) => sum + ms, 0));
    this.#o.log.info("Showing other certificates", { names: names.size, tookMs, isSteered });
    this.#after(this.#o.drainMs ?? DRAIN_MS, () => this.#leaveInTurn(old, tookMs));
  }

  async stop(finishMs = 0): Promise<void> {
    this.#stopped = true;
    for (const look of this.#looks) clearInterval(look);
    for (const timer of this.#timers) clearTimeout(timer);
    const beside = [this.#draining, this.#opening].filter((one) => one !== null);
    const listening = [...beside, this.#current];
    this.#turns.take((turn) => {
      for (const { listeners } of listening) turn.leave(listeners);
    });
    const all = [...this.#leaving, ...listening];
    await Promise.all(all.map(({ servers }) => finish(servers, finishMs)));
  }

  #leaveInTurn(old: Generation, tookMs: number): void {
    const had = this.#turns.take((turn) => {
      turn.leave(old.listeners);
      this.#leave(old);
    });
    if (had === null) this.#after(TURN_MS, () => this.#leaveInTurn(old, tookMs));
    else this.#rest(restOf(tookMs) - DRAIN_MS);
  }

  /** What changed meanwhile is shown after it. */
  #rest(ms: number): void {
    this.#isResting = ms > 0;
    if (this.#isResting) {
      this.#after(ms, () => {
        this.#isResting = false;
        this.changed();
      });
    } else this.changed();
  }

  #leave(old: Generation): void {
    this.#draining = null;
    this.#leaving.push(old);
    const ended = Promise.all(old.servers.map((server) => server.stop()));
    void ended.then(() => {
      this.#leaving = this.#leaving.filter((each) => each !== old);
      if (old.names.size >= COLLECTED_NAMES) this.#after(0, () => Bun.gc(true));
    });
    const oldest = this.#leaving[0];
    if (this.#leaving.length > LEAVING_MAX && oldest !== undefined) void finish(oldest.servers, 0);
  }

  #after(ms: number, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, ms);
    timer.unref();
    this.#timers.add(timer);
  }
}
