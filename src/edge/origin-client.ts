import { assert } from "../base/assert.ts";
import { Fault } from "../base/fault.ts";
import type { OriginClient, OriginRequest, OriginResponse } from "./hot/origin.ts";
import { type ConnectTo, OriginConnection } from "./origin-connection.ts";
import { exchange } from "./origin-exchange.ts";
import { Strays } from "./origin-strays.ts";
import { headOf, type Written } from "./origin-writer.ts";

/** How long a connection is kept for a next request; most servers close theirs after 5 s or 75 s. */
const IDLE_MS = 60_000;
/** A request that cannot be sent twice does not go where the server may be about to close. */
const IDLE_ONCE_MS = 1_000;
const IDLE_PER_ORIGIN_MAX = 128;
const IDLE_MAX = 8_192;
const SWEEP_MS = 5_000;
const CONNECT_MS = 3_000;

const REPEATABLE = new Set(["GET", "HEAD", "OPTIONS", "PUT", "DELETE"]);

/**
 * The origin client: HTTP/1.1 on connections of our own, kept for later requests of the same site.
 * What is sent is what it is given; what comes is read strictly, and a connection on which anything
 * was odd is not used again. No origin waits for another: there is no queue in common.
 */
export function originClient(): OriginClient {
  const pool = new Pool();
  return {
    async fetch(request) {
      const { scheme, hostname, address, port, identity = "" } = request;
      const key = `${scheme} ${hostname} ${address} ${port} ${identity}`;
      try {
        const head = headOf(request);
        // Nobody is connected to for it, and nobody waits for that.
        if (head === null) throw new Fault("bad-input", "a request that cannot be written");
        return await pool.run(key, { request, head });
      } catch (fault) {
        request.onEnd();
        throw fault;
      }
    },
    stop: () => pool.stop(),
  };
}

class Pool {
  /** The last one is the one that was used last. */
  readonly #idle = new Map<string, OriginConnection[]>();
  readonly #all = new Set<OriginConnection>();
  readonly #strays = new Strays();
  readonly #sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
  #idleCount = 0;
  #stopped = false;

  constructor() {
    this.#sweeper.unref();
  }

  /** On a connection that was kept, and on a new one when the server had closed that meanwhile. */
  async run(key: string, written: Written): Promise<OriginResponse> {
    assert(!this.#stopped, "The origin client is not used after its end");
    const { request } = written;
    const once = !REPEATABLE.has(request.method) || request.body instanceof ReadableStream;
    const kept = this.#take(key, once ? IDLE_ONCE_MS : IDLE_MS);
    if (kept === null) return this.#on(await this.#connect(request), key, written);
    try {
      return await this.#on(kept, key, written);
    } catch (fault) {
      const gone = fault instanceof Fault && fault.detail === "gone";
      if (!gone || once || this.#stopped || request.signal?.aborted === true) throw fault;
      return this.#on(await this.#connect(request), key, written);
    }
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#sweeper);
    for (const connection of [...this.#all]) connection.closed(false);
  }

  async #connect(
    to: ConnectTo & Pick<OriginRequest, "headMs" | "signal">,
  ): Promise<OriginConnection> {
    const dialing = this.#strays.dial(`${to.address} ${to.port}`);
    if (dialing === null) throw new Fault("origin-unreached", to.address);
    const connection = await OriginConnection.connect(to, {
      ...{ ms: Math.min(to.headMs, CONNECT_MS), dialing },
      ...(to.signal === undefined ? {} : { signal: to.signal }),
    });
    if (this.#stopped) connection.destroy();
    this.#all.add(connection);
    connection.onGone = () => this.#all.delete(connection);
    return connection;
  }

  #on(connection: OriginConnection, key: string, written: Written): Promise<OriginResponse> {
    return exchange(connection, written, (clean) => {
      written.request.onEnd();
      if (clean && connection.open) this.#keep(connection, key);
      else connection.destroy();
    });
  }

  #take(key: string, idleMsMax: number): OriginConnection | null {
    const idle = this.#idle.get(key);
    const connection = idle?.at(-1);
    if (idle === undefined || connection === undefined) return null;
    if (performance.now() - connection.idleSinceMs > idleMsMax) return null;
    idle.pop();
    if (idle.length === 0) this.#idle.delete(key);
    this.#idleCount--;
    connection.reused = true;
    connection.onGone = () => this.#all.delete(connection);
    return connection;
  }

  #keep(connection: OriginConnection, key: string): void {
    const idle = this.#idle.get(key) ?? [];
    if (this.#stopped || idle.length >= IDLE_PER_ORIGIN_MAX || this.#idleCount >= IDLE_MAX) {
      connection.destroy();
      return;
    }
    connection.user = null;
    connection.idleSinceMs = performance.now();
    idle.push(connection);
    this.#idle.set(key, idle);
    this.#idleCount++;
    connection.onGone = () => {
      this.#all.delete(connection);
      const at = idle.indexOf(connection);
      if (at < 0) return;
      idle.splice(at, 1);
      this.#idleCount--;
      if (idle.length === 0 && this.#idle.get(key) === idle) this.#idle.delete(key);
    };
  }

  #sweep(): void {
    const since = performance.now() - IDLE_MS;
    for (const idle of this.#idle.values()) {
      for (const connection of [...idle]) if (connection.idleSinceMs < since) connection.destroy();
    }
  }
}
