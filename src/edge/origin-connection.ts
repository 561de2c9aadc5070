import { Fault } from "../base/fault.ts";
import type { FaultCode } from "../base/fault-codes.ts";
import type { Dialing } from "./origin-strays.ts";

export interface ConnectTo {
  readonly scheme: "http" | "https";
  /** An IP address; the path of a socket of this machine where the port is 0. */
  readonly address: string;
  readonly port: number;
  /** SNI, and the name that the certificate must have. */
  readonly hostname: string;
  /**
   * Authorities that its certificate may come from, in place of the public ones, and the certificate
   * that it is shown; PEM.
   */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

export interface ConnectionEvents {
  data(bytes: Buffer): void;
  /** What was written is gone, and more can be. */
  drain(): void;
  /** @param ended by the other side, in good order; not broken off */
  close(ended: boolean): void;
}

const REFUSED = new Set(["ENOENT", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"]);
const NOBODY: ConnectionEvents = { data: () => {}, drain: () => {}, close: () => {} };

/** One TCP or TLS connection to an origin; whoever uses it at the moment gets its events. */
export class OriginConnection {
  /** Null between exchanges: what comes then, comes unasked, and ends the connection. */
  user: ConnectionEvents | null = NOBODY;
  open = true;
  idleSinceMs = 0;
  /** True from its second exchange on. */
  reused = false;
  onGone: () => void = () => {};
  readonly #socket: Bun.Socket<undefined>;

  private constructor(socket: Bun.Socket<undefined>) {
    this.#socket = socket;
  }

  /**
   * Connects; with https only once the certificate was found to be good for `hostname`.
   * Throws Fault `origin-refused`, `origin-unreached`, `origin-no-tls`, `origin-untrusted` or
   * `origin-broken`.
   */
  static connect(
    to: ConnectTo,
    o: { readonly ms: number; readonly signal?: AbortSignal; readonly dialing?: Dialing },
  ): Promise<OriginConnection> {
    const { promise, resolve, reject } = Promise.withResolvers<OriginConnection>();
    let connection: OriginConnection | null = null;
    let early: Bun.Socket<undefined> | null = null;
    let settled = false;
    const fail = (code: FaultCode, cause?: unknown) => {
      clearTimeout(timer);
      if (settled) return;
      settled = true;
      // Without an effect where it is over.
      o.dialing?.left();
      early?.terminate();
      reject(new Fault(code, to.address, cause === undefined ? {} : { cause }));
    };
    const timer = setTimeout(() => fail("origin-unreached"), o.ms);
    const giveUp = () => fail("origin-broken", "given up");
    o.signal?.addEventListener("abort", giveUp, { once: true });
    const ready = (socket: Bun.Socket<undefined>) => {
      clearTimeout(timer);
      o.signal?.removeEventListener("abort", giveUp);
      if (settled) return void socket.terminate();
      settled = true;
      connection = new OriginConnection(socket);
      resolve(connection);
    };
    const tls = to.scheme === "https";
    const socket: Bun.SocketHandler<undefined> = {
      open(opened) {
        o.dialing?.over();
        early = opened;
        if (settled) opened.terminate();
        else if (!tls) ready(opened);
      },
      handshake(opened, good, why) {
        if (good && why === null) ready(opened);
        else fail(untrustedOf(why), why);
      },
      data: (_, bytes) => connection?.took(bytes),
      drain: () => connection?.user?.drain(),
      end: () => connection?.closed(true),
      close(_, cause) {
        fail("origin-broken", cause);
        connection?.closed(cause === undefined);
      },
      error: (_, cause) => {
        fail("origin-broken", cause);
        connection?.closed(false);
      },
      connectError: (_, cause) => refused(cause),
    };
    const refused = (cause: unknown) => {
      o.dialing?.over();
      fail(codeOf(cause), cause);
    };
    try {
      connectTo(to, socket).catch(refused);
    } catch (cause) {
      o.dialing?.over();
      // Its site's authorities, or what we are to show it, cannot be read: it is trusted by nobody.
      fail("origin-untrusted", cause);
    }
    return promise;
  }

  /** How many of the bytes were taken; the rest when it drains. */
  write(bytes: Uint8Array): number {
    return this.open ? Math.max(0, this.#socket.write(bytes)) : 0;
  }

  pause(): void {
    if (this.open) this.#socket.pause();
  }

  resume(): void {
    if (this.open) this.#socket.resume();
  }

  /** Ends it at once. */
  destroy(): void {
    if (!this.open) return;
    this.open = false;
    this.user = null;
    this.#socket.terminate();
    this.onGone();
  }

  took(bytes: Buffer): void {
    if (this.user === null) this.destroy();
    else this.user.data(bytes);
  }

  closed(ended: boolean): void {
    if (!this.open) return;
    this.open = false;
    const { user } = this;
    this.user = null;
    this.#socket.terminate();
    this.onGone();
    user?.close(ended);
  }
}

function connectTo(to: ConnectTo, socket: Bun.SocketHandler<undefined>) {
  const { address: hostname, port, scheme } = to;
  if (port === 0) return Bun.connect({ unix: hostname, socket });
  const tls = scheme === "https" ? { tls: tlsOf(to) } : {};
  return Bun.connect({ hostname, port, socket, ...tls });
}

function tlsOf(to: ConnectTo): Bun.TLSOptions {
  return {
    serverName: to.hostname,
    ALPNProtocols: "http/1.1",
    rejectUnauthorized: true,
    ...to.tls,
  };
}

/** What a handshake that failed says of the other side: of its certificate, if it got that far. */
function untrustedOf(why: unknown): FaultCode {
  const { code = "" } = (why ?? {}) as { readonly code?: string };
  return code === "EPROTO" || code === "ECONNRESET" ? "origin-no-tls" : "origin-untrusted";
}

function codeOf(cause: unknown): FaultCode {
  return REFUSED.has((cause as { code?: string }).code ?? "") ? "origin-refused" : "origin-broken";
}
