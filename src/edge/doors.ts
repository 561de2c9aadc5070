import { nodeConnections } from "../model/node-connections.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { clientPrefix, type Prefix } from "../wire/ip/mod.ts";
import type { Cache } from "./cache/mod.ts";
import { namedTls } from "./certificates.ts";
import { openClientSockets } from "./client-sockets.ts";
import { ConnectionCap } from "./connection-cap.ts";
import type { BusyPorts } from "./hot/busy-ports.ts";
import type { EdgeCounts } from "./hot/count.ts";
import type { Prepared } from "./hot/head.ts";
import type { Server } from "./hot/serve.ts";
import { Http3Door } from "./http3-door.ts";
import { type Http3State, Http3Told } from "./http3-told.ts";
import { Lingerers } from "./lingerers.ts";
import { type Listening, listen } from "./listen.ts";
import type { Handle } from "./observe.ts";
import type { EdgeOptions } from "./options.ts";
import { startOwnFigures } from "./own-figures.ts";
import { openOwnSockets } from "./own-sockets.ts";
import { TlsDoor } from "./tls-door.ts";
import type { Crew } from "./workers/crew.ts";
import { openKeeperDoor } from "./workers/keeper-door.ts";
import type { SharedWords } from "./workers/words.ts";

/** Which connections have something under way. */
type Busy = Readonly<Record<"http" | "https", BusyPorts>>;

/** Listens for HTTPS, with customers' certificates as they come and go. */
async function openTlsDoors(
  handle: Handle,
  o: EdgeOptions &
    Required<Pick<EdgeOptions, "tls">> & {
      readonly port: number;
      readonly busy: Busy;
      readonly joined: Crew | null;
    },
): Promise<Listening> {
  const { feed, clock, log, certificates, tlsDrainMs, http3Swap, joined } = o;
  const words = joined?.words;
  const shown = {
    ...{ hosts: o.listen.hosts, own: o.tls, aside: o.aside, clock, log },
    named: () => namedTls(feed.snapshot(), certificates?.list() ?? [], clock.wallMs()),
  };
  // Whichever process has HTTP/3, all of them name it.
  const state = () => (http3 === null ? stateOf(words, door.shown) : http3.state);
  const told = new Http3Told({ cert: o.tls.cert, port: () => door.port, state });
  const isAnnounced = o.listen.http3 === true || words !== undefined;
  let http3: Http3Door | null = null;
  const sockets = openOwnSockets();
  const lingerers =
    sockets === null ? null : new Lingerers({ sockets, busy: o.busy.https, port: () => door.port });
  const door = await TlsDoor.start(isAnnounced ? told.with(handle) : handle, {
    ...shown,
    port: o.port,
    ...(tlsDrainMs === undefined ? {} : { drainMs: tlsDrainMs }),
    ...(lingerers === null ? {} : { watcher: lingerers }),
    ...(joined && { turns: joined.httpsTurns }),
  });
  try {
    if (o.listen.http3 === true) {
      const swap = http3Swap === undefined ? {} : { swap: http3Swap };
      const onState = (...said: Parameters<SharedWords["setHttp3"]>) => words?.setHttp3(...said);
      http3 = new Http3Door(told.with(handle), { ...shown, port: door.port, onState, ...swap });
    }
  } catch (fault) {
    await door.stop();
    throw fault;
  }
  lingerers?.start();
  const changed = () => {
    door.changed();
    http3?.changed();
  };
  const ends = [feed.onSnapshot(changed), certificates?.onChange(changed)];
  return {
    port: door.port,
    stop: async (finishMs) => {
      for (const end of ends) end?.();
      lingerers?.stop();
      await Promise.all([door.stop(finishMs), http3?.stop(finishMs)]);
    },
  };
}

/** What another process of this node says of its HTTP/3, where it has the same certificates. */
function stateOf(words: SharedWords | undefined, shown: TlsDoor["shown"]): Http3State {
  const said = words?.http3(shown.digest) ?? "none";
  if (said === "same") return shown;
  return said === "clear" ? "clear" : null;
}

/** Listens wherever it was asked to, and watches who comes. All closed again where one cannot be. */
export async function openDoors(
  handle: Handle,
  o: EdgeOptions & { readonly busy: Busy; readonly joined: Crew | null },
) {
  const { hosts, http, https } = o.listen;
  const listeners: Listening[] = [];
  const close = async (finishMs: number) => {
    await Promise.all(listeners.map((listener) => listener.stop(finishMs)));
  };
  try {
    const beside = o.crew !== undefined;
    listeners.push(await listen(handle, { hosts, port: http, beside }));
    if (o.tls !== undefined && https !== undefined) {
      listeners.push(await openTlsDoors(handle, { ...o, tls: o.tls, port: https }));
    }
    const ports = listeners.map((listener) => listener.port);
    // The kernel tells of all connections to these ports: of several processes one asks.
    const own = startOwnFigures({ clock: o.clock, hosts, ports, alone: o.crew === undefined });
    const cap = startConnectionCap(ports, o);
    const stop = (finishMs: number) => {
      own.stop();
      cap?.stop();
      return close(finishMs);
    };
    return { ports, own, connections: () => cap?.told() ?? null, stop };
  } catch (fault) {
    await close(0);
    throw fault;
  }
}

/** Null where the system does not tell of connections: there are as many as it lets us have. */
function startConnectionCap(
  [http = 0, https]: readonly number[],
  { connections, busy, feed, log }: EdgeOptions & { readonly busy: Busy },
): ConnectionCap | null {
  const sockets = openClientSockets();
  if (sockets === null) return null;
  const limits = connections ?? { ...nodeConnections.parse(undefined), among: 1 };
  const given = prefixesOf(limits.exempt);
  const plain = { port: http, busy: busy.http, tells: true };
  // Whoever watches what lingers there tells of it.
  const ofTls = (port: number) => ({ port, busy: busy.https, tells: false });
  const cap = new ConnectionCap({
    ...{ sockets, limits, log },
    doors: https === undefined ? [plain] : [plain, ofTls(https)],
    exempt: () => [...given, ...addressesOf(feed.snapshot())],
  });
  cap.start();
  return cap;
}

/** Other caches ask this one for all of their clients. */
function addressesOf(snapshot: Snapshot | null): readonly Prefix[] {
  const nodes = snapshot?.nodes ?? [];
  return prefixesOf(nodes.flatMap(({ v4, v6 }) => [v4, v6]));
}

function prefixesOf(texts: readonly (string | undefined)[]): readonly Prefix[] {
  return texts.flatMap((text) => (text === undefined ? [] : (clientPrefix(text) ?? [])));
}

/** The keeper has no clients of its own. */
export async function openDoorOfKeeper(
  o: Omit<EdgeOptions, "crew"> & {
    readonly crew: Crew;
    readonly server: Server;
    readonly cache: Cache<Prepared>;
    readonly counts: EdgeCounts;
  },
) {
  const { crew, server, cache, counts, clock, log } = o;
  const { hosts, http, https } = o.listen;
  crew.words.setKeeper(process.pid);
  const door = openKeeperDoor({
    ...{ socket: crew.socket, log },
    handle: (request, connection, of) => server.handleRelayed(request, connection, of),
    lend: (request, of, asked) => server.lendRelayed(request, of, asked),
    told: ({ used, spoilt, settled }) => {
      for (const { id, ...said } of settled) counts.settled(id, said);
      for (const key of used) cache.used(key);
      for (const key of spoilt) void server.purge(key).catch(() => {});
    },
  });
  const ports = https === undefined || o.tls === undefined ? [http] : [http, https];
  const own = startOwnFigures({ clock, hosts, ports });
  const stop = (finishMs: number) => {
    own.stop();
    crew.words.setKeeper(0);
    return door.stop(finishMs);
  };
  return { ports, own, connections: () => null, stop };
}
