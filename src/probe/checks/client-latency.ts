import type { Clock } from "../../base/clock.ts";
import type { Rng } from "../../base/rng.ts";
import { formatAddress, parseAddress } from "../../wire/ip/mod.ts";
import { encodeLatencyQuery, isLatencyReply } from "../../wire/probe/mod.ts";

export interface LatencyAsker {
  /** One round trip, ms; null when nothing answered in time. `address` is an IP literal. */
  measure(address: string, port: number, timeoutMs: number): Promise<number | null>;
  close(): void;
}

interface Pending {
  readonly address: string;
  readonly port: number;
  readonly sentMs: number;
  readonly settle: (rttMs: number | null) => void;
}

type UdpSocket = Awaited<ReturnType<typeof openSocket>>;

/**
 * Measures round trips to name servers by the smallest DNS query. Asks from `from` (the node's own
 * address) where the machine has it, so that the way back is the one users' answers take.
 */
export async function startLatencyAsker(options: {
  readonly from: { readonly v4: string | null; readonly v6: string | null };
  readonly clock: Clock;
  readonly rng: Rng;
}): Promise<LatencyAsker> {
  const asker = new Asker(options.clock, options.rng);
  await asker.open(options.from);
  return asker;
}

class Asker implements LatencyAsker {
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #pending = new Map<number, Pending>();
  #v4: UdpSocket | null = null;
  #v6: UdpSocket | null = null;

  constructor(clock: Clock, rng: Rng) {
    this.#clock = clock;
    this.#rng = rng;
  }

  async open(from: { readonly v4: string | null; readonly v6: string | null }): Promise<void> {
    const take = (bytes: Uint8Array, port: number, address: string) => {
      this.#take(bytes, port, address);
    };
    this.#v4 = await openFirst([from.v4, "0.0.0.0"], take);
    this.#v6 = await openFirst([from.v6, "::"], take);
  }

  measure(address: string, port: number, timeoutMs: number): Promise<number | null> {
    const socket = address.includes(":") ? this.#v6 : this.#v4;
    const id = this.#freeId();
    if (socket === null || id === null) return Promise.resolve(null);
    return new Promise((resolve) => {
      const timer = setTimeout(() => settle(null), timeoutMs);
      const settle = (rttMs: number | null) => {
        clearTimeout(timer);
        this.#pending.delete(id);
        resolve(rttMs);
      };
      this.#pending.set(id, {
        address: canonical(address),
        port,
        sentMs: this.#clock.monoMs(),
        settle,
      });
      try {
        socket.send(encodeLatencyQuery(id), port, address);
      } catch {
        // No route, or the name server's host refused an earlier packet: not measured.
        settle(null);
      }
    });
  }

  close(): void {
    for (const pending of [...this.#pending.values()]) pending.settle(null);
    this.#v4?.close();
    this.#v6?.close();
    this.#v4 = null;
    this.#v6 = null;
  }

  #take(bytes: Uint8Array, port: number, address: string): void {
    const id = bytes.length < 2 ? -1 : (bytes[0]! << 8) | bytes[1]!;
    const pending = this.#pending.get(id);
    if (pending === undefined || !isLatencyReply(bytes, id)) return;
    if (pending.port !== port || pending.address !== canonical(address)) return;
    pending.settle(this.#clock.monoMs() - pending.sentMs);
  }

  #freeId(): number | null {
    for (let tries = 0; tries < 8; tries++) {
      const id = Math.floor(this.#rng.float() * 65_536);
      if (!this.#pending.has(id)) return id;
    }
    return null;
  }
}

/** One spelling for each address: an answer's is compared with the one asked. */
function canonical(address: string): string {
  const bytes = parseAddress(address);
  return bytes === null ? address : formatAddress(bytes);
}

async function openFirst(
  hosts: readonly (string | null)[],
  take: (bytes: Uint8Array, port: number, address: string) => void,
): Promise<UdpSocket | null> {
  for (const host of hosts) {
    if (host === null) continue;
    try {
      return await openSocket(host, take);
    } catch {
      // Not an address of this machine (behind NAT), or no such family here: try the next.
    }
  }
  return null;
}

function openSocket(
  hostname: string,
  take: (bytes: Uint8Array, port: number, address: string) => void,
) {
  return Bun.udpSocket({
    hostname,
    socket: {
      data: (_socket, bytes, port, address) => take(bytes, port, address),
      error() {},
    },
  });
}

/** The median of the last five round trips, so that one late packet moves nothing. */
export class SmoothedRtt {
  readonly #samples: number[] = [];
  #missed = 0;

  add(rttMs: number | null): void {
    if (rttMs === null) {
      // After five unanswered ones what was known is no longer so.
      if (++this.#missed >= 5) this.#samples.length = 0;
      return;
    }
    this.#missed = 0;
    this.#samples.push(rttMs);
    if (this.#samples.length > 5) this.#samples.shift();
  }

  get rttMs(): number | null {
    const sorted = [...this.#samples].sort((a, b) => a - b);
    return sorted[Math.floor((sorted.length - 1) / 2)] ?? null;
  }
}
