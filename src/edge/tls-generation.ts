import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { type Aside, finish, listenAt, type Tls, type Watcher } from "./listen.ts";
import { digestOf, type NamedTls, openBest } from "./named-tls.ts";
import type { Handle } from "./observe.ts";
import type { PortTurn, SharedListener } from "./port-turns.ts";
import { UPGRADED, type WebSocketPair } from "./web-sockets.ts";

export interface GenerationOptions {
  readonly hosts: readonly string[];
  /** Shown to who names no other. */
  readonly own: Tls;
  /** What is to be shown now, by name. */
  readonly named: () => readonly NamedTls[];
  readonly aside?: Aside | undefined;
  readonly watcher?: Watcher | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

/** Listeners with one set of certificates: one at each address, opened one after the other. */
export class Generation {
  /** The same for all processes at the port. */
  readonly number: number;
  readonly digest: string;
  readonly openedMs: number;
  readonly servers: Bun.Server<WebSocketPair>[] = [];
  readonly listeners: SharedListener[] = [];
  /** Whether the kernel keeps new connections off those before. */
  isSteered = true;
  /** The next one has new connections: clients are asked to come again. */
  isLeaving = false;
  readonly #handle: Handle;
  readonly #o: GenerationOptions;
  readonly #port: number;
  #named: readonly NamedTls[];
  #names: ReadonlySet<string>;
  #tookMs: readonly number[] = [];

  /** @param at port: 0 lets the system choose */
  constructor(
    handle: Handle,
    o: GenerationOptions,
    at: { readonly number: number; readonly port: number },
  ) {
    this.#handle = handle;
    this.#o = o;
    this.number = at.number;
    this.#port = at.port;
    this.openedMs = o.clock.monoMs();
    this.#named = o.named();
    this.digest = digestOf(this.#named);
    this.#names = namesOf(this.#named);
  }

  /** The names of which it has certificates. */
  get names(): ReadonlySet<string> {
    return this.#names;
  }

  get port(): number {
    return this.servers[0]?.port ?? this.#port;
  }

  /** Whether it is open at all addresses. */
  get isWhole(): boolean {
    return this.servers.length === this.#o.hosts.length;
  }

  /** For how long each opening has stopped the loop, ms. */
  get tookMs(): readonly number[] {
    return this.#tookMs;
  }

  /**
   * Opens at the next address; the loop stands still meanwhile. At the first one certificates that are refused are
   * left out. Throws what `listenFault()` makes of it.
   */
  openNext(turn: PortTurn): void {
    const { hosts, clock, log } = this.#o;
    const hostname = hosts[this.servers.length];
    if (hostname === undefined) return;
    const fromMs = clock.monoMs();
    if (this.servers.length > 0) this.#openAt(hostname, this.#named, turn);
    else openBest(this.#named, (named) => this.#openAt(hostname, named, turn), log);
    this.#tookMs = [...this.#tookMs, clock.monoMs() - fromMs];
    // One that is left has no use for keys any more.
    if (this.isWhole) this.#named = [];
  }

  /** Closes what was opened: it is not to be. What came there has so long to be answered. */
  undo(turn: PortTurn, finishMs: number): void {
    turn.leave(this.listeners);
    void finish(this.servers, finishMs);
  }

  #openAt(hostname: string, named: readonly NamedTls[], turn: PortTurn): void {
    const { own, aside, watcher } = this.#o;
    const tls = [own, ...named.map(({ cert, key, serverName }) => ({ cert, key, serverName }))];
    const at = { hostname, port: this.port, tls, aside, watcher, beside: true };
    const open = () => listenAt(this.#answer, at);
    const had = turn.open({ host: hostname, generation: this.number }, open);
    this.servers.push(had.opened);
    this.listeners.push(had.listener);
    this.isSteered &&= had.isSteered;
    this.#named = named;
    this.#names = namesOf(named);
  }

  readonly #answer: Handle = (request, connection) => {
    const answer = this.#handle(request, connection);
    if (!this.isLeaving) return answer;
    return answer instanceof Promise ? answer.then(closing) : closing(answer);
  };
}

function namesOf(named: readonly NamedTls[]): ReadonlySet<string> {
  return new Set(named.map(({ serverName }) => serverName));
}

/** The runtime leaves the field out of HTTP/2, where it is forbidden. */
function closing(response: Response): Response {
  if (response !== UPGRADED) response.headers.set("connection", "close");
  return response;
}
