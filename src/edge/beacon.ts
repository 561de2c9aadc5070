import type { Clock } from "../base/clock.ts";
import type { Rng } from "../base/rng.ts";
import type { ClientRtt, NodeStats } from "../model/messages.ts";
import type { Snapshot, SnapshotNode } from "../model/snapshot.ts";
import { groupEntries } from "../policy/snapshot/mod.ts";
import type { View } from "../policy/steering/mod.ts";
import { compilePrefixes, familyOf, type PrefixTable, parseAddress } from "../wire/ip/mod.ts";
import { readBeacon } from "../wire/probe/mod.ts";
import { BEACON_SCRIPT } from "./beacon-script.ts";

const BODY_BYTES_MAX = 2048;
/** Pops that one browser measures. */
const POPS_MAX = 4;
/** Networks remembered; the one heard of longest ago gives way. */
const NETWORKS_MAX = 20_000;
/** Reports of one network that count in one minute: more of them are believed no more. */
const REPORTS_MAX = 6;
const MINUTE_MS = 60_000;
/** The last reports of a network: the median of them is its time, so that one lie moves nothing. */
const SAMPLES_MAX = 5;
/** What was not heard of for so long is no news any more. */
const FRESH_MS = 600_000;

interface Network {
  readonly address: Uint8Array;
  atMs: number;
  minuteMs: number;
  inMinute: number;
  readonly byPop: Map<string, number[]>;
}

/** Answers pages that measure how far the caches are, and folds what they say by client group. */
export class Beacon {
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #node: string;
  readonly #view: () => View | null;
  readonly #networks = new Map<string, Network>();
  #prefixes: { readonly snapshot: Snapshot; readonly table: PrefixTable } | null = null;

  constructor(o: {
    readonly node: string;
    readonly view: () => View | null;
    readonly clock: Clock;
    readonly rng: Rng;
  }) {
    this.#node = o.node;
    this.#view = o.view;
    this.#clock = o.clock;
    this.#rng = o.rng;
  }

  /** A request below `/.well-known/turnpike/`; null where there is nothing for it. */
  readonly answer = (path: string, request: Request, client: string) =>
    this.#answer(path, request, client);

  #answer(path: string, request: Request, client: string): Response | Promise<Response> | null {
    const { method } = request;
    if (path === "rtt" && method === "GET") return new Response("ok", { headers: ANYBODY });
    if (path === "beacon.js" && method === "GET") {
      return new Response(BEACON_SCRIPT, { headers: SCRIPT_FIELDS });
    }
    if (path !== "beacon") return null;
    if (method === "GET") return this.#list(request, client);
    return method === "POST" ? this.#take(request, client) : null;
  }

  #list(request: Request, client: string): Response {
    const view = this.#view();
    const url = new URL(request.url);
    const hostname = url.searchParams.get("site") ?? "";
    if (view === null || !asked(view.snapshot, hostname)) {
      return Response.json({ edges: [] }, { headers: ANYBODY });
    }
    const { ports, zone } = view.snapshot;
    const secure = url.protocol === "https:";
    const port = secure ? ports.https : ports.http;
    const where = port === (secure ? 443 : 80) ? "" : `:${port}`;
    const edges = this.#toMeasure(view, client).map(({ name }) => ({
      node: name,
      url: `${url.protocol}//rtt-${name}.${zone}${where}/.well-known/turnpike/rtt`,
    }));
    return Response.json({ edges }, { headers: ANYBODY });
  }

  /** A cache of this pop, of the two that are nearest by what is known, and of any others. */
  #toMeasure({ snapshot, health }: View, client: string): SnapshotNode[] {
    const byPop = new Map<number, SnapshotNode>();
    for (const node of snapshot.nodes) {
      const up = health.targets[node.id]?.state === "up";
      if (node.roles.includes("edge") && up && !byPop.has(node.pop)) byPop.set(node.pop, node);
    }
    const own = snapshot.nodes.find((node) => node.name === this.#node)?.pop;
    const group = snapshot.groups[this.#groupOf(snapshot, client)];
    const known = group === undefined ? {} : (health.rttMs[group.name] ?? {});
    const order = [...byPop].map(([pop, node]) => {
      const rttMs = known[snapshot.pops[pop]?.name ?? ""] ?? Number.POSITIVE_INFINITY;
      return { node, own: pop === own ? 0 : 1, rttMs, draw: this.#rng.float() };
    });
    order.sort((a, b) => a.own - b.own || a.rttMs - b.rttMs || a.draw - b.draw);
    const near = order.slice(0, POPS_MAX - 1);
    const rest = order.slice(POPS_MAX - 1).sort((a, b) => a.draw - b.draw);
    return [...near, ...rest.slice(0, 1)].map((one) => one.node);
  }

  async #take(request: Request, client: string): Promise<Response> {
    const length = Number(request.headers.get("content-length") ?? Number.NaN);
    if (!(length <= BODY_BYTES_MAX)) return new Response(null, { status: 413, headers: ANYBODY });
    const report = readBeacon(await request.text());
    const address = parseAddress(client);
    const snapshot = this.#view()?.snapshot;
    if (report !== null && address !== null && snapshot !== undefined) {
      if (asked(snapshot, report.site)) this.#remember(snapshot, address, report.rttMs);
    }
    // Whatever was made of it: who reports learns nothing.
    return new Response(null, { status: 204, headers: ANYBODY });
  }

  #remember(snapshot: Snapshot, address: Uint8Array, rttMs: ReadonlyMap<string, number>): void {
    const byPop = leastByPop(snapshot, rttMs);
    if (byPop.size === 0) return;
    const atMs = this.#clock.monoMs();
    const key = address.slice(0, address.length === 4 ? 3 : 6).toHex();
    const known = this.#networks.get(key);
    const network = known ?? { address, atMs, minuteMs: atMs, inMinute: 0, byPop: new Map() };
    if (atMs - network.minuteMs >= MINUTE_MS) {
      network.minuteMs = atMs;
      network.inMinute = 0;
    }
    if (++network.inMinute > REPORTS_MAX) return;
    network.atMs = atMs;
    for (const [pop, ms] of byPop) {
      const samples = network.byPop.get(pop) ?? [];
      samples.push(ms);
      if (samples.length > SAMPLES_MAX) samples.shift();
      network.byPop.set(pop, samples);
    }
    // Put in again, so that the map's order is by age.
    this.#networks.delete(key);
    this.#networks.set(key, network);
    if (this.#networks.size <= NETWORKS_MAX) return;
    const [oldest] = this.#networks.keys();
    if (oldest !== undefined) this.#networks.delete(oldest);
  }

  #groupOf(snapshot: Snapshot, client: string | Uint8Array): number {
    const address = typeof client === "string" ? parseAddress(client) : client;
    if (address === null) return 0;
    if (this.#prefixes?.snapshot !== snapshot) {
      const entries = groupEntries(snapshot).map(({ prefix, group }) => ({ prefix, value: group }));
      this.#prefixes = { snapshot, table: compilePrefixes(entries) };
    }
    return this.#prefixes.table.find(address, familyOf(address)).value;
  }

  /** Client group -> pop -> the median over its networks. */
  take(): Pick<NodeStats, "beaconRtt"> {
    const snapshot = this.#view()?.snapshot;
    this.#forget();
    if (snapshot === undefined || this.#networks.size === 0) return {};
    const groups = new Map<string, Map<string, number[][]>>();
    for (const { address, byPop } of this.#networks.values()) {
      const group = this.#groupOf(snapshot, address);
      const name = snapshot.groups[group]?.name;
      if (name === undefined || group === 0) continue;
      const pops = groups.get(name) ?? new Map<string, number[][]>();
      groups.set(name, pops);
      for (const [pop, samples] of byPop) {
        const networks = pops.get(pop) ?? [];
        networks.push(samples);
        pops.set(pop, networks);
      }
    }
    const told: Record<string, Record<string, ClientRtt>> = {};
    for (const [group, pops] of groups) {
      told[group] = Object.fromEntries([...pops].map(([pop, networks]) => [pop, folded(networks)]));
    }
    return { beaconRtt: told };
  }

  #forget(): void {
    const nowMs = this.#clock.monoMs();
    for (const [key, { atMs }] of this.#networks) {
      if (nowMs - atMs <= FRESH_MS) break;
      this.#networks.delete(key);
    }
  }
}

const ANYBODY = {
  "access-control-allow-origin": "*",
  "timing-allow-origin": "*",
  "cache-control": "no-store",
} as const;
const SCRIPT_FIELDS = {
  "content-type": "text/javascript; charset=utf-8",
  "cache-control": "public, max-age=3600",
  "cross-origin-resource-policy": "cross-origin",
} as const;

/** Whether this customer's site asks for the beacon: nobody else's pages may speak. */
function asked(snapshot: Snapshot, hostname: string): boolean {
  const wanted = hostname.toLowerCase();
  return snapshot.sites.some((site) => site.beacon === true && site.hostname === wanted);
}

/** Nodes that the snapshot does not have are nobody's; of a pop's several, the nearest counts. */
function leastByPop(snapshot: Snapshot, rttMs: ReadonlyMap<string, number>): Map<string, number> {
  const least = new Map<string, number>();
  for (const node of snapshot.nodes) {
    const ms = rttMs.get(node.name);
    const pop = snapshot.pops[node.pop]?.name;
    if (ms === undefined || pop === undefined) continue;
    least.set(pop, Math.min(least.get(pop) ?? Number.POSITIVE_INFINITY, ms));
  }
  return least;
}

function folded(networks: readonly (readonly number[])[]): ClientRtt {
  const samples = networks.reduce((sum, one) => sum + one.length, 0);
  const rttMs = Math.round(middle(networks.map(middle)) * 10) / 10;
  return { rttMs, samples, networks: networks.length };
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
