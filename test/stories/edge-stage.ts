import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert } from "../../src/base/assert.ts";
import { FakeClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { seededRng } from "../../src/base/rng.ts";
import { LocalBus } from "../../src/bus/mod.ts";
import type { EdgeOptions, EdgeRole } from "../../src/edge/mod.ts";
import { NO_ASSIGNMENT } from "../../src/model/assignment.ts";
import type { Feed } from "../../src/model/feed.ts";
import { type Health, NO_HEALTH, type TargetHealth } from "../../src/model/health.ts";
import { network } from "../../src/model/network.ts";
import type { Purge, PurgeAck } from "../../src/model/purge.ts";
import type { Snapshot } from "../../src/model/snapshot.ts";
import { noUsage, type UsageCounters } from "../../src/model/usage.ts";
import { compile } from "../../src/policy/snapshot/mod.ts";
import { startAsAsked, startCrew } from "./edge-crew.ts";

export const ZONE = "cdn.example";

/** An origin of a customer on a loopback address, with a log of what it was asked. */
export interface StageOrigin {
  readonly address: string;
  readonly port: number;
  readonly log: { readonly method: string; readonly path: string; readonly headers: Headers }[];
  stop(): Promise<void>;
}

export type Answer = (
  request: Request,
  origin: { readonly address: string },
) => Response | Promise<Response>;

export function startOrigin(address: string, port: number, answer: Answer): StageOrigin {
  const log: { method: string; path: string; headers: Headers }[] = [];
  const server = Bun.serve({
    hostname: address,
    port,
    fetch(request) {
      const { pathname, search } = new URL(request.url);
      log.push({ method: request.method, path: pathname + search, headers: request.headers });
      return answer(request, { address });
    },
  });
  return { address, port: server.port!, log, stop: () => server.stop(true) };
}

export interface StageSite {
  readonly hostname: string;
  readonly customer: string;
  readonly origins: readonly {
    readonly name: string;
    readonly v4: string;
    readonly port: number;
    readonly paths?: readonly string[];
    readonly connectionsMax?: number;
  }[];
  readonly port: number;
  readonly scheme?: "http" | "https";
  readonly fetch?: unknown;
  readonly front?: "servers" | "caches";
  readonly aliases?: readonly string[];
  readonly rules?: readonly unknown[];
  readonly logs?: unknown;
}

export function snapshotOf(
  sites: readonly StageSite[],
  number = 1,
  clientGroups: readonly unknown[] = [],
): Snapshot {
  const customers = [...new Set(sites.map((site) => site.customer))];
  const parsed = network.parse({
    zone: ZONE,
    allowPrivateOrigins: true,
    clientGroups,
    pops: [{ name: "here" }],
    nodes: [{ name: "edge-1", pop: "here", roles: ["edge"], addresses: { v4: "127.0.0.1" } }],
    plans: [{ kind: "fixed", name: "flat", title: "Flat", currency: "EUR", monthly: "1.00" }],
    customers: customers.map((name) => ({
      name,
      plan: "flat",
      sites: sites
        .filter((site) => site.customer === name)
        .map((site) => ({
          hostname: site.hostname,
          port: site.port,
          front: site.front ?? "servers",
          ...(site.scheme === undefined ? {} : { scheme: site.scheme }),
          ...(site.fetch === undefined ? {} : { fetch: site.fetch }),
          origins: site.origins,
          cache: { aliases: site.aliases ?? [] },
          ...(site.rules === undefined ? {} : { rules: site.rules }),
          ...(site.logs === undefined ? {} : { logs: site.logs }),
        })),
    })),
  });
  const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
  const targets = Object.fromEntries(
    sites.map((s) => [s.hostname, sha256(s.hostname).slice(0, 32)]),
  );
  const compiled = compile({
    intent: { network: parsed, version: number, targets },
    number,
    createdAtMs: 0,
    sha256,
  });
  assert(compiled.ok, "The stage's network is valid");
  return compiled.value;
}

/** Health in which every origin is up with the load given, by id `<hostname>/<name>`. */
export function healthOf(
  loads: Readonly<Record<string, number>>,
  down: readonly string[] = [],
): Health {
  const targets = Object.entries(loads).map(([id, load]): [string, TargetHealth] => {
    const state = down.includes(id) ? "down" : "up";
    const up = state === "up";
    const more = { loadFrom: "cpu", sources: [], views: [], young: false, sinceMs: 0 } as const;
    return [id, { id, state, v4Up: up, v6Up: up, load, loadKnown: true, ...more }];
  });
  return { ...NO_HEALTH, number: 1, snapshot: 1, targets: Object.fromEntries(targets) };
}

/** An edge with everything around it, in one process. */
export class Stage {
  readonly clock = new FakeClock(Date.UTC(2026, 10, 22, 12));
  readonly bus = new LocalBus();
  readonly usage = new Map<string, UsageCounters>();
  readonly acks: PurgeAck[] = [];
  readonly purgeLog: Purge[] = [];
  readonly dir = mkdtempSync(join(tmpdir(), "turnpike-edge-"));
  snapshot: Snapshot;
  health: Health = NO_HEALTH;
  /** False: the purge log does not answer, as without a control plane. */
  logAnswers = true;
  edge!: EdgeRole;
  readonly #swapped = new Set<(snapshot: Snapshot) => void>();
  /** Of a keeper that has another snapshot than its worker. */
  readonly #apart = new Set<(snapshot: Snapshot) => void>();
  readonly #address: string;

  constructor(snapshot: Snapshot, address: string) {
    this.snapshot = snapshot;
    this.#address = address;
    this.bus.respond("purge.since", ({ after }) => {
      if (!this.logAnswers) throw new Error("The log is away");
      const purges = this.purgeLog.filter((purge) => purge.number > after);
      return { latest: this.purgeLog.at(-1)?.number ?? 0, purges };
    });
    this.bus.subscribe("purge.ack", (ack) => this.acks.push(ack));
  }

  async start(
    more: Pick<
      EdgeOptions,
      | "tls"
      | "secrets"
      | "credentials"
      | "files"
      | "access"
      | "exchangesMax"
      | "connections"
      | "finishMs"
      | "resolver"
      | "certificates"
      | "tlsDrainMs"
      | "http3Swap"
    > & {
      readonly memoryBytesMax?: number;
      readonly diskBytesMax?: number;
      readonly http3?: boolean;
      /** A keeper and a worker, and what the keeper knows until `publishToKeeper` tells it. */
      readonly apart?: { readonly keeper: Snapshot | null };
    } = {},
  ) {
    const options: EdgeOptions = {
      node: "edge-1",
      listen: { hosts: [this.#address], http: 0, https: 0, http3: more.http3 === true },
      ...(more.tls === undefined ? {} : { tls: more.tls }),
      ...(more.certificates === undefined ? {} : { certificates: more.certificates }),
      ...(more.tlsDrainMs === undefined ? {} : { tlsDrainMs: more.tlsDrainMs }),
      ...(more.http3Swap === undefined ? {} : { http3Swap: more.http3Swap }),
      ...(more.files === undefined ? {} : { files: more.files }),
      ...(more.access === undefined ? {} : { access: more.access }),
      ...(more.finishMs === undefined ? {} : { finishMs: more.finishMs }),
      ...(more.exchangesMax === undefined ? {} : { exchangesMax: more.exchangesMax }),
      ...(more.connections === undefined ? {} : { connections: more.connections }),
      ...(more.credentials === undefined ? {} : { credentials: more.credentials }),
      ...(more.secrets === undefined ? {} : { secrets: more.secrets }),
      ...(more.resolver === undefined ? {} : { resolver: more.resolver }),
      dataDir: this.dir,
      memoryBytesMax: more.memoryBytesMax ?? 64 * 1024 * 1024,
      diskBytesMax: more.diskBytesMax ?? 256 * 1024 * 1024,
      feed: this.#feed(() => this.snapshot, this.#swapped),
      bus: this.bus,
      meter: { of: (customer, site) => this.usageOf(customer, site) },
      clock: this.clock,
      rng: seededRng(1),
      log: silentLog,
    };
    const { apart } = more;
    this.edge =
      apart === undefined
        ? await startAsAsked(options)
        : await startCrew(
            options,
            this.#feed(() => apart.keeper, this.#apart),
          );
    return this;
  }

  #feed(first: () => Snapshot | null, swapped: Set<(snapshot: Snapshot) => void>): Feed {
    let last: Snapshot | null = null;
    const note = (snapshot: Snapshot) => {
      last = snapshot;
    };
    swapped.add(note);
    return {
      snapshot: () => last ?? first(),
      health: () => this.health,
      assignment: () => NO_ASSIGNMENT,
      onSnapshot: (listener) => {
        swapped.add(listener);
        return () => swapped.delete(listener);
      },
      onHealth: () => () => {},
    };
  }

  usageOf(customer: string, site: string): UsageCounters {
    const name = `${customer}/${site}`;
    const counters = this.usage.get(name) ?? noUsage();
    this.usage.set(name, counters);
    return counters;
  }

  publish(snapshot: Snapshot): void {
    this.snapshot = snapshot;
    for (const listener of this.#swapped) listener(snapshot);
  }

  /** Where it stands apart from its worker. */
  publishToKeeper(snapshot: Snapshot): void {
    for (const listener of this.#apart) listener(snapshot);
  }

  /** Numbers a purge, tells the edge, and waits for its acknowledgement. */
  async purge(
    customer: string,
    site: string,
    path: string,
    more: Pick<Purge, "scope" | "soft"> = {},
  ): Promise<void> {
    const number = this.purgeLog.length + 1;
    const purge = { ...more, number, atMs: this.clock.wallMs(), customer, site, path };
    this.purgeLog.push(purge);
    this.bus.publish("purge", purge);
    await until(() => this.acks.some((ack) => ack.number === number));
  }

  get address(): string {
    return this.#address;
  }

  /** A request to this edge, whatever the URL's host is: that goes into the Host field. */
  get(url: string, fields: Record<string, string> = {}, method = "GET"): Promise<Reply> {
    return ask({ address: this.#address, port: this.edge.httpPort }, url, { fields, method });
  }

  async stop(): Promise<void> {
    await this.edge.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly text: string;
}

export function ask(
  at: { readonly address: string; readonly port: number },
  url: string,
  o: {
    readonly fields: Record<string, string>;
    readonly method: string;
    readonly body?: string | Buffer;
  },
): Promise<Reply> {
  const { host, pathname, search } = new URL(url);
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const sent = request(
    {
      host: at.address,
      port: at.port,
      method: o.method,
      path: pathname + search,
      headers: { host, ...o.fields },
      agent: false,
    },
    (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const body = Buffer.concat(chunks);
        const headers = new Headers();
        for (const [name, value] of Object.entries(response.headers)) {
          for (const one of [value ?? []].flat()) headers.append(name, one);
        }
        resolve({ status: response.statusCode ?? 0, headers, body, text: body.toString() });
      });
    },
  );
  sent.on("error", reject);
  sent.end(o.body);
  return promise;
}

/** Waits for a condition, five seconds at most. */
export async function until(holds: () => boolean, msMax = 5_000): Promise<void> {
  const end = performance.now() + msMax;
  while (!holds()) {
    assert(performance.now() < end, "What was waited for came in time");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
