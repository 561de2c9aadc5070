import { byTurns } from "../base/by-turns.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Problem } from "../base/result.ts";
import type { Customer, Network } from "../model/network.ts";
import type { NameResolver } from "../model/resolver.ts";
import type { Site } from "../model/site.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { type OwnNetwork, ownAddresses } from "../policy/snapshot/mod.ts";
import { addressesIn, type Message, TYPE } from "../wire/dns/mod.ts";
import { vetAddress } from "../wire/ip/mod.ts";

/** Bounds of how long an answer is believed. */
const REFRESH_SEC_MIN = 10;
const REFRESH_SEC_MAX = 3600;
/** After a failure, doubling up to the most. */
const RETRY_SEC = 5;
const RETRY_SEC_MAX = 60;
const LOOKUPS_AT_ONCE = 10;
/** Names of one customer in a turn: those of others wait no longer for it, however slow its name servers are. */
const OF_CUSTOMER_MAX = 10;
const TURN_MS = 1000;
/** A name that moved is looked up no sooner, so that one that moves all the time keeps nobody busy. */
const MOVED_SEC = 60;
/** Changes of addresses that come together are published together, and take at most so much of all time. */
const PUBLISH_MS = 5_000;
const PUBLISH_PART = 1 / 50;
/** What no server is named by any more is forgotten. */
const KEPT_MS = 600_000;

/** The addresses in use of a server that is named by its host name. */
export interface HostAddresses {
  readonly v4?: string;
  readonly v6?: string;
}

interface Host {
  /** The last good answer; null: there was none yet. */
  found: HostAddresses | null;
  problem: string | null;
  nextMs: number;
  failures: number;
  wantedMs: number;
  looking: Promise<void> | null;
}

/** What is asked about: the names, each with the ports that are connected to there. */
type Wanted = ReadonlyMap<string, ReadonlySet<number>>;

/** What of a network, or of a snapshot, says which addresses may be used. */
type Rules = OwnNetwork & { readonly allowPrivateOrigins: boolean };

/**
 * Servers that customers name by a host name: looked up here, again when the answer's TTL ends, each
 * address vetted. Snapshots carry the addresses, so nobody else looks a name up, and what is connected
 * to is what was vetted (threats T2). An answer that is worse than none leaves the one before in force.
 */
export class OriginHosts {
  readonly #resolver: NameResolver | null;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #latest: () => Snapshot | null;
  readonly #hosts = new Map<string, Host>();
  readonly #filled = new WeakMap<Site, { readonly as: string; readonly site: Site }>();
  readonly #plain = new WeakSet<Site>();
  #publish: () => Promise<void> = () => Promise.resolve();
  /** Not before is anything published. */
  #publishMs = Number.NEGATIVE_INFINITY;
  #turning: Promise<void> | null = null;
  #stopped = false;
  #timer: ReturnType<typeof setInterval> | null = null;

  constructor(o: {
    readonly resolver: NameResolver | null;
    readonly clock: Clock;
    readonly log: Log;
    /** What is published: what it says of addresses is the last good answer after a restart. */
    readonly latest: () => Snapshot | null;
  }) {
    this.#resolver = o.resolver;
    this.#clock = o.clock;
    this.#log = o.log;
    this.#latest = o.latest;
    for (const { host, v4, v6 } of o.latest()?.origins ?? []) {
      if (host === undefined) continue;
      const found = { ...(v4 === undefined ? {} : { v4 }), ...(v6 === undefined ? {} : { v6 }) };
      this.#hosts.set(host, { ...freshHost(o.clock.wallMs()), found });
    }
  }

  /** @param publish called when what is published has other addresses than were found */
  start(publish: () => Promise<void>): void {
    this.#publish = publish;
    this.#timer = setInterval(() => {
      if (this.#turning !== null) return;
      this.turn().catch((error: unknown) => {
        this.#log.error("Cannot look up web servers by their names", { error });
      });
    }, TURN_MS);
    this.#timer.unref();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** The addresses in use; null where none was ever found. */
  of(host: string): HostAddresses | null {
    return this.#hosts.get(host)?.found ?? null;
  }

  /** What is wrong with the last answer; null: nothing. */
  problem(host: string): string | null {
    return this.#hosts.get(host)?.problem ?? null;
  }

  /** The network with addresses beside the names. What has no names is the very same object. */
  fill(network: Network): Network {
    const customers = network.customers.map((customer) => this.#fillCustomer(customer));
    const same = customers.every((customer, i) => customer === network.customers[i]);
    return same ? network : { ...network, customers };
  }

  /** Names in the network of which no address is known. */
  unknown(network: Network): string[] {
    return [...wantedBy(network).keys()].filter((host) => this.of(host) === null);
  }

  /** Looks these up, for this network. */
  async look(hosts: readonly string[], network: Network): Promise<void> {
    const wanted = wantedBy(network);
    const rules = { ...network, nodes: network.nodes.map((node) => node.addresses) };
    await this.#lookAll(hosts, wanted, rules);
  }

  /** What has no address, each at its place in the network file. */
  problems(network: Network): Problem[] {
    const problems: Problem[] = [];
    for (const { path, host } of placesOf(network)) {
      if (this.of(host) !== null) continue;
      const why = this.problem(host) ?? "it was not looked up";
      problems.push({ path, message: `expected the name of a web server: ${why}`, received: host });
    }
    return problems;
  }

  /** Looks up what is due, and publishes what changed. */
  async turn(): Promise<void> {
    while (this.#turning !== null) await this.#turning.catch(() => {});
    this.#turning = this.#turn().finally(() => {
      this.#turning = null;
    });
    return this.#turning;
  }

  async #turn(): Promise<void> {
    const snapshot = this.#latest();
    if (snapshot === null) return;
    const nowMs = this.#clock.wallMs();
    const wanted = hostsIn(snapshot);
    for (const [name, host] of this.#hosts) {
      if (wanted.has(name)) host.wantedMs = nowMs;
      else if (nowMs - host.wantedMs > KEPT_MS) this.#hosts.delete(name);
    }
    await this.#lookAll(this.#due(snapshot, nowMs), wanted, snapshot);
    if (this.#stopped || nowMs < this.#publishMs || !this.#differs(snapshot)) return;
    const fromMs = this.#clock.monoMs();
    await this.#publish();
    const tookMs = this.#clock.monoMs() - fromMs;
    this.#publishMs = nowMs + Math.max(PUBLISH_MS, tookMs / PUBLISH_PART);
  }

  /** What is to be looked up in this turn, of each customer what waits longest. */
  #due({ origins, sites }: Snapshot, nowMs: number): string[] {
    const names = new Map<string, Set<string>>();
    const nextMs = (name: string) => this.#hosts.get(name)?.nextMs ?? 0;
    for (const { host, site } of origins) {
      const customer = sites[site]?.customer;
      if (host === undefined || customer === undefined || nextMs(host) > nowMs) continue;
      names.set(customer, (names.get(customer) ?? new Set()).add(host));
    }
    const first = (own: ReadonlySet<string>) =>
      [...own].sort((a, b) => nextMs(a) - nextMs(b)).slice(0, OF_CUSTOMER_MAX);
    return [...new Set(byTurns([...names.values()].map(first)))];
  }

  #differs(snapshot: Snapshot): boolean {
    return snapshot.origins.some(({ host, v4, v6 }) => {
      const found = host === undefined ? null : this.of(host);
      return found !== null && (found.v4 !== v4 || found.v6 !== v6);
    });
  }

  async #lookAll(hosts: readonly string[], wanted: Wanted, rules: Rules): Promise<void> {
    const own = ownAddresses(rules);
    let next = 0;
    const one = async () => {
      for (let name = hosts[next++]; name !== undefined; name = hosts[next++]) {
        const ports = [...(wanted.get(name) ?? [])];
        const refuses = (address: string) =>
          vetAddress(address, {
            allowPrivate: rules.allowPrivateOrigins,
            ranges: rules.allowOriginRanges,
          }) ?? (ports.some((port) => own(address, port)) ? "a node of this network" : null);
        const host = this.#hosts.get(name) ?? freshHost(this.#clock.wallMs());
        this.#hosts.set(name, host);
        host.looking ??= this.#look(name, host, refuses).finally(() => {
          host.looking = null;
        });
        await host.looking;
      }
    };
    await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, one));
  }

  async #look(
    name: string,
    host: Host,
    refuses: (address: string) => string | null,
  ): Promise<void> {
    const asked = [TYPE.A, TYPE.AAAA].map((type) => {
      return this.#resolver?.lookup(name, type) ?? Promise.reject(new Error("no resolver"));
    });
    const [four, six] = await Promise.allSettled(asked);
    const refused: string[] = [];
    const pick = (said: typeof four, type: number, before: string | undefined) => {
      // A family that nobody answers for stays what it was.
      if (said?.status !== "fulfilled") return before;
      const good = addressesIn(said.value, type)
        .sort()
        .filter((address) => {
          const why = refuses(address);
          // Not which: whoever asks may know a name of the operator's own network, and not its addresses.
          if (why !== null) refused.push(`an address is ${why}`);
          return why === null;
        });
      return before !== undefined && good.includes(before) ? before : good[0];
    };
    const v4 = pick(four, TYPE.A, host.found?.v4);
    const v6 = pick(six, TYPE.AAAA, host.found?.v6);
    const answers = [four, six].flatMap((said) =>
      said?.status === "fulfilled" ? [said.value] : [],
    );
    const whole = answers.length === asked.length;
    const some = answers.length > 0 && (v4 !== undefined || v6 !== undefined);
    const problem = wordsOf({ whole, some, refused });
    if (problem !== null && problem !== host.problem) {
      this.#log.warn("A web server's name leads elsewhere, or nowhere", { name, problem });
    }
    host.problem = problem;
    const nowMs = this.#clock.wallMs();
    const { found } = host;
    const moved = found !== null && some && (found.v4 !== v4 || found.v6 !== v6);
    if (some) {
      host.found = { ...(v4 === undefined ? {} : { v4 }), ...(v6 === undefined ? {} : { v6 }) };
    }
    if (!some || !whole) {
      host.nextMs = nowMs + Math.min(RETRY_SEC * 2 ** host.failures, RETRY_SEC_MAX) * 1000;
      host.failures = Math.min(host.failures + 1, 10);
      return;
    }
    host.failures = 0;
    host.nextMs = nowMs + Math.max(refreshSec(answers), moved ? MOVED_SEC : 0) * 1000;
  }

  #fillCustomer(customer: Customer): Customer {
    const sites = customer.sites.map((site) => this.#fillSite(site));
    const same = sites.every((site, i) => site === customer.sites[i]);
    return same ? customer : { ...customer, sites };
  }

  /** The same object as long as the addresses are: the compiler knows it by that. */
  #fillSite(site: Site): Site {
    if (this.#plain.has(site)) return site;
    if (site.origins.every(({ host }) => host === undefined)) {
      this.#plain.add(site);
      return site;
    }
    const found = site.origins.map(({ host }) => (host === undefined ? null : this.of(host)));
    const as = JSON.stringify(found);
    const before = this.#filled.get(site);
    if (before?.as === as) return before.site;
    const origins = site.origins.map((origin, i) => ({ ...origin, ...found[i] }));
    const filled = { ...site, origins };
    this.#filled.set(site, { as, site: filled });
    return filled;
  }
}

function freshHost(nowMs: number): Host {
  return {
    ...{ found: null, problem: null, nextMs: 0, failures: 0 },
    ...{ wantedMs: nowMs, looking: null },
  };
}

function wordsOf(o: {
  readonly whole: boolean;
  readonly some: boolean;
  readonly refused: readonly string[];
}): string | null {
  if (!o.whole) return "no resolver answers for it";
  const refused = [...new Set(o.refused)].slice(0, 3).join(", ");
  if (o.some) return o.refused.length === 0 ? null : `not all of it may be used: ${refused}`;
  return o.refused.length === 0 ? "it has no address" : refused;
}

function refreshSec(messages: readonly Message[]): number {
  const ttls = messages.flatMap((message) => message.answers.map((record) => record.ttlSec));
  return Math.max(REFRESH_SEC_MIN, Math.min(REFRESH_SEC_MAX, ...ttls));
}

function hostsIn(snapshot: Snapshot): Wanted {
  const wanted = new Map<string, Set<number>>();
  for (const { host, port } of snapshot.origins) {
    if (host !== undefined) wanted.set(host, (wanted.get(host) ?? new Set()).add(port));
  }
  return wanted;
}

function wantedBy(network: Network): Wanted {
  const wanted = new Map<string, Set<number>>();
  for (const { host, port } of placesOf(network)) {
    wanted.set(host, (wanted.get(host) ?? new Set()).add(port));
  }
  return wanted;
}

function* placesOf(network: Network) {
  for (const [c, { sites }] of network.customers.entries()) {
    for (const [s, site] of sites.entries()) {
      const sitePort = site.port ?? (site.scheme === "https" ? 443 : 80);
      for (const [o, { host, port }] of site.origins.entries()) {
        if (host === undefined) continue;
        const path = `customers.${c}.sites.${s}.origins.${o}.host`;
        yield { path, host, port: port ?? sitePort };
      }
    }
  }
}
