import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Connection } from "./hot/serve.ts";
import type { Http3State } from "./http3-told.ts";
import { type Aside, drain, finish, type Listening, listenAt, type Tls } from "./listen.ts";
import { digestOf, type NamedTls, openBest } from "./named-tls.ts";
import type { Handle } from "./observe.ts";
import { REST_MAX_MS } from "./swap-rest.ts";
import type { WebSocketPair } from "./web-sockets.ts";

/** Told to come by TCP, clients have so long to hear of it. */
export const LEAVE_MS = 12_000;
/** Then what is under way has so long to end. */
const END_MS = 30_000;
/** Keys of session tickets live as long as a generation. */
const GENERATION_MS = 12 * 3_600_000;
const LOOK_MS = 60_000;

export interface Http3DoorOptions {
  readonly hosts: readonly string[];
  /** Of UDP; clients are told to come there. */
  readonly port: number;
  /** Shown to who names no other. */
  readonly own: Tls;
  /** What is to be shown now, by name. */
  readonly named: () => readonly NamedTls[];
  readonly aside?: Aside | undefined;
  readonly clock: Clock;
  readonly log: Log;
  /** Hears whatever answers are to say of it, from its start on. */
  readonly onState?: (state: Http3State, digest: string) => void;
  /** Preset: LEAVE_MS, END_MS and REST_MAX_MS, in which changes are taken together. */
  readonly swap?: { readonly leaveMs: number; readonly endMs: number; readonly restMs: number };
}

/** Listeners on all addresses with one set of certificates. */
interface Generation {
  readonly digest: string;
  readonly openedMs: number;
  readonly tookMs: number;
  readonly servers: readonly Bun.Server<WebSocketPair>[];
  readonly names: ReadonlySet<string>;
}

/**
 * The HTTP/3 listeners of a cache. UDP has no connections that the kernel could leave with the socket
 * that took them: of two listeners at one port each would get packets of the other's. So there is one
 * at a time, and other certificates are shown in these steps, for which clients come by TCP:
 *
 *   open     answers over HTTPS name it in Alt-Svc, for hosts that it has a certificate for
 *   leave    answers say `Alt-Svc: clear` (RFC 7838 3): new requests come by TCP
 *   end      GOAWAY (RFC 9114 5.2): what is under way is answered, the rest cut off after END_MS
 *   open     with what is to be shown by then
 */
export class Http3Door implements Listening {
  readonly port: number;
  readonly #handle: Handle;
  readonly #o: Http3DoorOptions;
  readonly #look: ReturnType<typeof setInterval>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Null while none is open. */
  #current: Generation | null;
  #isLeaving = false;
  #stopped = false;
  #swapping: Promise<void> = Promise.resolve();

  /** Throws what `listenFault()` makes of it, with nothing left open. */
  constructor(handle: Handle, o: Http3DoorOptions) {
    this.port = o.port;
    this.#handle = handle;
    this.#o = o;
    this.#current = this.#open();
    this.#say();
    this.#look = setInterval(() => this.changed(), LOOK_MS);
    this.#look.unref();
  }

  /** What answers over HTTPS, by TCP or UDP, are to say of it. */
  get state(): Http3State {
    return this.#isLeaving ? "clear" : this.#current;
  }

  /** What is to be shown may have changed. */
  changed(): void {
    const old = this.#current;
    if (old === null || this.#isLeaving || this.#stopped) return;
    const { clock, swap } = this.#o;
    const openMs = clock.monoMs() - old.openedMs;
    if (openMs < GENERATION_MS && digestOf(this.#o.named()) === old.digest) return;
    const restMs = swap?.restMs ?? REST_MAX_MS;
    if (openMs < restMs) {
      this.#after(restMs - openMs, () => this.changed());
      return;
    }
    this.#isLeaving = true;
    this.#say();
    this.#after(swap?.leaveMs ?? LEAVE_MS, () => {
      this.#swapping = this.#swap(old);
    });
  }

  async stop(finishMs = 0): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#look);
    clearTimeout(this.#timer);
    this.#o.onState?.(null, "");
    if (this.#current !== null) await finish(this.#current.servers, finishMs);
    await this.#swapping;
  }

  async #swap(old: Generation): Promise<void> {
    await drain(old.servers, this.#o.swap?.endMs ?? END_MS);
    if (this.#stopped) return;
    this.#current = null;
    // Not waited for: packets of new connections meet no closed port.
    void finish(old.servers, 0);
    this.#reopen();
  }

  #reopen(): void {
    try {
      this.#current = this.#open();
      this.#isLeaving = false;
      this.#say();
      const { tookMs, names } = this.#current;
      this.#o.log.info("HTTP/3 shows other certificates", { names: names.size, tookMs });
    } catch (error) {
      this.#o.log.error("Cannot listen for HTTP/3; clients come by TCP", { error });
      this.#after(LOOK_MS, () => this.#reopen());
      return;
    }
    this.changed();
  }

  /** One thing is waited for at a time. */
  #after(ms: number, act: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(act, ms);
    this.#timer.unref();
  }

  #say(): void {
    this.#o.onState?.(this.state, this.#current?.digest ?? "");
  }

  #open(): Generation {
    const { clock, log } = this.#o;
    const fromMs = clock.monoMs();
    const named = this.#o.named();
    const opened = openBest(named, (good) => this.#openWith(good), log);
    const openedMs = clock.monoMs();
    return { ...opened, digest: digestOf(named), openedMs, tookMs: openedMs - fromMs };
  }

  #openWith(named: readonly NamedTls[]): Pick<Generation, "servers" | "names"> {
    const { hosts, port, own, aside } = this.#o;
    const tls = [own, ...named.map(({ cert, key, serverName }) => ({ cert, key, serverName }))];
    const servers: Bun.Server<WebSocketPair>[] = [];
    try {
      for (const hostname of hosts) {
        servers.push(
          listenAt(this.#answer, { hostname, port, tls, aside, http3: true, beside: true }),
        );
      }
    } catch (fault) {
      void finish(servers, 0);
      throw fault;
    }
    return { servers, names: new Set(named.map(({ serverName }) => serverName)) };
  }

  readonly #answer: Handle = (request, connection) => this.#handle(request, overHttp3(connection));
}

const wrapped = new WeakMap<Connection, Connection>();

/** What steps may do with a connection, and that it is one of HTTP/3: no WebSocket can be on it. */
function overHttp3(listener: Connection): Connection {
  const before = wrapped.get(listener);
  if (before !== undefined) return before;
  const connection: Connection = {
    over: "h3",
    requestIP: (request) => listener.requestIP(request),
    timeout: (request, seconds) => listener.timeout(request, seconds),
  };
  wrapped.set(listener, connection);
  return connection;
}
