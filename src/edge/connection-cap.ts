import type { Log } from "../base/log.ts";
import type { NodeConnections } from "../model/node-connections.ts";
import { formatPrefix, type Prefix, prefixContains } from "../wire/ip/mod.ts";
import type { ClientSocket, ClientSockets } from "./client-sockets.ts";
import type { BusyPorts } from "./hot/busy-ports.ts";
import type { ClientNetwork } from "./opening-filter.ts";

/** Whether descriptors run out is asked so often: 2 us. */
const TICK_MS = 20;
/** Connections are looked at each second, */
const LOOK_MS = 1_000;
/** more often while some wait for others to go, */
const SOON_MS = 100;
/** and at once where there may be too many, but for no more than one part of the time in so many. */
const COST_SHARE = 10;
/** Descriptors looked at in one go: 0.1 ms. */
const SLICE = 100;
/** Where a quarter of the descriptors is left for servers, files and logs, clients get no more. */
const KEPT_PART = 1 / 4;
const CONNECTIONS_MAX = 50_000;
const CLIENT_PART = 1 / 10;
const CLIENT_LEAST = 64;
/** Of connections that are as many as may be, so many idle ones make room. */
const ROOM_PART = 1 / 16;
/** One on which nothing went for so long is idle. */
const IDLE_MS = 1_000;
/** Of those that are too many also one on which nothing went for so long: it was let in by mistake. */
const BRIEF_MS = 100;
/** A client of which many more came than may be, before that was seen, waits for so long at least. */
const FLOOD_MS = 5_000;
const LOG_EACH_MS = 60_000;

/** Why connections are closed or left waiting: as many of all, or of one client, as may be. */
export type CapReason = "full" | "client";

export interface ConnectionsTold {
  /** At the last look. */
  readonly open: number;
  readonly max: number;
  /** Idle ones that were closed for others. */
  readonly closed: Readonly<Record<CapReason, number>>;
  /** How often new ones, of everybody or of one client, were left waiting. */
  readonly pauses: Readonly<Record<CapReason, number>>;
}

export interface ConnectionLimits extends NodeConnections {
  /** Processes that share the ports: each has its part. */
  readonly among: number;
}

/** Where clients come to. */
export interface CountedDoor {
  readonly port: number;
  /** Which of its connections have a request under way. */
  readonly busy: BusyPorts;
  /** Nobody else looks at all of its connections, and tells of them. */
  readonly tells: boolean;
}

export interface ConnectionCapOptions {
  readonly sockets: ClientSockets;
  readonly limits: ConnectionLimits;
  readonly doors: readonly CountedDoor[];
  /** Clients that may have as many as they like. */
  readonly exempt: () => readonly Prefix[];
  readonly log: Log;
  readonly nowMs?: () => number;
  /** Waits for the next turn of the loop. */
  readonly turn?: () => Promise<void>;
}

/**
 * Keeps clients from taking all descriptors (threats H17): beyond that no server could be asked, no
 * object read or written. The runtime accepts whatever comes and tells of no connection, so this is
 * done from beside it:
 *
 *   as many as may be      those idle longest are closed, a sixteenth of all, and new ones come in
 *   none is idle           new ones wait: what opens them is dropped by the kernel, so that they take
 *                          nothing here, and clients say it again
 *   of one client          likewise, of that client alone; of a flood for five seconds at least
 *
 * A request under way is never cut off. How many there are is counted by looking at each, once a
 * second or more often. In between the lowest free descriptor is watched: there are at most as many open as that says
 * plus what the runtime accepts in one go.
 */
export class ConnectionCap {
  readonly #o: ConnectionCapOptions;
  readonly #nowMs: () => number;
  readonly #turn: () => Promise<void>;
  readonly #ports: readonly number[];
  readonly #max: number;
  readonly #clientMax: number;
  readonly #closed = { full: 0, client: 0 };
  readonly #pauses = { full: 0, client: 0 };
  readonly #logged = { full: Number.NEGATIVE_INFINITY, client: Number.NEGATIVE_INFINITY };
  #listeners: readonly number[] = [];
  #open = 0;
  /** While the lowest free descriptor is below that, there is room. */
  #roomBelow = 0;
  /** New connections wait, all of them. */
  #isFull = false;
  /** As many were there at the last look as may be, */
  #wasFull = false;
  /** of all or of one client, and some were closed or not. */
  #wasTight = false;
  /** Networks whose new connections wait, by their names. */
  #keptOut: ReadonlyMap<string, ClientNetwork> = new Map();
  /** Those that flooded. */
  readonly #floods = new Map<
    string,
    { readonly network: ClientNetwork; readonly untilMs: number }
  >();
  #isLooking = false;
  #stopped = false;
  #nextMs = 0;
  #soonestMs = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(o: ConnectionCapOptions) {
    this.#o = o;
    this.#nowMs = o.nowMs ?? (() => performance.now());
    this.#turn = o.turn ?? nextTurn;
    this.#ports = o.doors.map(({ port }) => port);
    const { max, perClient, among } = o.limits;
    const room = Math.floor(o.sockets.descriptorsMax * (1 - KEPT_PART));
    const preset = Math.min(CONNECTIONS_MAX / among, o.sockets.descriptorsMax / 2);
    this.#max = Math.max(1, Math.min(room, Math.ceil(max === undefined ? preset : max / among)));
    if (max !== undefined && max / among > room) {
      o.log.warn("A process may open too few files for connections.max", {
        ...{ connectionsMax: max, filesMax: o.sockets.descriptorsMax, taken: this.#max },
      });
    }
    const least = Math.max(CLIENT_LEAST, this.#max * among * CLIENT_PART);
    const ofClient = Math.ceil((perClient ?? least) / among);
    this.#clientMax = Math.min(this.#max, ofClient);
  }

  start(): void {
    this.#timer = setInterval(() => void this.tick(), TICK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#listeners = [];
    this.#stopped = true;
  }

  told(): ConnectionsTold {
    const { closed, pauses } = { closed: this.#closed, pauses: this.#pauses };
    return { open: this.#open, max: this.#max, closed: { ...closed }, pauses: { ...pauses } };
  }

  /** Whether there may be too many now; looks where that is so, or a second has passed. */
  tick(): Promise<void> | null {
    const isTight = this.#o.sockets.lowestFree() >= this.#roomBelow;
    if (isTight && !this.#isFull && this.#listeners.length > 0) this.#hold(true);
    const nowMs = this.#nowMs();
    const hasChanged = isTight !== this.#wasFull;
    const isDue = nowMs >= this.#nextMs || (hasChanged && nowMs >= this.#soonestMs);
    return isDue && !this.#isLooking ? this.look() : null;
  }

  /** Looks at all connections once, and closes or keeps out what is too many. */
  async look(): Promise<void> {
    this.#isLooking = true;
    let spentMs = 0;
    const timed: Timed = (act) => {
      const fromMs = this.#nowMs();
      act();
      spentMs += this.#nowMs() - fromMs;
    };
    try {
      await this.#look(timed);
    } finally {
      this.#isLooking = false;
      this.#soonestMs = this.#nowMs() + spentMs * COST_SHARE;
      const waitMs = this.#wasTight ? SOON_MS : LOOK_MS;
      this.#nextMs = Math.max(this.#nowMs() + waitMs, this.#soonestMs);
    }
  }

  async #look(timed: Timed): Promise<void> {
    const { sockets, doors, limits } = this.#o;
    for (const { busy, tells } of doors) if (tells) busy.looking();
    const all = await sockets.list();
    const listeners: number[] = [];
    const clients: ClientSocket[] = [];
    const byNetwork = new Map<number | string, ClientSocket[]>();
    await this.#each(all, timed, (fd) => {
      const found = sockets.look(fd, this.#ports);
      if (found === "listener") listeners.push(fd);
      else if (found !== null) {
        clients.push(found);
        const key = keyOf(found.network);
        const own = byNetwork.get(key);
        if (own === undefined) byNetwork.set(key, [found]);
        else own.push(found);
      }
    });
    this.#listeners = this.#stopped ? [] : listeners;
    for (const { port, busy, tells } of doors) {
      const own = tells ? clients.filter(({ localPort }) => localPort === port) : [];
      if (tells) busy.looked(new Set(own.map((client) => client.port)));
    }
    const single = await this.#relieveOfSingle([...byNetwork.values()], timed);
    const { closed, keptOut } = single;
    const left = clients.filter(({ fd }) => !closed.has(fd));
    // What is no client's needs its descriptors, too, and clients have the rest.
    const others = all.length - clients.length;
    const room = Math.floor(sockets.descriptorsMax * (1 - KEPT_PART)) - others;
    const most = Math.max(1, Math.min(this.#max, room));
    // Nobody makes room for what floods: that goes as soon as nothing is on its way there.
    const gone = await this.#relieve(left, timed, { most: most + single.excess, reason: "full" });
    this.#open = left.length - gone.size;
    this.#roomBelow = others + most;
    this.#wasFull = this.#open >= most;
    this.#wasTight = left.length >= most || keptOut.size + closed.size > 0;
    if (left.length >= most) {
      const told = { connections: left.length, most, closed: gone.size };
      this.#say("full", { ...told, processes: limits.among });
    }
    for (const name of keptOut.keys()) if (!this.#keptOut.has(name)) this.#pauses.client++;
    this.#keptOut = keptOut;
    this.#hold(this.#wasFull);
  }

  /** Closes and keeps out what single clients have too many of. */
  async #relieveOfSingle(networks: readonly (readonly ClientSocket[])[], timed: Timed) {
    const keptOut = new Map<string, ClientNetwork>();
    const closed = new Set<number>();
    const most = this.#clientMax;
    let excess = 0;
    if (most >= this.#max) return { keptOut, closed, excess };
    const nowMs = this.#nowMs();
    for (const [name, { network, untilMs }] of this.#floods) {
      if (untilMs > nowMs) keptOut.set(name, network);
      else this.#floods.delete(name);
    }
    for (const own of networks) {
      const network = own[0]?.network;
      if (network === undefined || own.length < most) continue;
      if (isExempt(network, this.#o.exempt())) continue;
      const gone = await this.#relieve(own, timed, { most, reason: "client" });
      for (const fd of gone) closed.add(fd);
      excess += Math.max(0, own.length - gone.size - most);
      const client = nameOf(network);
      if (own.length > most + roomOf(most)) {
        this.#floods.set(client, { network, untilMs: nowMs + FLOOD_MS });
      }
      if (own.length - gone.size >= most || this.#floods.has(client)) keptOut.set(client, network);
      this.#say("client", { client, connections: own.length, most, closed: gone.size });
    }
    return { keptOut, closed, excess };
  }

  /** Does so with all of them, a few at a time. */
  async #each<T>(all: readonly T[], timed: Timed, act: (one: T) => void): Promise<void> {
    for (let at = 0; at < all.length; at += SLICE) {
      const some = all.slice(at, at + SLICE);
      timed(() => some.forEach(act));
      await this.#turn();
    }
  }

  /**
   * Closes idle ones of these where they are as many as may be: those that are too many, and of those
   * idle for a second a few more, longest first.
   *
   * @returns their descriptors
   */
  async #relieve(
    clients: readonly ClientSocket[],
    timed: Timed,
    { most, reason }: { readonly most: number; readonly reason: CapReason },
  ): Promise<ReadonlySet<number>> {
    const gone = new Set<number>();
    const excess = clients.length - most;
    if (excess < 0) return gone;
    const idle: { readonly client: ClientSocket; readonly ms: number }[] = [];
    await this.#each(clients, timed, (client) => {
      const ms = this.#idleMs(client);
      if (ms !== null) idle.push({ client, ms });
    });
    idle.sort((a, b) => b.ms - a.ms);
    const room = excess + roomOf(most);
    const chosen = idle.filter(({ ms }, i) => ms >= (i < excess ? BRIEF_MS : IDLE_MS) && i < room);
    await this.#each(chosen, timed, ({ client, ms }) => {
      // Meanwhile it may have asked for something, or be somebody else's.
      const nowMs = this.#idleMs(client);
      if (nowMs === null || nowMs < ms) return;
      this.#o.sockets.shut(client.fd);
      gone.add(client.fd);
    });
    this.#closed[reason] += gone.size;
    return gone;
  }

  /** Null: it is none any more, or something is under way. */
  #idleMs({ fd, localPort, port }: ClientSocket): number | null {
    const now = this.#o.sockets.look(fd, this.#ports);
    if (now === null || now === "listener") return null;
    if (now.port !== port || now.localPort !== localPort) return null;
    const door = this.#o.doors.find((one) => one.port === localPort);
    return door === undefined || door.busy.has(port) ? null : this.#o.sockets.quietMs(fd);
  }

  /** Has new connections wait: all, or those of clients that have as many as they may. */
  #hold(isFull: boolean): void {
    if (isFull && !this.#isFull) this.#pauses.full++;
    this.#isFull = isFull;
    const of = isFull ? "everybody" : [...this.#keptOut.values()];
    const { sockets } = this.#o;
    // One that was closed since may be anything by now.
    const still = this.#listeners.filter((fd) => sockets.look(fd, this.#ports) === "listener");
    if (!sockets.keepOut(still, of)) {
      this.#say("full", { why: "the kernel does not let new connections wait" });
    }
  }

  #say(reason: CapReason, told: Readonly<Record<string, unknown>>): void {
    const nowMs = this.#nowMs();
    if (nowMs - this.#logged[reason] < LOG_EACH_MS) return;
    this.#logged[reason] = nowMs;
    this.#o.log.warn(WORDS[reason], told);
  }
}

const WORDS: Readonly<Record<CapReason, string>> = {
  full: "As many clients are connected as may be",
  client: "A client has as many connections as one may have",
};

function roomOf(most: number): number {
  return Math.ceil(most * ROOM_PART);
}

/** Counts the time that it takes. */
type Timed = (act: () => void) => void;

function keyOf({ family, high, low }: ClientNetwork): number | string {
  return family === 4 ? high : `${high} ${low}`;
}

function prefixOf({ family, high, low }: ClientNetwork): Prefix {
  const address = new Uint8Array(family === 4 ? 4 : 16);
  const words = new DataView(address.buffer);
  words.setUint32(0, high);
  if (family === 6) words.setUint32(4, low);
  return { family, address, bits: family === 4 ? 32 : 64 };
}

function nameOf(network: ClientNetwork): string {
  return formatPrefix(prefixOf(network)).replace("/32", "");
}

/** Of a /64 each client is, where one of them is. */
function isExempt(network: ClientNetwork, exempt: readonly Prefix[]): boolean {
  const own = prefixOf(network);
  return exempt.some((one) =>
    one.bits <= own.bits ? prefixContains(one, own.address) : prefixContains(own, one.address),
  );
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
