import type { Clock } from "../base/clock.ts";
import type { Bus } from "../bus/mod.ts";
import type { Live, NodeView, OriginLive } from "../model/api/mod.ts";
import type { Feed } from "../model/feed.ts";
import type { Health } from "../model/health.ts";
import type { NodeStats } from "../model/messages.ts";
import type { Snapshot, SnapshotNode, SnapshotOrigin, SnapshotSite } from "../model/snapshot.ts";
import { hasTiers, wantedSplit } from "../policy/steering/mod.ts";
import { Owners } from "./owners.ts";
import { BUCKET_MS, BUCKETS, RATE_BUCKETS, Ring } from "./ring.ts";

/** Rings kept at most, about 5 KB each: further targets and sites show no history. */
const RINGS_MAX = 10_000;

/** Fields of a site's and of a node's ring. */
const LOOKUPS = 0;
const REQUESTS = 1;
const HITS = 2;
const BYTES = 3;
/** Of a node's alone: what it sent to other caches. */
const TIER_REQUESTS = 4;
const TIER_BYTES = 5;
const OF_NODE = 6;
/** Fields of the ring of a site's hedges. */
const HEDGES = 0;
const WON = 1;
/** Fields of a target's ring. */
const ANSWERS = 0;
const FETCHES = 1;
const LOAD = 2;

/** What happened in the last five minutes, by site, target and node: for pages, never for bills. */
export class LiveBook {
  readonly #feed: Feed;
  readonly #clock: Clock;
  readonly #rings = new Map<string, Ring>();
  /** By node, as it told last. */
  readonly #logs = new Map<string, NonNullable<NodeStats["logs"]>>();
  readonly #owners: Owners;
  readonly #stops: (() => void)[];

  /** What is wrong with what a web server's name leads to; null: nothing. */
  readonly #hostProblem: (host: string) => string | null;

  constructor(o: {
    readonly bus: Bus;
    readonly feed: Feed;
    readonly clock: Clock;
    readonly hostProblem: (host: string) => string | null;
  }) {
    this.#hostProblem = o.hostProblem;
    this.#feed = o.feed;
    this.#clock = o.clock;
    this.#owners = new Owners(o.feed.snapshot());
    this.#stops = [
      o.bus.subscribe("stats", (stats) => this.#takeStats(stats)),
      o.bus.subscribe("health", ({ health }) => this.#takeHealth(health)),
      o.feed.onSnapshot((snapshot) => this.#forget(snapshot)),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
  }

  /** @param rates lookups per second by client group: who is meant to be answered what */
  site(snapshot: Snapshot, site: SnapshotSite, rates: Readonly<Record<string, number>> = {}): Live {
    const now = this.#clock.wallMs();
    const health = this.#feed.health();
    const ring = this.#rings.get(`site ${site.hostname}`);
    const origins = site.origins.map((i) => snapshot.origins[i]).filter((o) => o !== undefined);
    const ids = origins.map((o) => o.id);
    const share = sharesOf(this.#sums(ids, now, ANSWERS));
    const fetchShare = sharesOf(this.#sums(ids, now, FETCHES));
    const assignment = this.#feed.assignment();
    const wanted = wantedSplit({ snapshot, health, assignment }, site, rates);
    return {
      atMs: now,
      snapshot: snapshot.number,
      health: health.number,
      assignment: assignment.number,
      held: health.held,
      lookupsPerSec: ring?.rate(now, LOOKUPS) ?? 0,
      origins: origins.map((origin, i) => {
        const split = {
          share: share[i] ?? 0,
          fetchShare: fetchShare[i] ?? 0,
          wanted: wanted.get(origin.id) ?? 0,
          correction: assignment.trims?.factor[origin.id] ?? 1,
        };
        return this.#origin(origin, { now, health, split });
      }),
      edge: traffic(ring, now),
      ...this.#hedgesOf(site, now),
      history: (ring?.history(now) ?? []).map(({ atMs, sums }) => ({
        atMs,
        lookupsPerSec: perSec(sums[LOOKUPS]),
        requestsPerSec: perSec(sums[REQUESTS]),
        hitsPerSec: perSec(sums[HITS]),
        bytesPerSec: perSec(sums[BYTES]),
      })),
      ...this.#logsOf(site),
    };
  }

  #hedgesOf({ hostname, fetch }: SnapshotSite, now: number): Pick<Live, "hedges"> {
    if (fetch?.hedge === undefined) return {};
    const ring = this.#rings.get(`hedge ${hostname}`);
    const sum = (field: number) => ring?.sum(now, field, BUCKETS - 1) ?? 0;
    return { hedges: { asked: sum(HEDGES), won: sum(WON) } };
  }

  #logsOf({ hostname, logs: wanted }: SnapshotSite): Pick<Live, "logs"> {
    if (wanted === undefined) return {};
    const logs = [...this.#logs].flatMap(([node, told]) => {
      const of = told[hostname];
      return of === undefined ? [] : [{ node, ...of }];
    });
    return { logs: logs.sort((a, b) => (a.node < b.node ? -1 : 1)) };
  }

  nodes(snapshot: Snapshot, acked: ReadonlyMap<string, number>): NodeView[] {
    const now = this.#clock.wallMs();
    return snapshot.nodes.map((node) => this.#node(snapshot, node, { now, acked }));
  }

  #node(
    snapshot: Snapshot,
    node: SnapshotNode,
    at: { readonly now: number; readonly acked: ReadonlyMap<string, number> },
  ): NodeView {
    const ring = this.#rings.get(`node ${node.name}`);
    return {
      id: node.id,
      name: node.name,
      pop: snapshot.pops[node.pop]?.name ?? "",
      roles: [...node.roles],
      v4: node.v4 ?? null,
      v6: node.v6 ?? null,
      ...forcedOf(node, this.#feed.health()),
      ...measuredOf(this.#feed.health(), node.id),
      snapshot: at.acked.get(node.name) ?? null,
      lookupsPerSec: ring?.rate(at.now, LOOKUPS) ?? 0,
      ...traffic(ring, at.now),
      answersPerSec: this.#rings.get(`target ${node.id}`)?.rate(at.now, ANSWERS) ?? 0,
      ...tiersOf(snapshot, node, { ring, now: at.now }),
    };
  }

  #origin(
    origin: SnapshotOrigin,
    at: { readonly now: number; readonly health: Health; readonly split: Split },
  ): OriginLive {
    const ring = this.#rings.get(`target ${origin.id}`);
    return {
      id: origin.id,
      name: origin.name,
      v4: origin.v4 ?? null,
      v6: origin.v6 ?? null,
      ...(origin.host === undefined
        ? {}
        : { host: origin.host, hostProblem: this.#hostProblem(origin.host) }),
      port: origin.port,
      weight: origin.weight,
      capacity: origin.capacity,
      ...forcedOf(origin, at.health),
      ...measuredOf(at.health, origin.id),
      lookupsPerSec: ring?.rate(at.now, ANSWERS) ?? 0,
      ...at.split,
      fetchesPerSec: ring?.rate(at.now, FETCHES) ?? 0,
      history: (ring?.history(at.now) ?? []).map(({ atMs, sums }) => ({
        atMs,
        load: sums[LOAD] === null || Number.isNaN(sums[LOAD]) ? null : (sums[LOAD] ?? null),
        lookupsPerSec: perSec(sums[ANSWERS]),
        fetchesPerSec: perSec(sums[FETCHES]),
      })),
    };
  }

  /** Each server's answers or fetches in the last ten seconds; of a site as quiet as that, in five minutes. */
  #sums(ids: readonly string[], now: number, field: number): number[] {
    const over = (buckets: number) =>
      ids.map((id) => this.#rings.get(`target ${id}`)?.sum(now, field, buckets) ?? 0);
    const recent = over(RATE_BUCKETS);
    return recent.some((n) => n > 0) ? recent : over(BUCKETS - 1);
  }

  #takeStats(stats: NodeStats): void {
    const now = this.#clock.wallMs();
    const node = this.#ring(`node ${stats.node}`, OF_NODE);
    if (stats.logs === undefined) this.#logs.delete(stats.node);
    else if (node !== undefined) this.#logs.set(stats.node, stats.logs);
    for (const [hostname, groups] of Object.entries(stats.lookups)) {
      const lookups = total(groups);
      this.#ring(`site ${hostname}`, 4)?.add(now, LOOKUPS, lookups);
      node?.add(now, LOOKUPS, lookups);
    }
    node?.add(now, LOOKUPS, total(stats.edgeLookups));
    for (const [hostname, seen] of Object.entries(stats.edge)) {
      for (const ring of [node, this.#ring(`site ${hostname}`, 4)]) {
        ring?.add(now, REQUESTS, seen.requests);
        ring?.add(now, HITS, seen.hits);
        ring?.add(now, BYTES, seen.bytesOut);
      }
    }
    for (const [hostname, { asked, won }] of Object.entries(stats.hedges ?? {})) {
      const ring = this.#ring(`hedge ${hostname}`, 2);
      ring?.add(now, HEDGES, asked);
      ring?.add(now, WON, won);
    }
    for (const { requests, bytesOut } of Object.values(stats.tiers ?? {})) {
      node?.add(now, TIER_REQUESTS, requests);
      node?.add(now, TIER_BYTES, bytesOut);
    }
    for (const [id, n] of Object.entries(stats.answers)) this.#target(id)?.add(now, ANSWERS, n);
    for (const [id, n] of Object.entries(stats.fetches)) this.#target(id)?.add(now, FETCHES, n);
  }

  #takeHealth(health: Health): void {
    const now = this.#clock.wallMs();
    for (const target of Object.values(health.targets)) {
      this.#target(target.id)?.set(now, LOAD, target.load);
    }
  }

  #target(id: string): Ring | undefined {
    return this.#ring(`target ${id}`, 3);
  }

  #ring(key: string, fields: number): Ring | undefined {
    const known = this.#rings.get(key);
    if (known !== undefined) return known;
    if (this.#rings.size >= RINGS_MAX) return undefined;
    const ring = new Ring(fields);
    this.#rings.set(key, ring);
    return ring;
  }

  /** What is no longer in the network is not kept, nor what another customer's was. */
  #forget(snapshot: Snapshot): void {
    const moved = this.#owners.moved(snapshot);
    const sites = snapshot.sites.filter((site) => !moved.has(site.hostname));
    const gone = new Set(
      snapshot.sites
        .filter((site) => moved.has(site.hostname))
        .flatMap((site) => site.origins.map((i) => snapshot.origins[i]?.id)),
    );
    const origins = snapshot.origins.filter((origin) => !gone.has(origin.id));
    const kept = new Set([
      ...sites.map((site) => `site ${site.hostname}`),
      ...sites
        .filter(({ fetch }) => fetch?.hedge !== undefined)
        .map((site) => `hedge ${site.hostname}`),
      ...snapshot.nodes.map((node) => `node ${node.name}`),
      ...[...snapshot.nodes, ...origins].map((target) => `target ${target.id}`),
    ]);
    for (const key of this.#rings.keys()) if (!kept.has(key)) this.#rings.delete(key);
    for (const node of this.#logs.keys()) if (!kept.has(`node ${node}`)) this.#logs.delete(node);
  }
}

type Split = Pick<OriginLive, "share" | "fetchShare" | "wanted" | "correction">;

function sharesOf(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, n) => sum + n, 0);
  return counts.map((n) => (total === 0 ? 0 : n / total));
}

function traffic(ring: Ring | undefined, now: number) {
  const requestsPerSec = ring?.rate(now, REQUESTS) ?? 0;
  const hitsPerSec = ring?.rate(now, HITS) ?? 0;
  const hitRatio = requestsPerSec === 0 ? null : hitsPerSec / requestsPerSec;
  return { requestsPerSec, hitRatio, bytesPerSec: ring?.rate(now, BYTES) ?? 0 };
}

/** Whom a cache asks, and what it sent to those that ask it; nothing where the network has no tiers. */
function tiersOf(
  snapshot: Snapshot,
  node: SnapshotNode,
  o: { readonly ring: Ring | undefined; readonly now: number },
): Pick<NodeView, "parent" | "tier" | "tierRequestsPerSec" | "tierBytesPerSec"> {
  if (!hasTiers(snapshot) || !node.roles.includes("edge")) return {};
  const { parent, tier } = snapshot.pops[node.pop] ?? {};
  return {
    ...(parent === undefined ? {} : { parent }),
    ...(tier === undefined ? {} : { tier }),
    tierRequestsPerSec: o.ring?.rate(o.now, TIER_REQUESTS) ?? 0,
    tierBytesPerSec: o.ring?.rate(o.now, TIER_BYTES) ?? 0,
  };
}

function forcedOf(target: SnapshotOrigin | SnapshotNode, health: Health) {
  const { forcedUntilMs } = target;
  const forced = health.targets[target.id]?.forcedEnded === true ? "auto" : target.forced;
  return { forced, ...(forced === "auto" || forcedUntilMs === undefined ? {} : { forcedUntilMs }) };
}

function measuredOf(health: Health, id: string) {
  const seen = health.targets[id];
  return {
    state: seen?.state ?? ("unknown" as const),
    sinceMs: seen?.sinceMs ?? null,
    load: seen?.load ?? null,
    loadFrom: seen?.loadFrom ?? null,
    loadKnown: seen?.loadKnown ?? false,
    sources: [...(seen?.sources ?? [])],
    views: [...(seen?.views ?? [])],
    ...(seen?.warnings === undefined ? {} : { warnings: [...seen.warnings] }),
  };
}

function perSec(sum: number | null | undefined): number {
  return (sum ?? 0) / (BUCKET_MS / 1000);
}

function total(counts: Readonly<Record<string, number>>): number {
  let sum = 0;
  for (const n of Object.values(counts)) sum += n;
  return sum;
}
