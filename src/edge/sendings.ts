import { networkInterfaces } from "node:os";
import { parseAddress, plainAddress } from "../wire/ip/mod.ts";
import type { TcpEnds } from "../wire/probe/mod.ts";
import type { Sent } from "./hot/ask.ts";
import type { Connection } from "./hot/serve.ts";
import type { TcpAsk } from "./netlink.ts";

const LOOK_MS = 50;
/** Connections looked at in one go; the others have their turn at the next. */
const LOOKS_MAX = 200;
/**
 * A connection that is gone for so many looks (2 s) has taken all, unless it was told until then that its client
 * left: the runtime may be a while about that. It says nothing where the kernel has taken all of the body.
 */
const GONE_LOOKS = 40;
/**
 * Streams of one connection go side by side: of which the bytes are that were acknowledged is not known while
 * others are under way. After so many looks (10 s) they are taken to have gone one after the other.
 */
const SIDE_BY_SIDE_LOOKS = 200;

/** A connection on which a large body is under way. */
interface Conn {
  readonly key: string;
  readonly ends: TcpEnds;
  /** Of what was acknowledged when it was first looked at, with what was still under way then. */
  readonly base: number;
  /** Acknowledged since then, heads and TLS among it. */
  acked: number;
  /** Bytes of bodies handed to it since then, aborted ones as if they had gone whole. */
  handed: number;
  /** The look that found it gone; 0: it is there. */
  gone: number;
  readonly open: Set<Sending>;
}

interface Sending {
  readonly sent: Sent;
  /** Called once: all is counted then that is going to be. */
  readonly over: () => void;
  /** Of `handed` when its turn came. */
  readonly before: number;
  looks: number;
}

/**
 * Large bodies that were handed to the runtime whole, until it is known what became of them: it does not
 * tell how far a body came whose client leaves, but the kernel tells what the client's has acknowledged.
 *
 *   all of it acknowledged, or the connection over      counted whole
 *   its client left                                     counted as far as it was acknowledged when last
 *                                                       looked at (50 ms), less what the connection got else
 *
 * What is counted of an aborted body was never more than had arrived, but for heads and TLS (0.3 %).
 */
export class Sendings {
  readonly #tcp: TcpAsk;
  readonly #hosts: readonly string[];
  readonly #conns = new Map<string, Conn>();
  /** Those that are gone, the first of them first: the kernel is not asked about them any more. */
  readonly #gone = new Set<Conn>();
  #looks = 0;
  #timer: ReturnType<typeof setInterval> | null = null;

  /** @param hosts what this cache listens on */
  constructor(tcp: TcpAsk, hosts: readonly string[]) {
    this.#tcp = tcp;
    this.#hosts = localsOf(hosts);
  }

  /** Some large body is under way. */
  get any(): boolean {
    return this.#conns.size > 0;
  }

  /** Large bodies that are not counted yet. */
  get open(): number {
    let open = 0;
    for (const conn of this.#conns.values()) open += conn.open.size;
    for (const conn of this.#gone) open += conn.open.size;
    return open;
  }

  /** From here on this sees to what is counted of the body, `sent.held` bytes long. */
  watch(request: Request, connection: Connection, o: Pick<Sending, "sent" | "over">): void {
    const conn = this.#connOf(request, connection);
    if (conn === null) {
      // Nobody can tell: as it was handed over.
      settle(o, o.sent.held);
      return;
    }
    const sending = { ...o, before: conn.handed, looks: 0 };
    conn.handed += o.sent.held;
    conn.open.add(sending);
    request.signal.addEventListener("abort", () => this.#left(conn, sending), { once: true });
    if (request.signal.aborted) this.#left(conn, sending);
    this.#timer ??= setInterval(() => this.look(), LOOK_MS);
  }

  /** Bytes of another body that the same connection may have got meanwhile. */
  also(request: Request, connection: Connection, bytes: number): void {
    const remote = connection.requestIP(request);
    const conn = remote === null ? undefined : this.#conns.get(keyOf(remote));
    if (conn !== undefined) conn.handed += bytes;
  }

  #connOf(request: Request, connection: Connection): Conn | null {
    const remote = connection.requestIP(request);
    if (remote?.port === undefined || connection.port === undefined) return null;
    const key = keyOf(remote);
    const known = this.#conns.get(key);
    if (known !== undefined) this.#lookAt(known);
    // Who asks again over HTTP/1.1 has taken what went before.
    if (known !== undefined && known.open.size > 0 && known.gone === 0) return known;
    const localPort = connection.port;
    const [address, ...rest] = [remote.address, connection.hostname, ...this.#hosts].map(octets);
    if (address == null) return null;
    for (const local of rest) {
      if (local?.length !== address.length) continue;
      const ends = { local, localPort, remote: address, remotePort: remote.port };
      const now = this.#tcp.sent(ends);
      if (now === null || now === "over") continue;
      const base = now.acked + now.queued;
      const conn: Conn = { key, ends, base, acked: 0, handed: 0, gone: 0, open: new Set() };
      this.#conns.set(key, conn);
      return conn;
    }
    return null;
  }

  /** Asks the kernel now. */
  look(): void {
    this.#looks++;
    for (const conn of this.#gone) {
      if (this.#looks - conn.gone < GONE_LOOKS) break;
      this.#settleAll(conn);
    }
    let looks = 0;
    for (const [key, conn] of this.#conns) {
      if (++looks > LOOKS_MAX) break;
      // Put in again, so that all have their turn.
      this.#conns.delete(key);
      this.#conns.set(key, conn);
      this.#lookAt(conn);
    }
    if (this.#conns.size === 0 && this.#gone.size === 0) this.#rest();
  }

  #lookAt(conn: Conn): void {
    this.#ask(conn);
    if (conn.gone > 0) return;
    if (conn.acked >= conn.handed) {
      this.#settleAll(conn);
      return;
    }
    for (const sending of conn.open) {
      const { held } = sending.sent;
      const late = ++sending.looks >= SIDE_BY_SIDE_LOOKS;
      if (!late || conn.acked < sending.before + held) continue;
      conn.open.delete(sending);
      settle(sending, held);
    }
    if (conn.open.size === 0) this.#forget(conn);
  }

  #settleAll(conn: Conn): void {
    this.#forget(conn);
    for (const sending of conn.open) {
      conn.open.delete(sending);
      settle(sending, sending.sent.held);
    }
  }

  #forget(conn: Conn): void {
    this.#gone.delete(conn);
    if (this.#conns.get(conn.key) === conn) this.#conns.delete(conn.key);
  }

  #ask(conn: Conn): void {
    const now = this.#tcp.sent(conn.ends);
    // Ours is the side that closed it, after all of it.
    if (now === "over") {
      this.#settleAll(conn);
      return;
    }
    // Nobody has the port any more, or somebody else.
    if (now === null || now.acked < conn.base + conn.acked) {
      this.#forget(conn);
      conn.gone = Math.max(1, this.#looks);
      this.#gone.add(conn);
      return;
    }
    conn.acked = now.acked - conn.base;
  }

  #left(conn: Conn, sending: Sending): void {
    if (!conn.open.delete(sending)) return;
    if (conn.gone === 0) this.#ask(conn);
    const { held } = sending.sent;
    const own = conn.acked - (conn.handed - held);
    settle(sending, Math.max(0, Math.min(held, own)));
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** What is not known to have arrived is not counted. */
  stop(): void {
    this.#rest();
    for (const conn of [...this.#conns.values(), ...this.#gone]) {
      for (const sending of [...conn.open]) this.#left(conn, sending);
    }
    this.#conns.clear();
    this.#gone.clear();
    this.#tcp.stop();
  }
}

function settle({ sent, over }: Pick<Sending, "sent" | "over">, bytes: number): void {
  sent.held = 0;
  sent.bytes += bytes;
  if (sent.entry !== null) {
    sent.entry.usage.bytesOut += bytes;
    sent.entry.counts.bytesOut += bytes;
  }
  over();
}

function keyOf({ address, port }: { readonly address: string; readonly port?: number }): string {
  return `${address} ${port}`;
}

/** Octets of an address; of an IPv4 one in an IPv6 one, its own four. Null: it is none. */
function octets(address: string | undefined): Uint8Array | null {
  return parseAddress(plainAddress(address ?? ""));
}

/** The addresses at which clients may reach what listens here. */
function localsOf(hosts: readonly string[]): readonly string[] {
  if (!hosts.some((host) => host === "0.0.0.0" || host === "::")) return hosts;
  return Object.values(networkInterfaces()).flatMap((all) => all?.map((one) => one.address) ?? []);
}
