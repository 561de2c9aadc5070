import { createHash, createHmac } from "node:crypto";
import { join } from "node:path";
import type { Log } from "../base/log.ts";
import type { Feed } from "../model/feed.ts";
import type { NodeStats } from "../model/messages.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { cacheKey } from "../policy/caching/mod.ts";
import type { View } from "../policy/steering/mod.ts";
import { Bans } from "./bans.ts";
import { Beacon } from "./beacon.ts";
import { Cache } from "./cache/mod.ts";
import { hearChanges, tellChanges } from "./changes.ts";
import type { ConnectionsTold } from "./connection-cap.ts";
import { openDoorOfKeeper, openDoors } from "./doors.ts";
import { Encoder } from "./encoder.ts";
import { type Counted, EdgeCounts } from "./hot/count.ts";
import type { Prepared } from "./hot/head.ts";
import { WHOLE_BYTES_MAX } from "./hot/limits.ts";
import { pathsHeld } from "./hot/rules.ts";
import { Server } from "./hot/serve.ts";
import { compileTable, type EdgeTable } from "./hot/table.ts";
import { Leaving } from "./leaving.ts";
import { startLogs } from "./logs/mod.ts";
import { EdgeMetrics } from "./metrics.ts";
import { openTcpAsk } from "./netlink.ts";
import { observed } from "./observe.ts";
import type { EdgeOptions } from "./options.ts";
import { originClient } from "./origin-client.ts";
import { PurgeLog } from "./purge-log.ts";
import { PurgeMethod } from "./purge-method.ts";
import { Sendings } from "./sendings.ts";
import { tellFailures } from "./tell-failures.ts";
import { WebSockets } from "./web-sockets.ts";
import { answerWhy } from "./why.ts";
import { joinCrew } from "./workers/crew.ts";
import type { SharedWords } from "./workers/words.ts";

export interface EdgeRole {
  readonly httpPort: number;
  readonly httpsPort: number | null;
  stop(): Promise<void>;
  /** For Prometheus: all since the start. */
  metrics(): string;
  /** What was served since the last call. */
  drainStats(): Counted &
    Pick<NodeStats, "clientRtt" | "beaconRtt" | "figures" | "logs" | "networks">;
}

/** Starts a caching server. Throws Fault `port-in-use`, with everything closed again. */
export async function startEdge(o: EdgeOptions): Promise<EdgeRole> {
  const { cache, bans, encoder, counts } = openHeld(o);
  const metrics = new EdgeMetrics(counts);
  const origins = originClient();
  const crew = o.crew === undefined ? null : joinCrew(o.crew, origins);
  const isWorker = crew?.keeper !== undefined;
  const webSockets = new WebSockets(o);
  const changes = tellChanges(o);
  let table: EdgeTable | null = null;
  const { node, clock, rng, log, feed } = o;
  const { beacon, ...seen } = seenOf(o);
  const server = new Server({
    ...{ node, clock, rng, log, cache, counts, origins, ...seen, beacon: beacon.answer },
    ...{ table: () => table, webSockets, tellChanged: changes.tell },
    behind: () => (isWorker ? crew.words.isBehind() : purges.behind),
    purged: () => purges.applied,
    purgeBegun: () => purges.begun,
    ...givenBy(o),
    groupEnds: () => bans.groupEnds,
    endGroups: (of, groups) => groupsEnd({ bans, server, log, words: crew?.words }, of, groups),
    banned: (meta) => bans.of(meta),
    purgeAsked: (...asked) => purgeMethod.answer(...asked),
    encode: (object, coding) => encoder.want(object, coding),
    ...(crew === null ? {} : { words: crew.words }),
    ...(crew?.keeper === undefined ? {} : { keeper: crew.keeper }),
  });
  const inForce = () => (isWorker ? crew.words : purges);
  const purgeMethod = new PurgeMethod({ ...o, ...(crew && { words: crew.words }), inForce });
  const purges = purgeLogOf(o, { server, bans, words: crew?.words, table: () => table });
  cache.onPurged = (key) => crew?.words.markKey(key);
  const swap = (snapshot: Snapshot) => {
    table = compileTable(snapshot, o.meter, counts);
    tellFaults(table, log);
    cache.present.set(new Set(snapshot.sites.map(({ customer }) => customer)));
    server.tableChanged();
    webSockets.tableChanged(table);
  };
  const first = feed.snapshot();
  if (first !== null) swap(first);
  const ends = [feed.onSnapshot(swap), ...(isWorker ? [] : listen(o, server)), changes.stop];
  if (!isWorker) purges.start();
  const logs = startLogs({ ...o, origins, hmac: hmacSha256 });
  const sendings = openSendings(o.listen.hosts);
  const leaving = new Leaving();
  const handle = observed((...asked) => server.handle(...asked), {
    ...{ node, metrics, table: () => table, wallMs: () => clock.wallMs() },
    ...{ ...logs.parts, sendings, leaving },
  });
  const stop = async () => {
    for (const end of ends) end();
    sendings?.stop();
    await logs.stop();
    await crew?.stop();
    origins.stop();
    await purges.stop();
    await encoder.stop();
    await cache.stop();
  };
  const drain = () => {
    const drained = counts.drain();
    metrics.add(drained);
    return { ...drained, ...logs.stats(), ...beacon.take() };
  };
  const opening =
    crew === null || isWorker
      ? openDoors(handle, { ...o, busy: server.busy, joined: crew })
      : openDoorOfKeeper({ ...o, crew, server, cache, counts });
  const text = textOf({ metrics, logs, cache, sendings });
  return roleOf(o, { opening, stop, drain, webSockets, leaving, metrics: text });
}

/** What it shows for Prometheus. */
function textOf(o: {
  readonly metrics: EdgeMetrics;
  readonly logs: ReturnType<typeof startLogs>;
  readonly cache: Cache<Prepared>;
  readonly sendings: Sendings | null;
}): (connections: ConnectionsTold | null) => string {
  const gauges = () => gaugesOf(o.cache, o.sendings?.open ?? 0);
  return (connections) => o.metrics.text(o.logs.told(), { ...gauges(), connections });
}

function gaugesOf({ memory, disk }: Cache<Prepared>, bodiesOpen: number) {
  return {
    bodiesOpen,
    ...{ memoryBytes: memory.bytes, memoryBytesMax: memory.bytesMax, memoryObjects: memory.count },
    ...{ diskBytes: disk.bytes, diskBytesMax: disk.room.bytesMax, diskObjects: disk.count },
  };
}

/** What this cache does when others say something over the bus. */
function listen(o: EdgeOptions, server: Server): (() => void)[] {
  return [
    answerWhy({ ...o, why: (...ask) => server.why(...ask) }),
    hearChanges({ ...o, end: (of) => server.changed(of) }),
  ];
}

/** A cache that runs; with everything closed again where its doors cannot be opened. */
async function roleOf(
  { feed, finishMs = 0 }: EdgeOptions,
  o: {
    readonly opening: ReturnType<typeof openDoors>;
    readonly stop: () => Promise<void>;
    readonly drain: () => Omit<ReturnType<EdgeRole["drainStats"]>, "figures"> &
      Pick<NodeStats, "edge">;
    readonly webSockets: WebSockets;
    readonly leaving: Leaving;
    readonly metrics: (connections: ConnectionsTold | null) => string;
  },
): Promise<EdgeRole> {
  const doors = await o.opening.catch(async (fault: unknown) => {
    await o.stop();
    throw fault;
  });
  return {
    httpPort: doors.ports[0]!,
    httpsPort: doors.ports[1] ?? null,
    stop: async () => {
      const fromMs = performance.now();
      o.webSockets.stop();
      await o.leaving.wait(finishMs / 2);
      // Those that came meanwhile.
      o.webSockets.stop();
      await doors.stop(Math.max(0, finishMs - (performance.now() - fromMs)));
      await o.stop();
    },
    metrics: () => o.metrics(doors.connections()),
    drainStats: () => {
      const drained = o.drain();
      return { ...drained, ...doors.own.take(drained, feed.snapshot()) };
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
    readonly words: SharedWords | undefined;
    readonly table: () => EdgeTable | null;
  },
): PurgeLog {
  const { server, bans, words } = parts;
  const pathsOf = (site: string, path: string) => pathsHeldBy(parts.table(), site, path);
  const isKeyKnown = (site: string) => pathsOf(site, "/") !== null;
  return new PurgeLog({
    ...{ node, clock, log, bus, isKeyKnown },
    path: join(dataDir, "purged.json"),
    onBehind: (behind) => words?.setBehind(behind),
    onApplied: (...of) => words?.setPurgesApplied(...of),
    purge: async ({ customer, site, path }) => {
      const keys = (pathsOf(site, path) ?? [path]).map((one) =>
        cacheKey({ customer, site, path: one }),
      );
      await Promise.all(keys.map((key) => server.purge(key)));
    },
    ban: (all) => {
      const kept = bans.add(all, pathsOf);
      for (const of of all) {
        server.banned(of);
        words?.markSite(of);
      }
      return kept;
    },
  });
}

/** From its return on they are ended; it resolves when they are after a crash, too. */
function groupsEnd(
  parts: {
    readonly bans: Bans;
    readonly server: Server;
    readonly log: Log;
    readonly words: SharedWords | undefined;
  },
  of: { readonly customer: string; readonly site: string },
  groups: readonly string[],
): Promise<void> {
  const kept = parts.bans.endGroups(of, groups);
  parts.server.banned(of);
  parts.words?.markSite(of);
  return kept.catch((fault: unknown) =>
    parts.log.warn("Cache groups that ended may come back after a restart", { fault }),
  );
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
  const onFault = (fault: unknown) =>
    o.log.warn("The disk tier cannot be used; objects are held in memory only", { fault });
  const cache = new Cache<Prepared>({
    dir: join(o.dataDir, "cache"),
    memoryBytesMax: Math.floor(o.memoryBytesMax * OBJECTS_PART),
    diskBytesMax: o.diskBytesMax,
    wholeBytesMax: WHOLE_BYTES_MAX,
    nowMs: () => o.clock.wallMs(),
    ...(o.files === undefined ? {} : { files: o.files }),
    reading: { onFault },
  });
  if (cache.disk.fault !== null) onFault(cache.disk.fault);
  const bans = new Bans(join(o.dataDir, "bans.json"), o.clock.wallMs());
  if (bans.fault !== null) {
    o.log.warn("The list of purges cannot be read; nothing stored until now is served", {
      fault: bans.fault,
    });
  }
  const encoder = new Encoder({ memory: cache.memory, log: o.log });
  return { cache, bans, encoder, counts: new EdgeCounts(tellFailures(o)) };
}
