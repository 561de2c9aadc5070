import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert } from "../../src/base/assert.ts";
import { FakeClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { seededRng } from "../../src/base/rng.ts";
import { LocalBus } from "../../src/bus/mod.ts";
import type { EdgeOptions, EdgeRole } from "../../src/edge/mod.ts";
import { type Assignment, NO_ASSIGNMENT } from "../../src/model/assignment.ts";
import type { Feed } from "../../src/model/feed.ts";
import { type Health, NO_HEALTH } from "../../src/model/health.ts";
import { network } from "../../src/model/network.ts";
import type { Purge } from "../../src/model/purge.ts";
import type { Snapshot } from "../../src/model/snapshot.ts";
import { noUsage, type UsageCounters } from "../../src/model/usage.ts";
import { compile } from "../../src/policy/snapshot/mod.ts";
import { startAsAsked } from "./edge-crew.ts";
import { ask, type Reply, until, ZONE } from "./edge-stage.ts";

/** A cache of the network, with a bus of its own: purges reach each when the test says so. */
export class TierNode {
  readonly bus = new LocalBus();
  readonly usage = new Map<string, UsageCounters>();
  readonly dir = mkdtempSync(join(tmpdir(), "turnpike-tier-"));
  readonly name: string;
  readonly address: string;
  acked = 0;
  edge!: EdgeRole;
  /** Null: the network's. */
  snapshot: Snapshot | null = null;
  /** Purges that it may hear of when it asks. */
  told: readonly Purge[] = [];
  swapped: ((snapshot: Snapshot) => void)[] = [];
  readonly #world: TierWorld;

  constructor(world: TierWorld, name: string, address: string) {
    this.#world = world;
    this.name = name;
    this.address = address;
    this.bus.respond("purge.since", ({ after }) => {
      const purges = this.told.filter((purge) => purge.number > after);
      return { latest: this.told.at(-1)?.number ?? 0, purges };
    });
    this.bus.subscribe("edge.changed", (told) => {
      if (told.node !== name || world.changesTo === null) return;
      for (const other of world.changesTo())
        if (other !== this) other.bus.publish("edge.changed", told);
    });
    this.bus.subscribe("purge.ack", ({ number }) => {
      this.acked = Math.max(this.acked, number);
    });
  }

  async start(port: number): Promise<void> {
    const world = this.#world;
    const feed: Feed = {
      snapshot: () => this.snapshot ?? world.snapshot,
      health: () => world.health,
      assignment: () => world.assignment,
      onSnapshot: (listener) => {
        this.swapped.push(listener);
        return () => {
          this.swapped = this.swapped.filter((other) => other !== listener);
        };
      },
      onHealth: () => () => {},
    };
    const options: EdgeOptions = {
      ...{ node: this.name, dataDir: this.dir },
      listen: { hosts: [this.address], http: port, https: world.httpsPort },
      ...{ memoryBytesMax: 64 * 1024 * 1024, diskBytesMax: 64 * 1024 * 1024 },
      ...{ feed, bus: this.bus, clock: world.clock, rng: seededRng(1), log: silentLog },
      meter: { of: (customer, site) => this.usageOf(customer, site) },
      ...(world.tls === null ? {} : { tls: world.tls }),
      tierKeys: () => world.keys,
      parentTimes: world.parentTimes,
    };
    this.edge = await startAsAsked(options, world.isCrew);
  }

  usageOf(customer: string, site: string): UsageCounters {
    const name = `${customer}/${site}`;
    const counters = this.usage.get(name) ?? noUsage();
    this.usage.set(name, counters);
    return counters;
  }

  /** A client's request. */
  get(url: string, fields: Record<string, string> = {}, method = "GET"): Promise<Reply> {
    return ask({ address: this.address, port: this.edge.httpPort }, url, { fields, method });
  }

  /** The purges up to this number reach it. */
  hear(purges: readonly Purge[]): void {
    // Those of later are none of its own: it asks for what it has not heard, now and then.
    this.told = [...purges];
    for (const purge of purges) if (purge.number > this.acked) this.bus.publish("purge", purge);
  }

  /** A figure of its metrics: all samples of the family whose labels have these words. */
  count(family: string, words = ""): number {
    this.edge.drainStats();
    const lines = this.edge.metrics().split("\n");
    const own = lines.filter((line) => line.startsWith(`${family}{`) && line.includes(words));
    return own.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }
}

/** Several caches on addresses of one port, over one network file. */
export class TierWorld {
  readonly clock = new FakeClock(Date.UTC(2026, 10, 22, 12));
  readonly nodes: TierNode[] = [];
  readonly purges: Purge[] = [];
  readonly parentTimes = { headMs: 60_000, avoidMs: 0 };
  health: Health = NO_HEALTH;
  assignment: Assignment = NO_ASSIGNMENT;
  snapshot: Snapshot | null = null;
  keys = [{ madeMs: 0, secret: new Uint8Array(32).fill(5) }];
  port = 0;
  httpsPort = 0;
  /** Who hears what unsafe requests changed elsewhere; null: nobody. */
  changesTo: (() => readonly TierNode[]) | null = null;
  /** Each is a keeper and a worker, or none is; undefined: as the environment asks. */
  readonly isCrew: boolean | undefined;
  /** What all of them show where they speak TLS, and how they reach each other. */
  tls: { readonly cert: string; readonly key: string } | null = null;
  tiers: unknown;
  /** Nodes of the network file that are no caches of this world: name and address. */
  others: Readonly<Record<string, string>> = {};
  #number = 0;

  constructor(o: { readonly isCrew?: boolean } = {}) {
    this.isCrew = o.isCrew;
  }

  /** @param addresses by name */
  async start(addresses: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, address] of Object.entries(addresses)) {
      const node = new TierNode(this, name, address);
      await node.start(this.port);
      this.port = node.edge.httpPort;
      this.httpsPort = node.edge.httpsPort ?? 0;
      this.nodes.push(node);
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.edge.stop()));
    for (const node of this.nodes) rmSync(node.dir, { recursive: true, force: true });
  }

  of(name: string): TierNode {
    return this.nodes.find((node) => node.name === name)!;
  }

  /** In force at every cache. */
  publish(o: { readonly pops: readonly unknown[]; readonly sites: readonly unknown[] }): Snapshot {
    const snapshot = this.compile(o);
    this.snapshot = snapshot;
    for (const node of this.nodes) {
      node.snapshot = null;
      for (const listener of node.swapped) listener(snapshot);
    }
    return snapshot;
  }

  /** In force at one. */
  publishTo(node: TierNode, snapshot: Snapshot): void {
    node.snapshot = snapshot;
    for (const listener of node.swapped) listener(snapshot);
  }

  /** A node's pop is its name up to the dash. */
  compile(o: {
    readonly pops: readonly unknown[];
    readonly sites: readonly unknown[];
    readonly customer?: string;
  }): Snapshot {
    const number = ++this.#number;
    const parsed = network.parse({
      ...{ zone: ZONE, allowPrivateOrigins: true, pops: o.pops },
      ports: { http: this.port, ...(this.httpsPort > 0 && { https: this.httpsPort }) },
      ...(this.tiers === undefined ? {} : { tiers: this.tiers }),
      nodes: [
        ...this.nodes.map(({ name, address }) => [name, address]),
        ...Object.entries(this.others),
      ].map(([name, address]) => ({
        ...{ name, pop: name!.slice(0, name!.lastIndexOf("-")), roles: ["edge"] },
        addresses: { v4: address },
      })),
      plans: [{ kind: "fixed", name: "flat", title: "Flat", currency: "EUR", monthly: "1.00" }],
      customers: [{ name: o.customer ?? "shop", plan: "flat", sites: o.sites }],
    });
    const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
    const names = parsed.customers.flatMap(({ sites }) => sites.map((site) => site.hostname));
    const targets = Object.fromEntries(names.map((name) => [name, sha256(name).slice(0, 32)]));
    const intent = { network: parsed, version: number, targets };
    const compiled = compile({ intent, number, createdAtMs: 0, sha256 });
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems));
    return compiled.value;
  }

  /** All purges reach every cache, and each has acknowledged the last. */
  async hear(): Promise<void> {
    for (const node of this.nodes) node.hear(this.purges);
    await until(() => this.nodes.every((node) => node.acked >= this.purges.length), 20_000);
  }

  /** Resolves once no cache is behind the log any more: then what is held fresh is a hit. */
  async caughtUp(url: string): Promise<void> {
    for (const node of this.nodes) {
      const end = performance.now() + 20_000;
      while (!(await node.get(url)).headers.get("cache-status")!.includes(`${node.name}; hit`)) {
        assert(performance.now() < end, "A cache caught up with the log in time");
      }
    }
  }

  /** Numbers a purge; nobody hears of it yet. */
  purge(path: string, site: string, more: Pick<Purge, "scope" | "soft"> = {}): number {
    const number = this.purges.length + 1;
    const purge = { ...more, number, atMs: this.clock.wallMs(), customer: "shop", site, path };
    this.purges.push(purge);
    return number;
  }
}
