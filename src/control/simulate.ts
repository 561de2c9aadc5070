import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { Problem } from "../base/result.ts";
import type { Bus } from "../bus/mod.ts";
import type { Simulated } from "../model/api/mod.ts";
import type { Demand } from "../model/assignment.ts";
import { pathOf, readDocument } from "../model/document.ts";
import type { Feed } from "../model/feed.ts";
import type { NodeStats } from "../model/messages.ts";
import { type Network, network } from "../model/network.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { compile } from "../policy/snapshot/mod.ts";
import { simulate } from "../policy/steering/mod.ts";
import { sha256 } from "./digest.ts";
import type { History } from "./history.ts";
import type { OriginHosts } from "./origin-hosts.ts";
import { viewAt } from "./past.ts";
import { type Counted, predictBills } from "./predict-bills.ts";

/** Demand is taken over one whole window and the one that runs. */
const WINDOW_MS = 300_000;

interface Window {
  readonly fromMs: number;
  readonly sites: Map<string, Map<string, number>>;
  readonly edges: Map<string, number>;
}

/** Lookups of the last five to ten minutes, by name and client group, for simulations. */
export class DemandBook {
  readonly #feed: Feed;
  readonly #clock: Clock;
  readonly #stop: () => void;
  #windows: readonly Window[];

  constructor(o: { readonly bus: Bus; readonly feed: Feed; readonly clock: Clock }) {
    this.#feed = o.feed;
    this.#clock = o.clock;
    this.#windows = [emptyWindow(o.clock.monoMs())];
    this.#stop = o.bus.subscribe("stats", (stats) => this.#take(stats));
  }

  stop(): void {
    this.#stop();
  }

  /** Lookups per second; null when there were none. */
  demand(): Demand | null {
    const oldest = this.#windows[0]!;
    const sec = Math.max(1, (this.#clock.monoMs() - oldest.fromMs) / 1000);
    const sites: Record<string, Record<string, number>> = {};
    const edges: Record<string, number> = {};
    for (const window of this.#windows) {
      for (const [group, n] of window.edges) edges[group] = (edges[group] ?? 0) + n / sec;
      for (const [hostname, groups] of window.sites) {
        const rates = sites[hostname] ?? {};
        sites[hostname] = rates;
        for (const [group, n] of groups) rates[group] = (rates[group] ?? 0) + n / sec;
      }
    }
    const some = Object.keys(sites).length > 0 || Object.keys(edges).length > 0;
    return some ? { sites, edges } : null;
  }

  /** Lookups per second of one site, by client group. */
  ofSite(hostname: string): Readonly<Record<string, number>> {
    const oldest = this.#windows[0]!;
    const sec = Math.max(1, (this.#clock.monoMs() - oldest.fromMs) / 1000);
    const rates: Record<string, number> = {};
    for (const { sites } of this.#windows) {
      for (const [group, n] of sites.get(hostname) ?? []) {
        rates[group] = (rates[group] ?? 0) + n / sec;
      }
    }
    return rates;
  }

  /** Only names of the snapshot count, so that memory is bounded by it. */
  #take(stats: NodeStats): void {
    const snapshot = this.#feed.snapshot();
    if (snapshot === null) return;
    const nowMs = this.#clock.monoMs();
    const running = this.#windows.at(-1)!;
    if (nowMs - running.fromMs >= WINDOW_MS) this.#windows = [running, emptyWindow(nowMs)];
    const { sites, edges } = this.#windows.at(-1)!;
    const known = new Set(snapshot.groups.map((group) => group.name));
    const hostnames = new Set(snapshot.sites.map((site) => site.hostname));
    for (const [hostname, groups] of Object.entries(stats.lookups)) {
      if (!hostnames.has(hostname)) continue;
      const counts = sites.get(hostname) ?? new Map<string, number>();
      sites.set(hostname, counts);
      addAll(counts, groups, known);
    }
    addAll(edges, stats.edgeLookups, known);
  }
}

function emptyWindow(fromMs: number): Window {
  return { fromMs, sites: new Map(), edges: new Map() };
}

function addAll(
  counts: Map<string, number>,
  more: Readonly<Record<string, number>>,
  known: ReadonlySet<string>,
): void {
  for (const [group, n] of Object.entries(more)) {
    if (known.has(group) && n > 0) counts.set(group, (counts.get(group) ?? 0) + n);
  }
}

/**
 * What a draft would do to the clients that there are, or to one a second of each kind, and what its
 * customers would pay.
 *
 * @throws Fault `bad-input` with every problem of the draft; `snapshot-missing`; `not-found` for a
 *   time, or lookups, that were not recorded
 */
export function simulateDraft(
  o: Recorded & {
    readonly feed: Feed;
    readonly network: Network | null;
    readonly hosts: OriginHosts;
    readonly counted: Counted;
  },
  body: { readonly yaml: string; readonly at?: string | undefined; readonly demand: Asked },
): Simulated {
  const now = viewAt(o, body.at);
  const draft = compileDraft(body.yaml, (file) => o.hosts.fill(file));
  const recorded = recordedDemand(o, body);
  const demand = recorded ?? generated(now.snapshot);
  const { names, servers } = simulate({ now, draft: draft.snapshot, demand });
  return {
    demand: recorded === null ? "generated" : "recorded",
    names: names.map((name) => ({ ...name })),
    servers: servers.map((server) => ({ ...server })),
    customers: predictBills(o.network, draft.network, o.counted),
    usageHours: Math.round(o.counted.spanMs / 360_000) / 10,
  };
}

interface Recorded {
  readonly demand: DemandBook;
  readonly history: History;
}

type Asked = "auto" | "recorded" | "generated";

function recordedDemand(
  o: Recorded,
  { at, demand }: { readonly at?: string | undefined; readonly demand: Asked },
): Demand | null {
  if (demand === "generated") return null;
  const known = at === undefined ? o.demand.demand() : o.history.demandAt(Date.parse(at));
  if (known === null && demand === "recorded")
    throw new Fault("not-found", `no lookups are recorded${at === undefined ? "" : ` of ${at}`}`);
  return known;
}

function compileDraft(
  yaml: string,
  fill: (network: Network) => Network,
): { readonly snapshot: Snapshot; readonly network: Network } {
  const read = readDocument(yaml, network);
  if (!read.ok) throw refusal(read.problems);
  const { value, locate } = read.value;
  const sites = value.customers.flatMap((customer) => customer.sites);
  // Nothing asks for a draft's CNAME targets.
  const targets = Object.fromEntries(sites.map((s) => [s.hostname, "0".repeat(32)]));
  const intent = { network: fill(value), version: 1, targets };
  const made = compile({ intent, number: 1, createdAtMs: 0, sha256 });
  if (made.ok) return { snapshot: made.value, network: value };
  throw refusal(made.problems.map((p) => ({ ...p, ...locate(pathOf(p.path)) })));
}

function refusal(problems: readonly Problem[]): Fault {
  const hidden = problems.map((p) => {
    const secret = p.path.endsWith("password") || p.received?.includes('"password"') === true;
    return secret ? { ...p, received: "(hidden)" } : p;
  });
  return new Fault("bad-input", "", { problems: hidden });
}

function generated(snapshot: Snapshot): Demand {
  const groups = Object.fromEntries(snapshot.groups.map((group) => [group.name, 1]));
  const sites = Object.fromEntries(snapshot.sites.map((site) => [site.hostname, groups]));
  return { sites, edges: groups };
}
