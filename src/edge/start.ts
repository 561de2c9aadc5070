import { createHash, createHmac } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Bus } from "../bus/bus.ts";
import type { Feed } from "../model/feed.ts";
import type { NodeStats } from "../model/messages.ts";
import type { FindCredential } from "../model/origin-credential.ts";
import type { NameResolver } from "../model/resolver.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Meter } from "../model/usage.ts";
import { cacheKey } from "../policy/caching/mod.ts";
import type { View } from "../policy/steering/mod.ts";
import type { AccessSink } from "./access-log.ts";
import { Bans } from "./bans.ts";
import { Beacon } from "./beacon.ts";
import { Cache, type Files } from "./cache/mod.ts";
import { type CertificateSource, namedTls } from "./certificates.ts";
import { Encoder } from "./encoder.ts";
import type { FindChallenge } from "./hot/challenge.ts";
import { EdgeCounts } from "./hot/count.ts";
import type { Prepared } from "./hot/head.ts";
import { WHOLE_BYTES_MAX } from "./hot/limits.ts";
import type { ParentTimes } from "./hot/parents.ts";
import { pathsHeld } from "./hot/rules.ts";
import { Server } from "./hot/serve.ts";
import { compileTable, type EdgeTable } from "./hot/table.ts";
import type { TierKeys } from "./hot/tier.ts";
import { Http3Door, type Http3DoorOptions, thenAnnounced } from "./http3-door.ts";
import { type Aside, type Listening, listen } from "./listen.ts";
import { startLogs } from "./logs/mod.ts";
import { EdgeMetrics } from "./metrics.ts";
import { openTcpAsk } from "./netlink.ts";
import { type Handle, observed } from "./observe.ts";
import { originClient } from "./origin-client.ts";
import { startOwnFigures } from "./own-figures.ts";
import { PurgeLog } from "./purge-log.ts";
import { PurgeMethod } from "./purge-method.ts";
import { Sendings } from "./sendings.ts";
import { tellFailures } from "./tell-failures.ts";
import { TlsDoor } from "./tls-door.ts";
import { WebSockets } from "./web-sockets.ts";
import { answerWhy } from "./why.ts";

export interface EdgeOptions {
  /** The node's name. */
  readonly node: string;
  readonly listen: {
    readonly hosts: readonly string[];
    readonly http: number;
    readonly https?: number;
    /** HTTP/3 too, over UDP at the port of https. */
    readonly http3?: boolean;
  };
  /** PEM texts. Without them nothing listens for HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Customers' certificates, over HTTPS shown for their hosts. */
  readonly certificates?: CertificateSource;
  /** How long connections may go on with certificates that are no longer shown, ms. */
  readonly tlsDrainMs?: number;
  /** How HTTP/3 comes to show other certificates; the preset where it is left out. */
  readonly http3Swap?: Http3DoorOptions["swap"];
  /** Where requests are written down; nowhere without it. */
  readonly access?: AccessSink;
  readonly dataDir: string;
  readonly memoryBytesMax: number;
  readonly diskBytesMax: number;
  readonly feed: Feed;
  readonly bus: Bus;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Exchanges of all customers together with web servers; the preset where it is left out. */
  readonly exchangesMax?: number;
  /** Over HTTPS only: asked first about each request. */
  readonly aside?: Aside;
  /** How long requests under way may take once it is to end; cut off at once without it. */
  readonly finishMs?: number;
  /** How receivers of logs are found. Without it no log is delivered. */
  readonly resolver?: NameResolver;
  /** What authorities are to find at names under order; nothing where it is left out. */
  readonly challenges?: FindChallenge;
  /** What web servers are shown, by customer and name; nothing where it is left out. */
  readonly credentials?: FindCredential;
  /** The secret of a customer's key for signed addresses and logs; null: there is none. */
  readonly secrets?: (customer: string, key: string) => Uint8Array | null;
  /** By which caches of this network know each other; without them none asks another. */
  readonly tierKeys?: TierKeys["secrets"];
  /** How parents are waited for; the presets where it is left out. */
  readonly parentTimes?: ParentTimes;
  /** What the disk tier does to a file system; the real one where it is left out. */
  readonly files?: Files;
}

export interface EdgeRole {
  readonly httpPort: number;
  readonly httpsPort: number | null;
  stop(): Promise<void>;
  /** For Prometheus: all since the start. */
  metrics(): string;
  /** What was served since the last call. */
  drainStats(): Pick<
    NodeStats,
    | "edge"
    | "fetches"
    | "told"
    | "origins"
    | "tiers"
    | "parents"
    | "parentsFailed"
    | "clientRtt"
    | "beaconRtt"
    | "figures"
    | "logs"
    | "networks"
  >;
}

/** Starts a caching server. Throws Fault `port-in-use`, with everything closed again. */
export async function startEdge(o: EdgeOptions): Promise<EdgeRole> {
  const { cache, bans, encoder, counts } = openHeld(o);
  const metrics = new EdgeMetrics(counts);
  const origins = originClient();
  const webSockets = new WebSockets();
  let table: EdgeTable | null = null;
  const { node, clock, rng, log, feed } = o;
  const { beacon, ...seen } = seenOf(o);
  const server = new Server({
    ...{ node, clock, rng, log, cache, counts, origins, ...seen, beacon: beacon.answer },
    table: () => table,
    behind: () => purges.behind,
    purged: () => purges.applied,
    purgeBegun: () => purges.begun,
    ...givenBy(o),
    groupEnds: () => bans.groupEnds,
    endGroups: (of, groups) => groupsEnd({ bans, server, log }, of, groups),
    banned: (meta) => bans.of(meta),
    purgeAsked: (...asked) => purgeMethod.answer(...asked),
    encode: (object, coding) => encoder.want(object, coding),
    webSockets,
  });
  const purgeMethod = new PurgeMethod({ ...o, applied: () => purges.applied });
  const purges = purgeLogOf(o, { server, bans, table: () => table });
  const swap = (snapshot: Snapshot) => {
    table = compileTable(snapshot, o.meter, counts);
    tellFaults(table, log);
    server.tableChanged();
    webSockets.tableChanged(table);
  };
  const first = feed.snapshot();
  if (first !== null) swap(first);
  const ends = [feed.onSnapshot(swap), answerWhy({ ...o, why: (...ask) => server.why(...ask) })];
  purges.start();
  const logs = startLogs({ ...o, origins, hmac: hmacSha256 });
  const sendings = openSendings(o.listen.hosts);
  const handle = observed((...asked) => server.handle(...asked), {
    ...{ node, metrics, table: () => table, wallMs: () => clock.wallMs() },
    ...{ ...logs.parts, sendings },
  });
  const stop = async () => {
    for (const end of ends) end();
    sendings?.stop();
    await logs.stop();
    origins.stop();
    await purges.stop();
    await encoder.stop();
    await cache.stop();
  };
  const doors = await openDoors(handle, o).catch(async (fault: unknown) => {
    await stop();
    throw fault;
  });
  return {
    httpPort: doors.ports[0]!,
    httpsPort: doors.ports[1] ?? null,
    stop: async () => {
      webSockets.stop();
      await doors.stop(o.finishMs ?? 0);
      await stop();
    },
    metrics: () => metrics.text(logs.told(), sendings?.open),
    drainStats: () => {
      const drained = counts.drain();
      metrics.add(drained);
      const own = doors.own.take(drained, feed.snapshot());
      return { ...drained, ...logs.stats(), ...own, ...beacon.take() };
    },
  };
}

/** Secrets and limits as they were given. */
function givenBy(o: EdgeOptions) {
  return {
    signatures: { hmac: hmacSha256, secret: o.secrets ?? (() => null) },
    hashes: { hmac: hmacSha256, sha256: sha256Hex },
    credentials: o.credentials ?? (() => null),
    tierKeys: { hmac: hmacSha256, secrets: o.tierKeys ?? (() => []) },
    ...(o.exchangesMax === undefined ? {} : { exchangesMax: o.exchangesMax }),
    ...(o.challenges === undefined ? {} : { challenges: o.challenges }),
    ...(o.parentTimes === undefined ? {} : { parentTimes: o.parentTimes }),
  };
}

function tellFaults(table: EdgeTable, log: Log): void {
  for (const { hostname, fault } of table.byHostname.values()) {
    if (fault !== null) log.error("A site is not served: its rules", { hostname, fault });
  }
}

/** Null where the kernel does not tell how far bodies come. */
function openSendings(hosts: readonly string[]): Sendings | null {
  const tcp = openTcpAsk();
  return tcp === null ? null : new Sendings(tcp, hosts);
}

/** What a purge says is done by the server for objects, and kept by the bans for what they cover. */
function purgeLogOf(
  { node, clock, log, bus, dataDir }: EdgeOptions,
  parts: {
    readonly server: Server;
    readonly bans: Bans;
    readonly table: () => EdgeTable | null;
  },
): PurgeLog {
  const { server, bans } = parts;
  const pathsOf = (site: string, path: string) => pathsHeldBy(parts.table(), site, path);
  const isKeyKnown = (site: string) => pathsOf(site, "/") !== null;
  return new PurgeLog({
    ...{ node, clock, log, bus, isKeyKnown },
    path: join(dataDir, "purged.json"),
    purge: async ({ customer, site, path }) => {
      const keys = (pathsOf(site, path) ?? [path]).map((one) =>
        cacheKey({ customer, site, path: one }),
      );
      await Promise.all(keys.map((key) => server.purge(key)));
    },
    ban: (all) => {
      const kept = bans.add(all, pathsOf);
      for (const of of all) server.banned(of);
      return kept;
    },
  });
}

/** From its return on they are ended; it resolves when they are after a crash, too. */
function groupsEnd(
  parts: { readonly bans: Bans; readonly server: Server; readonly log: Log },
  of: { readonly customer: string; readonly site: string },
  groups: readonly string[],
): Promise<void> {
  const kept = parts.bans.endGroups(of, groups);
  parts.server.banned(of);
  return kept.catch((fault: unknown) =>
    parts.log.warn("Cache groups that ended may come back after a restart", { fault }),
  );
}

/** Listens for HTTPS, with customers' certificates as they come and go. */
async function openTlsDoors(
  handle: Handle,
  o: EdgeOptions & Required<Pick<EdgeOptions, "tls">> & { readonly port: number },
): Promise<Listening> {
  const { feed, clock, log, certificates, tlsDrainMs, http3Swap } = o;
  const shown = {
    ...{ hosts: o.listen.hosts, own: o.tls, aside: o.aside, clock, log },
    named: () => namedTls(feed.snapshot(), certificates?.list() ?? [], clock.wallMs()),
  };
  let http3: Http3Door | null = null;
  const announced = (request: Request, response: Response) =>
    http3 === null ? response : http3.announce(request, response);
  const door = new TlsDoor(o.listen.http3 === true ? thenAnnounced(handle, announced) : handle, {
    ...shown,
    port: o.port,
    ...(tlsDrainMs === undefined ? {} : { drainMs: tlsDrainMs }),
  });
  try {
    if (o.listen.http3 === true) {
      const swap = http3Swap === undefined ? {} : { swap: http3Swap };
      http3 = new Http3Door(handle, { ...shown, port: door.port, ...swap });
    }
  } catch (fault) {
    await door.stop();
    throw fault;
  }
  const changed = () => {
    door.changed();
    http3?.changed();
  };
  const ends = [feed.onSnapshot(changed), certificates?.onChange(changed)];
  return {
    port: door.port,
    stop: async (finishMs) => {
      for (const end of ends) end?.();
      await Promise.all([door.stop(finishMs), http3?.stop(finishMs)]);
    },
  };
}

/** Listens wherever it was asked to, and watches who comes. All closed again where one cannot be. */
async function openDoors(handle: Handle, o: EdgeOptions) {
  const { hosts, http, https } = o.listen;
  const listeners: Listening[] = [];
  const close = async (finishMs: number) => {
    await Promise.all(listeners.map((listener) => listener.stop(finishMs)));
  };
  try {
    listeners.push(await listen(handle, { hosts, port: http }));
    if (o.tls !== undefined && https !== undefined) {
      listeners.push(await openTlsDoors(handle, { ...o, tls: o.tls, port: https }));
    }
    const ports = listeners.map((listener) => listener.port);
    const own = startOwnFigures({ clock: o.clock, hosts, ports });
    const stop = (finishMs: number) => {
      own.stop();
      return close(finishMs);
    };
    return { ports, own, stop };
  } catch (fault) {
    await close(0);
    throw fault;
  }
}

/**
 * Every path under which a URL of this site may be held. Null where that is not known: no site of that name is
 * here (now), or its rules cannot be used.
 */
function pathsHeldBy(
  table: EdgeTable | null,
  site: string,
  path: string,
): readonly string[] | null {
  const entry = table?.byHostname.get(site);
  return entry === undefined || entry.fault !== null ? null : pathsHeld(entry.rules, path);
}

function sha256Hex(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function hmacSha256(secret: Uint8Array, message: Uint8Array): Uint8Array {
  return createHmac("sha256", secret).update(message).digest();
}

function seenOf({ node, feed, clock, rng }: EdgeOptions) {
  const view = () => viewOf(feed);
  return { view, beacon: new Beacon({ node, view, clock, rng }) };
}

function viewOf(feed: Feed): View | null {
  const snapshot = feed.snapshot();
  if (snapshot === null) return null;
  return { snapshot, health: feed.health(), assignment: feed.assignment() };
}

/**
 * Of the cap, objects may take so much, by measurement (test/stories/cache-flood.test.ts). The rest is
 * for what floods of misses leave beside them: bodies on their way, dropped ones that are not
 * collected yet, and pages of memory that are partly free.
 */
const OBJECTS_PART = 1 / 4;

/** What is held from before, and what purges say of it. */
function openHeld(o: EdgeOptions) {
  const cache = new Cache<Prepared>({
    dir: join(o.dataDir, "cache"),
    memoryBytesMax: Math.floor(o.memoryBytesMax * OBJECTS_PART),
    diskBytesMax: o.diskBytesMax,
    wholeBytesMax: WHOLE_BYTES_MAX,
    nowMs: () => o.clock.wallMs(),
    ...(o.files === undefined ? {} : { files: o.files }),
  });
  if (cache.disk.fault !== null) {
    o.log.warn("The disk tier cannot be used; objects are held in memory only", {
      fault: cache.disk.fault,
    });
  }
  const bans = new Bans(join(o.dataDir, "bans.json"), o.clock.wallMs());
  if (bans.fault !== null) {
    o.log.warn("The list of purges cannot be read; nothing stored until now is served", {
      fault: bans.fault,
    });
  }
  const encoder = new Encoder({ memory: cache.memory, log: o.log });
  return { cache, bans, encoder, counts: new EdgeCounts(tellFailures(o)) };
}
