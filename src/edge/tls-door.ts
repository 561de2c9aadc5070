import { createSecureContext } from "node:tls";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { IDLE_SEC } from "./hot/limits.ts";
import { type Aside, finish, type Listening, listenAt, type Tls, type Watcher } from "./listen.ts";
import type { Handle } from "./observe.ts";
import { openSteered } from "./reuse-port.ts";
import { UPGRADED, type WebSocketPair } from "./web-sockets.ts";

/** A certificate for one host name; `id` changes when anything of it does. */
export interface NamedTls extends Tls {
  readonly id: string;
  readonly serverName: string;
}

/** After so long without new connections, one over HTTP/1.1 has been answered with `close` or is quiet. */
const DRAIN_MS = (IDLE_SEC + 2) * 1000;
/** A swap takes all of the loop's time, some 30 us a name: at most one part in so many of all time. */
const COST_SHARE = 50;
/** Keys of session tickets live as long as a generation, which is a day at most (threats.md T8). */
const GENERATION_MS = 12 * 3_600_000;
const LOOK_MS = 60_000;
/** Generations that still have requests under way; the oldest is cut off for the next. */
const LEAVING_MAX = 4;
/**
 * The collector does not see what certificates weigh (15 MB for 3,000 names) and would leave twenty
 * generations lying; from so many names on it is told.
 */
const COLLECTED_NAMES = 300;

export interface TlsDoorOptions {
  readonly hosts: readonly string[];
  readonly port: number;
  /** Shown to who names no other. */
  readonly own: Tls;
  /** What is to be shown now, by name. */
  readonly named: () => readonly NamedTls[];
  readonly aside?: Aside | undefined;
  readonly watcher?: Watcher | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly drainMs?: number;
}

/** Listeners on all addresses with one set of certificates. */
interface Generation {
  readonly digest: string;
  readonly names: number;
  readonly openedMs: number;
  readonly servers: readonly Bun.Server<WebSocketPair>[];
  /** The next one has new connections: clients are asked to come again. */
  isLeaving: boolean;
}

/**
 * The HTTPS listeners of a cache. The runtime keeps the certificates that a listener was opened with,
 * so others need another listener:
 *
 *   open     beside the one before, at the same port
 *   steer    the kernel gives it all new connections
 *   drain    the one before answers HTTP/1.1 with `Connection: close`; what says nothing is closed as
 *            ever after IDLE_SEC
 *   stop     the one before listens no more; HTTP/2 gets GOAWAY: what is under way is answered, later
 *            streams are refused as not processed (RFC 9113 6.8, 8.7)
 *
 * One swap at a time: the kernel is told of two listeners, and changes meanwhile are taken together.
 */
export class TlsDoor implements Listening {
  readonly port: number;
  readonly #handle: Handle;
  readonly #o: TlsDoorOptions;
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #look: ReturnType<typeof setInterval>;
  #current: Generation;
  #draining: Generation | null = null;
  #leaving: Generation[] = [];
  #isSwapping = false;
  #stopped = false;

  /** Throws what `listenFault()` makes of it, with nothing left open. */
  constructor(handle: Handle, o: TlsDoorOptions) {
    this.#handle = handle;
    this.#o = o;
    this.#current = this.#openBest(o.port, (open) => open());
    this.port = this.#current.servers[0]?.port ?? o.port;
    this.#look = setInterval(() => this.changed(), LOOK_MS);
    this.#look.unref();
  }

  /** What is to be shown may have changed. */
  changed(): void {
    if (this.#isSwapping || this.#stopped) return;
    const { clock, log } = this.#o;
    const old = this.#current;
    const isOld = clock.monoMs() - old.openedMs >= GENERATION_MS;
    if (!isOld && digestOf(this.#o.named()) === old.digest) return;
    this.#isSwapping = true;
    const fromMs = clock.monoMs();
    let isSteered = true;
    try {
      this.#current = this.#openBest(this.port, (open) => {
        const { opened, steered } = openSteered(open);
        isSteered &&= steered;
        return opened;
      });
    } catch (error) {
      log.error("Cannot listen with other certificates; those before are shown", { error });
      this.#after(DRAIN_MS, () => this.#swapped());
      return;
    }
    old.isLeaving = true;
    this.#draining = old;
    const tookMs = Math.round(clock.monoMs() - fromMs);
    const { names } = this.#current;
    log.info("Showing other certificates", { names, tookMs, isSteered });
    this.#after(this.#o.drainMs ?? DRAIN_MS, () => {
      this.#leave(old);
      const restMs = tookMs * COST_SHARE - DRAIN_MS;
      if (restMs > 0) this.#after(restMs, () => this.#swapped());
      else this.#swapped();
    });
  }

  async stop(finishMs = 0): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#look);
    for (const timer of this.#timers) clearTimeout(timer);
    const draining = this.#draining === null ? [] : [this.#draining];
    const all = [...this.#leaving, ...draining, this.#current];
    await Promise.all(all.map(({ servers }) => finish(servers, finishMs)));
  }

  #swapped(): void {
    this.#isSwapping = false;
    this.changed();
  }

  #leave(old: Generation): void {
    this.#draining = null;
    this.#leaving.push(old);
    const ended = Promise.all(old.servers.map((server) => server.stop()));
    void ended.then(() => {
      this.#leaving = this.#leaving.filter((each) => each !== old);
      if (old.names >= COLLECTED_NAMES) this.#after(0, () => Bun.gc(true));
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

  /** With all certificates; where they are refused, with those that are not. */
  #openBest(port: number, opened: Opener): Generation {
    const named = this.#o.named();
    try {
      return this.#open(named, port, opened);
    } catch (cause) {
      const good = usable(named);
      if (good.length === named.length) throw cause;
      const names = named.filter((one) => !good.includes(one)).map((one) => one.serverName);
      this.#o.log.error("Certificates that cannot be shown are left out", { names });
      return this.#open(good, port, opened, digestOf(named));
    }
  }

  #open(
    named: readonly NamedTls[],
    port: number,
    opened: Opener,
    digest = digestOf(named),
  ): Generation {
    const { hosts, own, aside, watcher, clock } = this.#o;
    const servers: Bun.Server<WebSocketPair>[] = [];
    const generation: Generation = {
      ...{ digest, names: named.length, openedMs: clock.monoMs(), servers, isLeaving: false },
    };
    const handle: Handle = (request, connection) => {
      const answer = this.#handle(request, connection);
      if (!generation.isLeaving) return answer;
      return answer instanceof Promise ? answer.then(closing) : closing(answer);
    };
    const tls = [own, ...named.map(({ cert, key, serverName }) => ({ cert, key, serverName }))];
    let at = port;
    try {
      for (const hostname of hosts) {
        const open = () =>
          listenAt(handle, { hostname, port: at, tls, aside, watcher, beside: true });
        const server = opened(open);
        servers.push(server);
        at = server.port ?? at;
      }
    } catch (fault) {
      void finish(servers, 0);
      throw fault;
    }
    return generation;
  }
}

type Opener = (open: () => Bun.Server<WebSocketPair>) => Bun.Server<WebSocketPair>;

/** The runtime leaves the field out of HTTP/2, where it is forbidden. */
function closing(response: Response): Response {
  if (response !== UPGRADED) response.headers.set("connection", "close");
  return response;
}

/** Changes when anything of them does. */
export function digestOf(named: readonly NamedTls[]): string {
  return named.map(({ serverName, id }) => `${serverName} ${id}`).join("\n");
}

/** Those that the runtime takes. */
export function usable(named: readonly NamedTls[]): readonly NamedTls[] {
  return named.filter(({ cert, key }) => {
    try {
      createSecureContext({ cert, key });
      return true;
    } catch {
      return false;
    }
  });
}
