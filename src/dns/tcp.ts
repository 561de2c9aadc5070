import { constants } from "node:crypto";
import type { Socket, TCPSocketListener } from "bun";
import type { Clock } from "../base/clock.ts";
import { listenFault } from "../base/listen-fault.ts";
import type { Log } from "../base/log.ts";
import { HEADER_BYTES, MESSAGE_BYTES_MAX } from "../wire/dns/mod.ts";
import { familyOf, isMapped, parseAddress } from "../wire/ip/mod.ts";
import type { Packet, Responder } from "./hot/answer.ts";
import type { SignedDesk } from "./signed-desk.ts";

/** RFC 7766 6.2, RFC 9210 4: what a flood of connections may cost. */
export interface TcpLimits {
  /** All connections of a node; beyond it the longest idle one is closed. */
  readonly connectionsMax: number;
  /** Of one address; beyond it a new one is refused. */
  readonly perClientMax: number;
  /** Since the last whole query. A client that sends octet by octet gains nothing. */
  readonly idleMs: number;
  /** Answers that a client does not read; beyond it the connection is closed. */
  readonly unsentBytesMax: number;
}

export const TCP_LIMITS: TcpLimits = {
  connectionsMax: 256,
  perClientMax: 64,
  idleMs: 8000,
  unsentBytesMax: 256 * 1024,
};

const SWEEP_EACH_MS = 1000;
/** Signed messages of one connection that are answered at the same time. */
const ASKED_MAX = 16;

interface Connection {
  readonly packet: Packet;
  readonly client: string;
  lastMs: number;
  /** Octets of a message that is not whole yet, with its length in front. */
  unread: Uint8Array;
  /** Octets that the kernel did not take yet. */
  unsent: Uint8Array;
  /** Signed messages that are being answered. */
  asked: number;
  /** Answers that are made when those before them are on their way: transfers. */
  readonly later: Iterator<Uint8Array>[];
}
type DnsSocket = Socket<Connection>;

export interface TcpOptions {
  readonly hosts: readonly string[];
  readonly port: number;
  readonly responder: Responder;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits?: TcpLimits;
  /** Answers what is signed, out of order (RFC 7766 6.2.1.1). */
  readonly desk: SignedDesk;
  /** PEM texts: speaks TLS, and pads what it answers (RFC 7858, RFC 8467). */
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** "dot" after its length: secondaries that fetch over TLS insist on it (RFC 9103 7.1). */
const ALPN_DOT = Uint8Array.of(3, 0x64, 0x6f, 0x74);

/**
 * The keys of session tickets would be those of this listener for as long as the node runs, and are to
 * live for a day at most (threats.md T8): so there are none, and each connection shakes hands anew.
 */
const NO_TICKETS = constants.SSL_OP_NO_TICKET;

export interface TcpServer {
  readonly port: number;
  readonly connections: () => number;
  stop(): void;
}

/**
 * DNS over TCP in the main thread: messages after their length in two octets, as many at a time
 * as the client likes, answered in order. With port 0 the first host's port is used for all.
 */
export function startTcp(o: TcpOptions): TcpServer {
  const desk = new TcpDesk(o);
  const listeners: TCPSocketListener<Connection>[] = [];
  let port = o.port;
  const stop = () => {
    desk.close();
    for (const listener of listeners) listener.stop(true);
  };
  for (const hostname of o.hosts) {
    try {
      const listener = Bun.listen<Connection>({
        hostname,
        port,
        exclusive: true,
        ...(o.tls && { tls: { ...o.tls, ALPNProtocols: ALPN_DOT, secureOptions: NO_TICKETS } }),
        ...apartFromV4(hostname),
        socket: {
          open: (socket) => desk.open(socket),
          data: (socket, data) => desk.read(socket, data),
          drain: (socket) => desk.flush(socket),
          close: (socket) => desk.forget(socket),
          error: (socket) => desk.drop(socket),
          end: (socket) => desk.drop(socket),
          // With this, Bun tells of a connection when it comes and not after its handshake: else who
          // never shakes hands would be neither counted nor closed.
          ...(o.tls && { handshake: () => {} }),
        },
      });
      listeners.push(listener);
      port = listener.port;
    } catch (error) {
      stop();
      throw listenFault(error, `TCP ${hostname} port ${port}`);
    }
  }
  return { port, connections: () => desk.size, stop };
}

/** So that `::` leaves the port to 0.0.0.0. Bun takes this, though its types do not know it. */
function apartFromV4(hostname: string): object {
  return { ipv6Only: hostname.includes(":") };
}

const NOTHING = new Uint8Array(0);

/** Who is connected, and their octets. In a Map's order, the longest idle comes first. */
class TcpDesk {
  readonly #o: TcpOptions;
  readonly #limits: TcpLimits;
  readonly #open = new Set<DnsSocket>();
  readonly #perClient = new Map<string, number>();
  readonly #answer = new Uint8Array(MESSAGE_BYTES_MAX);
  readonly #sweeper: ReturnType<typeof setInterval>;

  constructor(o: TcpOptions) {
    this.#o = o;
    this.#limits = o.limits ?? TCP_LIMITS;
    this.#sweeper = setInterval(() => this.#sweep(), Math.min(SWEEP_EACH_MS, this.#limits.idleMs));
    this.#sweeper.unref();
  }

  get size(): number {
    return this.#open.size;
  }

  close(): void {
    clearInterval(this.#sweeper);
    for (const socket of [...this.#open]) this.drop(socket);
  }

  open(socket: DnsSocket): void {
    const parsed = parseAddress(socket.remoteAddress.split("%")[0]!) ?? new Uint8Array(4);
    const address = isMapped(parsed) ? parsed.subarray(12) : parsed;
    const client = address.join(".");
    const mine = this.#perClient.get(client) ?? 0;
    if (mine >= this.#limits.perClientMax) {
      socket.terminate();
      return;
    }
    if (this.#open.size >= this.#limits.connectionsMax) {
      const idlest = this.#open.values().next().value;
      if (idlest !== undefined) this.drop(idlest);
    }
    const family = familyOf(address);
    const secure = this.#o.tls !== undefined;
    const at = { address, addressAt: 0, family };
    const packet: Packet = { bytes: NOTHING, length: 0, ...at, stream: true, secure };
    const lastMs = this.#o.clock.monoMs();
    socket.data = { packet, client, lastMs, unread: NOTHING, unsent: NOTHING, asked: 0, later: [] };
    this.#perClient.set(client, mine + 1);
    this.#open.add(socket);
  }

  read(socket: DnsSocket, data: Uint8Array): void {
    const own = socket.data;
    if (own === undefined || !this.#open.has(socket)) return;
    own.unread = own.unread.length === 0 ? data : concat(own.unread, data);
    this.#answerAll(socket);
  }

  /** Answers every whole message that has come, unless the client reads none of its answers. */
  #answerAll(socket: DnsSocket): void {
    const own = socket.data;
    const ready: Uint8Array[] = [];
    this.#o.responder.tick(this.#o.clock.wallMs());
    let at = 0;
    while (at + 2 <= own.unread.length) {
      const length = (own.unread[at]! << 8) | own.unread[at + 1]!;
      // Shorter than a header is no DNS; nor can a server tell what comes next.
      if (length < HEADER_BYTES) {
        this.drop(socket);
        return;
      }
      if (at + 2 + length > own.unread.length) break;
      own.packet.bytes = own.unread.subarray(at + 2, at + 2 + length);
      own.packet.length = length;
      if (this.#o.desk.wants(own.packet.bytes, length)) {
        this.#ask(socket, Uint8Array.from(own.packet.bytes));
        at += 2 + length;
        continue;
      }
      const size = this.#o.responder.answer(own.packet, this.#answer);
      if (size > 0) ready.push(Uint8Array.of(size >> 8, size & 255), this.#answer.slice(0, size));
      at += 2 + length;
    }
    // A copy, since what was read belongs to the socket.
    own.unread = at === own.unread.length ? NOTHING : own.unread.slice(at);
    own.packet.bytes = NOTHING;
    if (at > 0) this.#touch(socket);
    if (ready.length > 0) this.#write(socket, concat(own.unsent, ...ready));
  }

  #ask(socket: DnsSocket, bytes: Uint8Array): void {
    const own = socket.data;
    if (own.asked >= ASKED_MAX) return;
    own.asked += 1;
    const { address, family, secure = false } = own.packet;
    const asked = { bytes, address, family, stream: true, secure };
    this.#o.desk
      .answer(asked)
      .then((messages) => {
        if (!this.#open.has(socket)) return;
        own.later.push(messages[Symbol.iterator]());
        this.#send(socket);
      })
      .catch((error: unknown) => this.#o.log.error("Cannot answer a signed message", { error }))
      .finally(() => {
        own.asked -= 1;
      });
  }

  /** Makes and sends what waits, until the client has to read first. */
  #send(socket: DnsSocket): void {
    const own = socket.data;
    while (own.unsent.length === 0 && this.#open.has(socket)) {
      const [messages] = own.later;
      if (messages === undefined) return;
      const { done, value } = messages.next();
      if (done === true) {
        own.later.shift();
        continue;
      }
      this.#touch(socket);
      this.#write(socket, concat(Uint8Array.of(value.length >> 8, value.length & 255), value));
    }
  }

  #write(socket: DnsSocket, bytes: Uint8Array): void {
    const own = socket.data;
    // While something waits, `drain` sends; writing now would put answers out of order.
    const sent = own.unsent.length > 0 ? 0 : Math.max(0, socket.write(bytes));
    own.unsent = sent === bytes.length ? NOTHING : bytes.subarray(sent);
    if (own.unsent.length > this.#limits.unsentBytesMax) this.drop(socket);
  }

  flush(socket: DnsSocket): void {
    const own = socket.data;
    if (own === undefined || own.unsent.length === 0) return;
    const sent = Math.max(0, socket.write(own.unsent));
    own.unsent = sent === own.unsent.length ? NOTHING : own.unsent.subarray(sent);
    this.#send(socket);
  }

  #touch(socket: DnsSocket): void {
    socket.data.lastMs = this.#o.clock.monoMs();
    this.#open.delete(socket);
    this.#open.add(socket);
  }

  #sweep(): void {
    const before = this.#o.clock.monoMs() - this.#limits.idleMs;
    for (const socket of [...this.#open]) {
      if (socket.data.lastMs > before) return;
      this.drop(socket);
    }
  }

  drop(socket: DnsSocket): void {
    this.forget(socket);
    socket.terminate();
  }

  forget(socket: DnsSocket): void {
    if (!this.#open.delete(socket)) return;
    const { client, later } = socket.data;
    for (const messages of later.splice(0)) messages.return?.();
    const left = (this.#perClient.get(client) ?? 1) - 1;
    if (left > 0) this.#perClient.set(client, left);
    else this.#perClient.delete(client);
  }
}

function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
