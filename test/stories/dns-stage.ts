// What the stories of the name server stand on: a feed that is moved on by hand, a server on a free
// port of loopback, and clients over UDP, TCP and TLS.
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { FakeClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { realClock } from "../../src/base/real/clock.ts";
import { seededRng } from "../../src/base/rng.ts";
import { compileWorld, healthOf } from "../../src/dns/hot/world.fixture.ts";
import { type DnsOptions, type DnsServer, startDns } from "../../src/dns/mod.ts";
import { NO_ASSIGNMENT } from "../../src/model/assignment.ts";
import type { Feed } from "../../src/model/feed.ts";
import type { Health } from "../../src/model/health.ts";
import type { Snapshot } from "../../src/model/snapshot.ts";
import { type Meter, noUsage } from "../../src/model/usage.ts";
import {
  decodeMessage,
  type Edns,
  encodeMessage,
  isWireFault,
  type Message,
  makeQuery,
  TYPE,
} from "../../src/wire/dns/mod.ts";

const cleanups: (() => unknown)[] = [];

/** To be called after each test. */
export async function clean(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

export function onClean(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

/** A feed that a test moves on by hand. */
export class HandFeed implements Feed {
  #snapshot: Snapshot | null;
  #health: Health;
  readonly #onSnapshot = new Set<(snapshot: Snapshot) => void>();
  readonly #onHealth = new Set<() => void>();

  constructor(snapshot: Snapshot | null, health: Health) {
    this.#snapshot = snapshot;
    this.#health = health;
  }

  snapshot = () => this.#snapshot;
  health = () => this.#health;
  assignment = () => NO_ASSIGNMENT;
  onSnapshot(listener: (snapshot: Snapshot) => void): () => void {
    this.#onSnapshot.add(listener);
    return () => this.#onSnapshot.delete(listener);
  }
  onHealth(listener: () => void): () => void {
    this.#onHealth.add(listener);
    return () => this.#onHealth.delete(listener);
  }
  publish(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    for (const listener of this.#onSnapshot) listener(snapshot);
  }
  observe(health: Health): void {
    this.#health = health;
    for (const listener of this.#onHealth) listener();
  }
}

export async function startServer(
  listen: Partial<DnsOptions["listen"]> = {},
  more: Partial<
    Pick<DnsOptions, "answering" | "extras" | "keys" | "onLookup" | "tls" | "update">
  > & {
    readonly feed?: Feed;
    readonly clock?: FakeClock;
    readonly meter?: Meter;
  } = {},
): Promise<DnsServer> {
  const snapshot = compileWorld();
  const dns = await startDns({
    node: "a",
    meter: { of: noUsage },
    rng: seededRng(1),
    log: silentLog,
    ...more,
    feed: more.feed ?? new HandFeed(snapshot, healthOf(snapshot)),
    clock: more.clock ?? realClock,
    listen: { hosts: ["127.0.0.1"], port: 0, ...listen },
  });
  cleanups.push(() => dns.stop());
  return dns;
}

/** A query's octets. */
export function query(name: string, edns: Partial<Edns> | null = {}, type: number = TYPE.A) {
  const seed = makeQuery(4711, name, type);
  return encodeMessage({ ...seed, edns: edns === null ? null : { ...seed.edns!, ...edns } })!;
}

/** Ends of a UDP conversation: the client's own address, and the one it asks. */
interface Ends {
  readonly from?: string;
  readonly host?: string;
}

/** A UDP client that counts and keeps what comes back, from the address asked alone. */
export async function udpClient(port: number, o: Ends = {}) {
  const { host = "127.0.0.1", from = host.includes(":") ? "::1" : "127.0.0.1" } = o;
  const packets: Uint8Array[] = [];
  const answers: Message[] = [];
  const socket = await Bun.udpSocket({
    hostname: from,
    connect: { hostname: host, port },
    socket: {
      data: (_socket, data) => {
        packets.push(Uint8Array.from(data));
        const message = decodeMessage(packets.at(-1)!);
        if (!isWireFault(message)) answers.push(message);
      },
      // The server may be gone by the end of a test.
      error: () => {},
    },
  });
  cleanups.push(() => socket.close());
  const send = (bytes: Uint8Array) => !socket.closed && socket.send(bytes);
  return { packets, answers, send };
}

/** Asks over UDP, again every 200 ms as a resolver would. */
export async function askUdp(port: number, bytes: Uint8Array, o: Ends = {}): Promise<Message> {
  const client = await udpClient(port, o);
  client.send(bytes);
  const timer = setInterval(() => client.send(bytes), 200);
  try {
    await until(() => client.answers.length > 0);
    return client.answers[0]!;
  } finally {
    clearInterval(timer);
  }
}

/** The addresses of an answer. */
export function addressesOf(message: Message): string[] {
  return message.answers.flatMap(({ data }) => (data.kind === "address" ? [data.address] : []));
}

/** Waits until it is true, at most so long, ms. */
export async function until(what: () => boolean | Promise<boolean>, limitMs = 4000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await what())) {
    if (performance.now() > end) throw new Error(`Waited in vain for: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** A connection over TCP, or TLS without a look at the certificate, that collects whole messages. */
export async function dial(
  port: number,
  o: { readonly tls?: boolean; readonly from?: string; readonly host?: string } = {},
) {
  const messages: Uint8Array[] = [];
  let unread: Buffer = Buffer.alloc(0);
  let closed = false;
  const to = { port, host: o.host ?? "127.0.0.1", ...(o.from && { localAddress: o.from }) };
  const socket: Socket = o.tls ? connectTls({ ...to, rejectUnauthorized: false }) : connect(to);
  socket.on("data", (data: Buffer) => {
    unread = Buffer.concat([unread, data]);
    while (unread.length >= 2 && unread.length >= 2 + unread.readUInt16BE(0)) {
      const end = 2 + unread.readUInt16BE(0);
      messages.push(Uint8Array.from(unread.subarray(2, end)));
      unread = unread.subarray(end);
    }
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
  });
  cleanups.push(() => socket.destroy());
  await new Promise((resolve) => {
    socket.once(o.tls ? "secureConnect" : "connect", resolve);
    socket.once("close", resolve);
  });
  return { socket, messages, isClosed: () => closed };
}

/** A message with its length in front. */
export function framed(message: Uint8Array): Uint8Array {
  return Uint8Array.of(message.length >> 8, message.length & 255, ...message);
}
