import { byTurns } from "../base/by-turns.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { NameResolver } from "../model/resolver.ts";
import type { Snapshot, SnapshotRecord } from "../model/snapshot.ts";
import { addressesIn, type Message, TYPE } from "../wire/dns/mod.ts";
import { vetAddress } from "../wire/ip/mod.ts";
import { closest } from "./overlay.ts";

/** What resolvers may keep of a flattened answer at most: its target is looked up more often still. */
const TTL_SEC_MAX = 60;
const REFRESH_SEC_MIN = 5;
const REFRESH_SEC_MAX = 300;
/** After a failure, doubling up to the most. */
const RETRY_SEC = 5;
const RETRY_SEC_MAX = 60;
/** Of all customers, by turns: who has many takes no place of who has few. */
const TARGETS_MAX = 1000;
const ADDRESSES_MAX = 16;
const LOOKUPS_AT_ONCE = 10;
const TURN_MS = 1000;
/** A name server that starts waits so long for its first answers, ms. */
export const FIRST_MS = 1500;

interface Target {
  v4: readonly string[];
  v6: readonly string[];
  nextMs: number;
  failures: number;
  asking: boolean;
}

interface AliasOptions {
  readonly resolver: NameResolver;
  readonly snapshot: () => Snapshot | null;
  readonly clock: Clock;
  readonly log: Log;
  /** Other addresses than before are to be answered. */
  readonly onChange: () => void;
}

/**
 * ALIAS records: names, above all a zone's own, that are answered with another name's addresses. The
 * targets are looked up away from lookups, again when their TTL ends; what was found last stays while
 * a target cannot be found. A loop leads to no addresses: nothing is followed while a question waits.
 */
export class AliasBook {
  readonly #o: AliasOptions;
  readonly #targets = new Map<string, Target>();
  #timer: ReturnType<typeof setInterval> | null = null;
  #stopped = false;

  constructor(o: AliasOptions) {
    this.#o = o;
  }

  /** Looks up what is due, now and each second. Resolves when all targets have been asked once. */
  start(): Promise<void> {
    this.#timer = setInterval(() => void this.turn(), TURN_MS);
    this.#timer.unref();
    return this.turn();
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** One turn: every target that is due is asked once. */
  async turn(): Promise<void> {
    const snapshot = this.#o.snapshot();
    if (snapshot === null) return;
    const wanted = targetsOf(snapshot);
    for (const name of this.#targets.keys()) if (!wanted.has(name)) this.#targets.delete(name);
    const nowMs = this.#o.clock.wallMs();
    const due: string[] = [];
    for (const name of wanted) {
      const target = this.#targets.get(name) ?? freshTarget();
      this.#targets.set(name, target);
      if (isDue(target, nowMs)) due.push(name);
    }
    let next = 0;
    const workers = Array.from({ length: LOOKUPS_AT_ONCE }, async () => {
      while (next < due.length) await this.#look(due[next++]!, snapshot);
    });
    await Promise.all(workers);
  }

  /** The addresses of all aliases, as records. */
  records(snapshot: Snapshot): readonly SnapshotRecord[] {
    return aliasesOf(snapshot).flatMap(({ name, target, ttlSec }) => {
      const found = this.#targets.get(target);
      const ttl = Math.min(ttlSec, TTL_SEC_MAX);
      return [
        { name, type: "A", ttlSec: ttl, values: found?.v4 ?? [] },
        { name, type: "AAAA", ttlSec: ttl, values: found?.v6 ?? [] },
      ].filter((record) => record.values.length > 0);
    });
  }

  async #look(name: string, snapshot: Snapshot): Promise<void> {
    const target = this.#targets.get(name);
    // Another turn, which began before this one or after it, may have come to it first.
    if (target === undefined || !isDue(target, this.#o.clock.wallMs())) return;
    target.asking = true;
    const { resolver, clock, log, onChange } = this.#o;
    try {
      const [four, six] = await Promise.all([
        resolver.lookup(name, TYPE.A),
        resolver.lookup(name, TYPE.AAAA),
      ]);
      const rules = {
        allowPrivate: snapshot.allowPrivateOrigins,
        ranges: snapshot.allowOriginRanges,
      };
      const good = (message: Message, type: number) =>
        addressesOf(message, type).filter((address) => vetAddress(address, rules) === null);
      const [v4, v6] = [good(four, TYPE.A), good(six, TYPE.AAAA)];
      if (v4.length + v6.length === 0) throw new Error("no address that may be answered");
      const changed = v4.join() !== target.v4.join() || v6.join() !== target.v6.join();
      target.v4 = v4;
      target.v6 = v6;
      target.failures = 0;
      target.nextMs = clock.wallMs() + refreshSec([four, six]) * 1000;
      if (changed && !this.#stopped) onChange();
    } catch (error) {
      const waitSec = Math.min(RETRY_SEC * 2 ** target.failures, RETRY_SEC_MAX);
      target.failures = Math.min(target.failures + 1, 10);
      target.nextMs = clock.wallMs() + waitSec * 1000;
      if (target.failures === 1) log.warn("Cannot find an alias' target", { name, error });
    } finally {
      target.asking = false;
    }
  }
}

function freshTarget(): Target {
  return { v4: [], v6: [], nextMs: 0, failures: 0, asking: false };
}

function isDue({ asking, nextMs }: Target, nowMs: number): boolean {
  return !asking && nextMs <= nowMs;
}

interface Alias {
  readonly customer: string;
  readonly name: string;
  readonly target: string;
  readonly ttlSec: number;
}

/** Those of zones that answer for the names: not of names in a zone of another customer below. */
function aliasesOf(snapshot: Snapshot): Alias[] {
  const zones = new Set(snapshot.zones.map((zone) => zone.name));
  for (const site of snapshot.sites) if (site.onboarding === "delegation") zones.add(site.hostname);
  const of = (records: readonly SnapshotRecord[], zone: string, customer: string) =>
    records.flatMap(({ name, type, ttlSec, values }): Alias[] => {
      const [target] = values;
      if (type !== "ALIAS" || target === undefined) return [];
      const isHere = closest(name, (one) => zones.has(one)) === zone;
      return isHere ? [{ customer, name, target, ttlSec }] : [];
    });
  return [
    ...snapshot.zones.flatMap((zone) => of(zone.records, zone.name, zone.customer)),
    ...snapshot.sites.flatMap((site) => of(site.records ?? [], site.hostname, site.customer)),
  ];
}

/** Those that are looked up. */
function targetsOf(snapshot: Snapshot): ReadonlySet<string> {
  const lists = new Map<string, string[]>();
  for (const { customer, target } of aliasesOf(snapshot)) {
    const own = lists.get(customer) ?? [];
    lists.set(customer, own);
    own.push(target);
  }
  const targets = new Set<string>();
  for (const target of byTurns(lists.values())) {
    if (targets.size >= TARGETS_MAX) break;
    targets.add(target);
  }
  return targets;
}

/** In one order, whatever order the resolver gives them. */
function addressesOf(message: Message, type: number): string[] {
  return addressesIn(message, type).sort().slice(0, ADDRESSES_MAX);
}

function refreshSec(messages: readonly Message[]): number {
  const ttls = messages.flatMap((message) => message.answers.map((record) => record.ttlSec));
  return Math.max(REFRESH_SEC_MIN, Math.min(REFRESH_SEC_MAX, ...ttls));
}
