import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import type { Rng } from "../../base/rng.ts";
import type { Bus } from "../../bus/mod.ts";
import { type DnsOptions, type DnsServer, dohAt, startDns } from "../../dns/mod.ts";
import { type AccessSink, type EdgeOptions, type EdgeRole, startEdge } from "../../edge/mod.ts";
import type { NodeStats } from "../../model/messages.ts";
import { type NodeFile, splitHostPort } from "../../model/node-file.ts";
import { startProbe } from "../../probe/mod.ts";
import { NodeBox } from "../../store/sealed-word.ts";
import type { ChildCrew } from "../crew.ts";
import { startAcmeTokens } from "./acme-tokens.ts";
import { startCertificates } from "./certificates.ts";
import { answerWorkers, askNameServer } from "./crew-names.ts";
import { answerSettings } from "./dns-options.ts";
import { type LiveFeed, startFeed } from "./feed.ts";
import { makeFolder } from "./folder.ts";
import { sendLeftUsage } from "./left-usage.ts";
import { startLineLog } from "./line-log.ts";
import { type Metering, type MeterOptions, startMeter } from "./meter.ts";
import { processText, startMetrics } from "./metrics.ts";
import { startOriginCredentials } from "./origin-credentials.ts";
import { sealPlainCopies } from "./plain-copies.ts";
import { stubResolver } from "./resolver.ts";
import { startSigningKeys } from "./signing-keys.ts";
import { startTierKeys } from "./tier-keys.ts";
import { startExtrasFeed } from "./zone-extras.ts";
import { startKeyFeed } from "./zone-keys.ts";

const STATS_MS = 1000;
const NOTHING = { lookups: {}, edgeLookups: {}, answers: {}, edge: {}, fetches: {} };
/** How long control may take to keep a challenge; clients of updates wait a little longer. */
const UPDATE_MS = 2000;
const MIB = 1_048_576;
/** The secret of the node: control seals what it gives it to its public key. */
const NODE_KEY = "node-key.secret";

export interface Started {
  /** Where it listens, by role, for the log and for whoever started it. */
  readonly listens: Readonly<Record<string, string>>;
  /** Lines of the Prometheus text format, of a node's process that does not show them itself. */
  metrics?(): string;
  stop(): Promise<void>;
}

/** What a process is among those of its node. */
export interface ChildPlace {
  /** Where the cache has several processes: which of them. */
  readonly crew?: ChildCrew;
  /** Folders with usage that others left there. */
  readonly left?: readonly string[];
}

export interface World {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** Writes to the standard output of all processes. */
  readonly print?: ((text: string) => Promise<void>) | undefined;
}

/** Starts a node's data roles (name server, cache, probe) in this process, over one feed and meter. */
export async function startNode(
  file: NodeFile,
  world: World,
  { crew, left = [] }: ChildPlace = {},
): Promise<Started> {
  const { bus, clock, rng } = world;
  const log = world.log.with({ node: file.name });
  const dataDir = join(file.data, "node");
  await makeFolder(dataDir);
  await sealPlainCopies({ dataDir, rng, log });
  const dir = join(dataDir, "snapshots");
  const feed = await startFeed({ node: file.name, dir, bus, clock, log });
  const metering = await startMetering({ node: file.name, dataDir, left, bus, clock, rng, log });
  const common = { node: file.name, feed, meter: metering.meter, bus, clock, rng, log };
  const listens: Record<string, string> = {};
  const stops: (() => Promise<void>)[] = [];
  const sources: (() => string)[] = [];
  const drains: (() => Partial<NodeStats>)[] = [];
  const stop = async () => {
    for (const end of stops.reverse()) await end();
    await metering.stop();
    feed.stop();
  };
  try {
    let aside: EdgeOptions["aside"];
    if (file.roles.includes("dns")) {
      const own = { ...common, feed: feed.forRole("dns"), dataDir, stops };
      const dns = await startNameServer(file, own);
      listens.dns = `${listenOf(file.listen.dns, "listen.dns").hosts.join(", ")} port ${dns.port}`;
      if (dns.tlsPort !== null) listens.dot = `port ${dns.tlsPort}`;
      sources.push(() => dns.metrics());
      stops.push(() => dns.stop());
      drains.push(() => dns.drainStats());
      if (file.doh !== undefined) aside = dohAt(file.doh.host, dns.answer);
      if (crew !== undefined) stops.push(answerWorkers(crew.folder, dns.answer));
    }
    if (file.roles.includes("edge")) {
      aside ??= asideOfWorker(file, crew);
      const own = { ...common, feed, dataDir, stops, ...(aside && { aside }) };
      const edge = await startCache(file, own, { crew, print: world.print });
      listens.http = `${listenOf(file.listen.http, "listen.http").hosts.join(", ")} port ${edge.httpPort}`;
      if (edge.httpsPort !== null) {
        listens.https = `port ${edge.httpsPort}`;
        if (file.listen.http3) listens.http3 = `UDP port ${edge.httpsPort}`;
      }
      sources.push(() => edge.metrics());
      stops.push(() => edge.stop());
      drains.push(() => edge.drainStats());
    }
    if (file.roles.includes("probe")) {
      const places = file.places === undefined ? {} : { places: file.places };
      const probe = await startProbe({ ...common, pop: file.pop, ...places });
      stops.push(() => probe.stop());
    }
    const metrics = showMetrics(file, sources, log);
    if (metrics !== null) {
      listens.metrics = `port ${metrics.port}`;
      stops.push(() => metrics.stop());
    }
  } catch (error) {
    await stop();
    throw error;
  }
  stops.push(sayStats(common, drains));
  if (crew !== undefined) sayInForce({ file, feed, bus, clock, part: crew.part });
  const metrics = () => [...sources, processText].map((source) => source()).join("");
  return { listens, stop, metrics };
}

/** Says what was done, once a second, until the function that is returned is called. */
function sayStats(
  o: Pick<World, "bus" | "clock"> & { readonly node: string; readonly feed: LiveFeed },
  drains: readonly (() => Partial<NodeStats>)[],
): () => Promise<void> {
  const timer = setInterval(() => {
    const drained = Object.assign({}, ...drains.map((drain) => drain()));
    const snapshot = o.feed.snapshot()?.number ?? 0;
    const head = { node: o.node, atMs: o.clock.wallMs(), snapshot };
    o.bus.publish("stats", { ...head, ...NOTHING, ...drained });
  }, STATS_MS);
  return async () => clearInterval(timer);
}

/** Counts usage, and sends it with what others left. */
async function startMetering(
  o: MeterOptions & { readonly left: readonly string[] },
): Promise<Pick<Metering, "meter" | "stop">> {
  const metering = await startMeter({ ...o, dataDir: join(o.dataDir, "spool") });
  const left = sendLeftUsage(o.left, o);
  const stop = async () => {
    await Promise.all([metering.stop(), left.stop()]);
  };
  return { meter: metering.meter, stop };
}

/** DNS over HTTPS, where the name server is another process. */
function asideOfWorker({ doh }: NodeFile, crew: ChildCrew | undefined): EdgeOptions["aside"] {
  if (crew?.part !== "worker" || doh === undefined) return undefined;
  return dohAt(doh.host, askNameServer(crew.folder));
}

function showMetrics({ listen }: NodeFile, sources: readonly (() => string)[], log: Log) {
  if (listen.metrics === undefined) return null;
  const where = splitHostPort(listen.metrics);
  return startMetrics({ listen: where, sources: [...sources, processText], log });
}

/** What was in force before says nothing when it is taken from disk: the others wait to hear of it. */
function sayInForce(o: {
  readonly file: NodeFile;
  readonly feed: LiveFeed;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly part: ChildCrew["part"];
}): void {
  const number = o.feed.snapshot()?.number ?? 0;
  const node = o.file.name;
  if (number === 0 || o.part === "names") return;
  o.bus.publish("snapshot.ack", { node, number, atMs: o.clock.wallMs() });
  o.bus.publish("snapshot.turn", { node, role: "edge", number });
}

/** The name server with its keys and, where asked for, its log of lookups. */
async function startNameServer(
  file: NodeFile,
  o: Omit<DnsOptions, "listen" | "keys"> & {
    readonly bus: Bus;
    readonly dataDir: string;
    readonly stops: (() => Promise<void>)[];
  },
): Promise<DnsServer> {
  const { dataDir, stops, ...common } = o;
  const { feed, bus, log, rng } = common;
  const { hosts, port } = listenOf(file.listen.dns, "listen.dns");
  const { queryLog } = file.dns;
  let lookups: ReturnType<typeof startLineLog> | undefined;
  if (queryLog !== undefined) {
    lookups = startLineLog({ ...queryLog, bytesMax: queryLog.maxMiB * MIB, log });
    stops.push(lookups.stop);
  }
  const dot = file.listen.dot && listenOf(file.listen.dot, "listen.dot");
  const listen = { hosts, port, workers: file.dnsWorkers, ...(dot && { tls: dot }) };
  const secrets = { dataDir, box: NodeBox.at(join(dataDir, NODE_KEY), rng), feed, bus, rng, log };
  const keys = await startKeyFeed(secrets);
  const extras = await startExtrasFeed(secrets);
  stops.push(async () => {
    keys.stop();
    extras.stop();
  });
  return startDns({
    ...common,
    listen,
    keys,
    extras,
    resolver: stubResolver({ servers: file.resolvers, rng }),
    update: async (customer, steps) => {
      const { rcode } = await bus.request("challenge.update", { customer, steps }, UPDATE_MS);
      return rcode;
    },
    ...(dot && (await tlsOf(file))),
    answering: answerSettings(file, rng),
    ...(lookups && { onLookup: (entry) => lookups.add(JSON.stringify(entry)) }),
  });
}

/** The cache with the keys by which it checks signed addresses. */
async function startCache(
  file: NodeFile,
  o: Omit<EdgeOptions, "listen" | "feed" | "memoryBytesMax" | "diskBytesMax"> & {
    readonly feed: LiveFeed;
    readonly stops: (() => Promise<void>)[];
  },
  { crew, print }: { readonly crew: ChildCrew | undefined; readonly print: World["print"] },
): Promise<EdgeRole> {
  const { dataDir, stops, feed, ...common } = o;
  const { bus, rng, log } = common;
  const secrets = { dataDir, box: NodeBox.at(join(dataDir, NODE_KEY), rng), feed, bus, rng, log };
  const keys = await startSigningKeys(secrets);
  const credentials = await startOriginCredentials(secrets);
  const tierKeys = await startTierKeys(secrets);
  const tokens = startAcmeTokens({ feed, bus, log });
  const feeds: { stop(): void }[] = [keys, credentials, tierKeys, tokens];
  // Whoever answers no client over TLS has no use for the keys of certificates, and does not ask for them.
  const shows = crew?.part !== "keeper" && file.listen.https !== undefined;
  const certificates = shows ? await startCertificates(secrets) : null;
  if (certificates !== null) feeds.push(certificates);
  stops.push(async () => {
    for (const one of feeds) one.stop();
  });
  let access: AccessSink | undefined;
  if (file.accessLog !== undefined && crew?.part !== "keeper") {
    const { format, each, maxMiB } = file.accessLog;
    // Of several that write to one file, one begins it anew.
    const bytesMax = (crew?.number ?? 1) > 1 ? Number.POSITIVE_INFINITY : maxMiB * MIB;
    const lines = startLineLog({
      file: file.accessLog.file,
      bytesMax,
      log,
      ...(crew && print && { print }),
    });
    stops.push(lines.stop);
    access = { format, each, add: lines.add };
  }
  return startEdge({
    ...common,
    ...(access === undefined ? {} : { access }),
    feed: feed.forRole("edge"),
    secrets: (customer, key) => keys.secret(customer, key),
    finishMs: file.finishSec * 1000,
    resolver: stubResolver({ servers: file.resolvers, rng }),
    credentials: (customer, name) => credentials.find(customer, name),
    ...(certificates === null ? {} : { certificates }),
    tierKeys: () => tierKeys.secrets(),
    challenges: tokens.find,
    ...(await edgeOptions(file, { dataDir, among: crew === undefined ? 1 : file.cache.workers })),
    ...(crew === undefined || crew.part === "names"
      ? {}
      : { crew: { part: crew.part, number: crew.number, folder: crew.folder } }),
    ...(crew?.part === "keeper" ? { dataDir: crew.cacheDir } : {}),
  });
}

/** Addresses that share one port. */
function listenOf(list: readonly string[], path: string): { hosts: string[]; port: number } {
  const parts = list.map(splitHostPort);
  const port = parts[0]?.port ?? 0;
  if (parts.some((part) => part.port !== port)) {
    const problem = { path, message: "expected one port for all addresses", received: list.join() };
    throw new Fault("bad-input", "", { problems: [problem] });
  }
  return { hosts: parts.map((part) => part.host), port };
}

async function edgeOptions(
  file: NodeFile,
  { dataDir, among }: { readonly dataDir: string; readonly among: number },
) {
  const { hosts, port } = listenOf(file.listen.http, "listen.http");
  const https =
    file.listen.https === undefined
      ? {}
      : { https: listenOf(file.listen.https, "listen.https").port };
  return {
    listen: { hosts, http: port, ...https, http3: file.listen.http3 },
    ...(await tlsOf(file)),
    connections: { ...file.connections, among },
    dataDir: join(dataDir, "cache"),
    memoryBytesMax: file.cache.memoryMiB * MIB,
    diskBytesMax: file.cache.diskMiB * MIB,
  };
}

async function tlsOf({ tls }: NodeFile) {
  if (tls === undefined) return {};
  const cert = await pem(tls.cert, "tls.cert", (text) => new X509Certificate(text));
  return { tls: { cert, key: await pem(tls.key, "tls.key", (text) => createPrivateKey(text)) } };
}

/** Reads a PEM file and refuses what `parse` cannot take. */
async function pem(path: string, at: string, parse: (text: string) => unknown): Promise<string> {
  try {
    const text = await readFile(path, "utf8");
    parse(text);
    return text;
  } catch (cause) {
    const problem = { path: at, message: "expected a readable PEM file", received: path };
    throw new Fault("bad-input", "", { cause, problems: [problem] });
  }
}
