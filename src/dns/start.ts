import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Feed } from "../model/feed.ts";
import type { NameResolver } from "../model/resolver.ts";
import type { SiteIndex, Snapshot } from "../model/snapshot.ts";
import type { Meter, UsageCounters } from "../model/usage.ts";
import type { ExtrasFeed } from "../model/zone-extras.ts";
import type { ZoneKey, ZoneKeyFeed } from "../model/zone-keys.ts";
import { answerSecure } from "./doh.ts";
import { startExtras } from "./extras.ts";
import { Responder } from "./hot/answer.ts";
import { CountsDesk, type DnsCounts, type PackedCounts } from "./hot/counts.ts";
import { type AnswerSettings, PLAIN } from "./hot/settings.ts";
import { siteOf } from "./hot/subject.ts";
import type { Tables } from "./hot/tables.ts";
import { openLibc } from "./libc.ts";
import { DnsMetrics } from "./metrics.ts";
import { entryOf, type QueryLogEntry } from "./query-log.ts";
import { reportOf } from "./report.ts";
import { KeyFollower } from "./sign-keys.ts";
import type { Asked, SignedDesk, Updater } from "./signed-desk.ts";
import { startTcp, type TcpLimits, type TcpServer } from "./tcp.ts";
import type { Loading, UdpServer } from "./udp.ts";
import { startBatched } from "./udp-batched.ts";
import { startPortable } from "./udp-portable.ts";
import type { Report } from "./worker-messages.ts";

export interface DnsOptions {
  /** The node's name, for logs. */
  readonly node: string;
  readonly listen: {
    /**
     * IP addresses; each gets UDP and TCP on the same port. With a wildcard address, answers leave
     * from the address that was asked; where `udp` is not batched, only addresses that the machine
     * has at the start are listened on.
     */
    readonly hosts: readonly string[];
    /** 0 takes a free one. */
    readonly port: number;
    /** Threads that answer UDP, each with its own sockets. Default 1. */
    readonly workers?: number;
    /** Default: batched where that works. */
    readonly udp?: "batched" | "portable";
    readonly tcp?: TcpLimits;
    /** DNS over TLS; port 0 takes a free one. Needs `tls`. */
    readonly tls?: { readonly hosts: readonly string[]; readonly port: number };
  };
  /** PEM texts. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Default: no cookies, no limits, nothing written down. */
  readonly answering?: AnswerSettings;
  /** Takes the lookups that `answering.sampleEach` has written down. */
  readonly onLookup?: (entry: QueryLogEntry) => void;
  readonly feed: Feed;
  /** What signed zones are signed with; without it none is. */
  readonly keys?: ZoneKeyFeed;
  /** TSIG keys and challenges; without it transfers and updates are refused. */
  readonly extras?: ExtrasFeed;
  /** Carries updates of challenges out; without it they are refused. */
  readonly update?: Updater;
  /** Finds the targets of ALIAS records; without it these have no addresses. */
  readonly resolver?: NameResolver;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

export interface DnsServer {
  readonly port: number;
  /** Of DNS over TLS. */
  readonly tlsPort: number | null;
  stop(): Promise<void>;
  /** One message that came over HTTPS from this address; null where nothing is sent back. */
  answer(query: Uint8Array, client: string): Uint8Array | null;
  /** What was answered since the last call. */
  drainStats(): DnsCounts;
  /** What was answered since the start, as Prometheus text. */
  metrics(): string;
}

/** How often what the main thread answered is metered; Workers report as often. */
const DRAIN_EACH_MS = 400;
/** From so many sites on, what compiling them leaves behind is worth a collection. */
const SITES_MANY = 10_000;
/** Workers report twice a second; snapshots are not published faster than that for long. */
const RECENT_SNAPSHOTS = 4;
/** With port 0, a port may be free for TCP and taken for UDP: so often another one is tried. */
const PORT_TRIES = 20;

/**
 * Starts the name server: UDP by the better way that works here, TCP in the main thread. It serves
 * what the feed has now (SERVFAIL until there is a snapshot) and follows it. Throws Fault
 * `port-in-use`.
 */
export async function startDns(o: DnsOptions): Promise<DnsServer> {
  const settings = o.answering ?? PLAIN;
  const responder = new Responder(Math.floor(o.rng.float() * 0xffffffff), settings);
  const metrics = new DnsMetrics();
  const log = o.log.with({ role: "dns", node: o.node });
  const desk = new CountsDesk();
  const meter = new QueryMeter(o.meter);
  // Counts of a snapshot arrive for a moment after the next one was loaded.
  const recent = new Map<number, Snapshot>();
  const onReport = (report: Report) => {
    addCounts(report.counts, { desk, metrics, recent, meter, log });
    metrics.add(report.tally);
    if (report.failures > 0) log.error("Answered SERVFAIL", { count: report.failures });
    for (const sample of report.samples) {
      const entry = entryOf(sample, o.node, recent.get(sample.snapshot) ?? null);
      if (entry !== null) o.onLookup?.(entry);
    }
  };
  const drainOwn = () => onReport(reportOf(responder));
  const keys = new KeyFollower({ feed: o.keys ?? null, responder, clock: o.clock, log });
  const extras = startExtras(o, responder);
  const { feed } = extras;
  await extras.ready();
  const first = feed.snapshot();
  const loading = first === null ? null : loadInto(responder, first, { feed, log, recent });
  const opened = { first: loading, firstKeys: keys.first, desk: extras.desk };
  const inner = { responder, log, onReport, settings, ...opened };
  const { udp, tcp, tls } = await listen(o, inner);
  const load = (snapshot: Snapshot) => {
    const next = loadInto(responder, snapshot, { feed, log, recent });
    if (next !== null) udp.load(next);
  };
  const observe = () => {
    const patch = responder.observe(feed.health(), feed.assignment());
    if (patch !== null) udp.patch(patch);
  };
  const unsubscribe = [feed.onSnapshot(load), feed.onHealth(observe), keys.follow(udp)];
  // What was published while the sockets were opened.
  const now = feed.snapshot();
  if (now !== null && now !== first) load(now);
  else observe();
  unsubscribe.push(extras.follow(udp));
  const timer = setInterval(drainOwn, DRAIN_EACH_MS);
  log.info("Name server started", { hosts: o.listen.hosts, port: tcp.port });
  return {
    port: tcp.port,
    tlsPort: tls?.port ?? null,
    stop: async () => {
      for (const end of unsubscribe) end();
      clearInterval(timer);
      tcp.stop();
      tls?.stop();
      await udp.stop();
      drainOwn();
    },
    answer: (query, client) => {
      responder.tick(o.clock.wallMs());
      return answerSecure(responder, query, client);
    },
    drainStats: () => {
      drainOwn();
      return desk.take();
    },
    metrics: () => {
      drainOwn();
      const connections = tcp.connections() + (tls?.connections() ?? 0);
      return metrics.text({ snapshot: o.feed.snapshot()?.number ?? 0, connections });
    },
  };
}

/** The snapshot with its health if it could be loaded; else null, and the one before stays. */
function loadInto(
  responder: Responder,
  snapshot: Snapshot,
  from: { readonly feed: Feed; readonly log: Log; readonly recent: Map<number, Snapshot> },
): Loading | null {
  let tables: Tables;
  try {
    tables = responder.load(snapshot);
  } catch (error) {
    const fields = { snapshot: snapshot.number, reason: String(error) };
    from.log.error("Cannot load a snapshot: the one before stays", fields);
    return null;
  }
  from.recent.set(snapshot.number, snapshot);
  const [oldest] = from.recent.keys();
  if (from.recent.size > RECENT_SNAPSHOTS) from.recent.delete(oldest!);
  // What compiling left behind is a multiple of what is kept: given back at once where that is much.
  if (snapshot.sites.length >= SITES_MANY) Bun.gc(true);
  const patch = responder.observe(from.feed.health(), from.feed.assignment());
  assert(patch !== null, "A snapshot has been loaded");
  return { tables, patch };
}

function addCounts(
  counts: readonly PackedCounts[],
  to: {
    readonly desk: CountsDesk;
    readonly metrics: DnsMetrics;
    readonly recent: ReadonlyMap<number, Snapshot>;
    readonly meter: QueryMeter;
    readonly log: Log;
  },
): void {
  for (const packed of counts) {
    const snapshot = to.recent.get(packed.snapshot);
    if (snapshot === undefined) {
      to.log.error("Lost counts of a snapshot that is gone", { snapshot: packed.snapshot });
      continue;
    }
    to.desk.add(packed, snapshot);
    to.metrics.addPacked(packed, snapshot);
    to.meter.add(packed, snapshot);
  }
}

/** Adds up what customers pay for. The counters of a site live as long as the meter. */
class QueryMeter {
  readonly #meter: Meter;
  #of: Snapshot | null = null;
  #sites: (UsageCounters | undefined)[] = [];

  constructor(meter: Meter) {
    this.#meter = meter;
  }

  add({ lookups, others }: PackedCounts, snapshot: Snapshot): void {
    if (snapshot !== this.#of) {
      this.#of = snapshot;
      this.#sites = new Array(snapshot.sites.length);
    }
    for (let i = 0; i < lookups.length; i += 3) {
      const site = siteOf(lookups[i]!);
      if (site >= 0) this.#counters(site, snapshot).queries += lookups[i + 2]!;
    }
    for (let i = 0; i < others.length; i += 2) {
      this.#counters(others[i]!, snapshot).queries += others[i + 1]!;
    }
  }

  #counters(site: SiteIndex, snapshot: Snapshot): UsageCounters {
    const known = this.#sites[site];
    if (known !== undefined) return known;
    const { customer, hostname } = snapshot.sites[site]!;
    const counters = this.#meter.of(customer, hostname);
    this.#sites[site] = counters;
    return counters;
  }
}

interface Inner {
  readonly first: Loading | null;
  readonly firstKeys: readonly ZoneKey[];
  readonly responder: Responder;
  readonly log: Log;
  readonly onReport: (report: Report) => void;
  readonly settings: AnswerSettings;
  readonly desk: SignedDesk;
}

/** TCP first: it shares its port with nobody, so a second name server is noticed. */
async function listen(
  o: DnsOptions,
  inner: Inner,
): Promise<{ readonly udp: UdpServer; readonly tcp: TcpServer; readonly tls: TcpServer | null }> {
  const { hosts, port, tcp: limits } = o.listen;
  const rest = { ...inner, clock: o.clock, ...(limits && { limits }) };
  for (let tries = 1; ; tries++) {
    const tcp = startTcp({ hosts, port, ...rest });
    let tls: TcpServer | null = null;
    try {
      if (o.listen.tls !== undefined && o.tls !== undefined) {
        tls = startTcp({ ...o.listen.tls, ...rest, tls: o.tls });
      }
      return { tcp, tls, udp: await startUdp(o, tcp.port, inner) };
    } catch (error) {
      tcp.stop();
      tls?.stop();
      const again = port === 0 && tries < PORT_TRIES;
      if (!again || !(error instanceof Fault)) throw error;
    }
  }
}

function startUdp(o: DnsOptions, port: number, inner: Inner): Promise<UdpServer> {
  const { hosts, workers = 1, udp } = o.listen;
  const libc = udp === "portable" ? null : openLibc();
  const onSigned = (asked: Asked) => inner.desk.answerOne(asked);
  if (libc === null) return startPortable({ hosts, port, onSigned, ...inner, clock: o.clock });
  return startBatched({ hosts, port, onSigned, libc, workers, rng: o.rng, ...inner });
}
