import { createHash } from "node:crypto";
import { join } from "node:path";
import { Fault } from "../base/fault.ts";
import { bad, ok, type Problem, type Result } from "../base/result.ts";
import type { CertificateRow } from "../model/api/mod.ts";
import { type CertificateIndex, type EdgeCertificate, OF_NETWORK } from "../model/certificate.ts";
import type { Network } from "../model/network.ts";
import {
  chooseCertificates,
  coveringNames,
  coversHost,
  wantedNames,
} from "../policy/certificates/mod.ts";
import { CertificateStore, type StoredCertificate } from "../store/certificates.ts";
import { sealWord } from "../store/sealed-word.ts";
import type { Handlers } from "./api/serve.ts";
import type { Caller } from "./caller.ts";
import {
  DAY_MS,
  EXPIRING_DAYS,
  isObtained,
  isoOf,
  type Kept,
  keptOf,
  OBTAINED,
  obtainedName,
  rowOf,
  stateOf,
} from "./certificate-kept.ts";
import type { KeptFigure } from "./certificate-metrics.ts";
import { type CertificateFacts, readCertificate } from "./certificate-read.ts";
import type { Deps } from "./deps.ts";

const CERTIFICATES_OF_CUSTOMER_MAX = 1000;

export type CertificateHandlers = Pick<
  Handlers,
  | "listCertificates"
  | "addCertificate"
  | "deleteCertificate"
  | "listNetworkCertificates"
  | "addNetworkCertificate"
  | "deleteNetworkCertificate"
>;

interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface ObtainedCertificate {
  readonly facts: CertificateFacts;
  /** PEM. */
  readonly cert: string;
}

interface Hosts {
  /** Host name -> customer. */
  readonly all: ReadonlyMap<string, string>;
  /** Those whose requests caches answer: not the first address of a site with `front: servers`. */
  readonly atCaches: ReadonlySet<string>;
}

/**
 * Customers' certificates: checked, kept with their keys sealed, listed without them, and handed to
 * caches over the bus, each time sealed to the cache that asks.
 */
export class CertificateBook {
  readonly handlers: CertificateHandlers;
  readonly #deps: Deps;
  readonly #store: CertificateStore;
  readonly #stops: (() => void)[];
  /** By customer and name. */
  readonly #kept = new Map<string, Kept>();
  readonly #byId = new Map<string, Kept>();
  /** Of uploaded ones, by customer and DNS name. */
  readonly #uploaded = new Map<string, ReadonlySet<Kept>>();
  #index: CertificateIndex | null = null;

  /** @throws Fault `store-corrupt`, `store-full` or `store-busy` */
  constructor(o: { readonly dataDir: string; readonly deps: Deps }) {
    const { deps, dataDir } = o;
    this.#deps = deps;
    const path = join(dataDir, "certificates.db");
    const masterPath = join(dataDir, "certificates.secret");
    this.#store = new CertificateStore({ path, masterPath, rng: deps.rng });
    try {
      for (const stored of this.#store.list()) this.#take(keptOf(stored));
    } catch (error) {
      this.#store.close();
      throw error;
    }
    this.#stops = [
      deps.bus.respond("certificates.index", ({ have }) => {
        this.#index ??= indexOf([...this.#byId.keys()]);
        return have === this.#index.digest ? null : this.#index;
      }),
      deps.bus.respond("certificates.get", ({ ids, sealTo: to }) => {
        const some = ids.map((id) => this.#withKey(id)).filter((one) => one !== null);
        return sealWord(to, some, deps.rng);
      }),
    ];
    this.handlers = {
      listCertificates: ({ params }) => this.#list(params.customer),
      addCertificate: ({ caller, params, body }) => this.#add(caller, params.customer, body),
      deleteCertificate: ({ caller, params }) => this.#remove(caller, params.customer, params.name),
      listNetworkCertificates: () => this.#list(OF_NETWORK),
      addNetworkCertificate: ({ caller, body }) => this.#add(caller, OF_NETWORK, body),
      deleteNetworkCertificate: ({ caller, params }) => {
        return this.#remove(caller, OF_NETWORK, params.name);
      },
    };
  }

  stop(): void {
    for (const end of this.#stops) end();
    this.#store.close();
  }

  /** What was obtained for a host, by its owner; null where there is none. */
  obtained(customer: string, host: string): ObtainedCertificate | null {
    const kept = this.#kept.get(keyOf({ customer, name: obtainedName(host) }));
    return kept === undefined ? null : { facts: kept.facts, cert: kept.stored.cert };
  }

  /** Takes a certificate that was obtained for one host, in the place of the one before. */
  keepObtained(of: { readonly customer: string; readonly host: string }, pair: Pair): Result<void> {
    const addedMs = this.#deps.clock.wallMs();
    const read = readCertificate(pair, addedMs);
    if (!read.ok) return read;
    const { cert, key, facts } = read.value;
    if (facts.names.length !== 1 || facts.names[0] !== of.host) {
      const received = facts.names.slice(0, 5).join(", ");
      return bad([{ path: "cert", message: `expected a certificate for ${of.host}`, received }]);
    }
    this.#put({ customer: of.customer, name: obtainedName(of.host), cert, addedMs }, key);
    return ok(undefined);
  }

  dropObtained(customer: string, host: string): void {
    this.#drop({ customer, name: obtainedName(host) });
  }

  /** What metrics tell of each. */
  figures(): readonly KeptFigure[] {
    const nowMs = this.#deps.clock.wallMs();
    return [...this.#kept.values()].map(({ stored: { customer, name }, facts }) => {
      const kind = isObtained(name) ? "obtained" : "uploaded";
      return { customer, kind, state: stateOf(facts, nowMs), notAfterMs: facts.notAfterMs };
    });
  }

  /** Whether an uploaded certificate is shown for the host, and will be for some weeks. */
  hasUploaded(customer: string, host: string): boolean {
    const fromMs = this.#deps.clock.wallMs();
    const untilMs = fromMs + EXPIRING_DAYS * DAY_MS;
    return coveringNames(host).some((name) => {
      const some = this.#uploaded.get(`${customer} ${name}`) ?? [];
      return [...some].some(({ edge }) => {
        return edge.notBeforeMs <= fromMs && edge.notAfterMs > untilMs;
      });
    });
  }

  /** Opened for a cache that asks, and kept nowhere. */
  #withKey(id: string): EdgeCertificate | null {
    const kept = this.#byId.get(id);
    const key = kept === undefined ? null : this.#store.key(kept.stored);
    return kept === undefined || key === null ? null : { ...kept.edge, key };
  }

  #put(stored: StoredCertificate, key: string): void {
    this.#store.put(stored, key);
    this.#forget(stored);
    this.#take(keptOf(stored));
  }

  /** True when there was one. */
  #drop(of: { readonly customer: string; readonly name: string }): boolean {
    if (!this.#store.remove(of.customer, of.name)) return false;
    this.#forget(of);
    return true;
  }

  #take(one: Kept): void {
    const { customer, name } = one.stored;
    this.#kept.set(keyOf(one.stored), one);
    this.#byId.set(one.edge.id, one);
    this.#index = null;
    if (isObtained(name)) return;
    for (const dns of one.edge.names) {
      const at = `${customer} ${dns}`;
      this.#uploaded.set(at, new Set(this.#uploaded.get(at)).add(one));
    }
  }

  #forget(of: { readonly customer: string; readonly name: string }): void {
    const one = this.#kept.get(keyOf(of));
    if (one === undefined) return;
    this.#kept.delete(keyOf(of));
    this.#byId.delete(one.edge.id);
    this.#index = null;
    for (const dns of one.edge.names) {
      const at = `${of.customer} ${dns}`;
      const left = [...(this.#uploaded.get(at) ?? [])].filter((each) => each !== one);
      if (left.length === 0) this.#uploaded.delete(at);
      else this.#uploaded.set(at, new Set(left));
    }
  }

  /** By name. */
  #of(customer: string): readonly Kept[] {
    const own = [...this.#kept.values()].filter(({ stored }) => stored.customer === customer);
    return own.sort((a, b) => (a.stored.name < b.stored.name ? -1 : 1));
  }

  async #list(customer: string): Promise<CertificateRow[]> {
    // What a removed customer left can be seen, and so removed.
    const hosts = await this.#hostsOf(customer, this.#of(customer).length > 0);
    return this.#rows(customer, hosts);
  }

  #rows(customer: string, { all, atCaches }: Hosts): CertificateRow[] {
    const nowMs = this.#deps.clock.wallMs();
    const own = this.#of(customer);
    const chosen = chooseCertificates(
      [...all].filter(([host]) => atCaches.has(host)),
      own.map(({ edge }) => edge),
      nowMs,
    );
    const answers = new Map<string, string[]>();
    for (const [host, { id }] of chosen) answers.set(id, [...(answers.get(id) ?? []), host]);
    const known = [...all].filter(([, owner]) => owner === customer).map(([host]) => host);
    return own.map((one) => rowOf(one, { nowMs, known, answers: answers.get(one.edge.id) ?? [] }));
  }

  async #add(
    caller: Caller,
    customer: string,
    sent: { readonly name?: string | undefined; readonly cert: string; readonly key: string },
  ): Promise<CertificateRow> {
    const hosts = await this.#hostsOf(customer);
    const nowMs = this.#deps.clock.wallMs();
    const read = readCertificate(sent, nowMs);
    if (!read.ok) throw badInput(read.problems);
    const { cert, key, facts } = read.value;
    const problems = nameProblems(facts.names, customer, hosts.all);
    if (problems.length > 0) throw badInput(problems);
    if (sent.name !== undefined && isObtained(sent.name)) {
      const message = `expected a name that does not begin with ${OBTAINED}`;
      throw badInput([{ path: "name", message, received: sent.name }]);
    }
    const name = sent.name ?? (facts.names[0] ?? "").replace(/^\*/, "wildcard");
    // What was obtained is bounded by the customer's sites.
    const others = this.#of(customer).filter(({ stored }) => {
      return stored.name !== name && !isObtained(stored.name);
    });
    if (others.length >= CERTIFICATES_OF_CUSTOMER_MAX) {
      const words = `${customer || "The network"} has ${CERTIFICATES_OF_CUSTOMER_MAX} certificates already`;
      throw new Fault("conflict", words);
    }
    this.#put({ customer, name, cert, addedMs: nowMs }, key);
    const change = `+ ${facts.names.join(" ").slice(0, 200)} until ${isoOf(facts.notAfterMs)}`;
    await this.#audit(caller, { customer, name, act: "add", change });
    const row = this.#rows(customer, hosts).find((one) => one.name === name);
    if (row === undefined) throw new Fault("not-found", name);
    return row;
  }

  async #remove(caller: Caller, customer: string, name: string): Promise<undefined> {
    const { network, targets } = await this.#deps.store.intents.read();
    const wanted = network === null ? [] : wantedNames({ network, targets });
    const host = wanted.find((one) => {
      return one.customer === customer && obtainedName(one.host) === name;
    })?.host;
    if (host !== undefined) {
      const whose = customer === OF_NETWORK ? "--network" : `--customer ${customer}`;
      const how = `turnpike certificate revoke ${host} ${whose} --reason key-compromise`;
      const words = `${name} is obtained by itself, and would be again. Revoke it, which orders another: ${how}`;
      throw new Fault("conflict", words);
    }
    if (!this.#drop({ customer, name })) throw new Fault("not-found", name);
    await this.#audit(caller, { customer, name, act: "remove", change: `- ${name}` });
    return undefined;
  }

  /**
   * @param mayBeGone a customer that was removed will do
   * @throws Fault `not-found`
   */
  async #hostsOf(customer: string, mayBeGone = false): Promise<Hosts> {
    const { network } = await this.#deps.store.intents.read();
    const isKnown =
      mayBeGone ||
      customer === OF_NETWORK ||
      network?.customers.some((one) => one.name === customer);
    if (network === null || network === undefined || isKnown !== true) {
      throw new Fault("not-found", customer === OF_NETWORK ? "zone" : customer);
    }
    return hostsOf(network);
  }

  #audit(
    caller: Caller,
    of: { readonly customer: string; readonly name: string; act: string; change: string },
  ): Promise<void> {
    return this.#deps.store.audits.add({
      ...{ atMs: this.#deps.clock.wallMs(), actor: caller.actor, customer: of.customer || null },
      ...{ action: `certificate.${of.act}`, subject: `certificate/${of.name}` },
      changes: [of.change],
    });
  }
}

function badInput(problems: readonly Problem[]): Fault {
  return new Fault("bad-input", "", { problems });
}

function hostsOf({ customers, zone }: Network): Hosts {
  const all = new Map([[`c.${zone}`, OF_NETWORK]]);
  const atCaches = new Set([`c.${zone}`]);
  for (const { name, sites } of customers) {
    for (const { hostname, cache, front } of sites) {
      const cached = [`${hostname}.${zone}`, ...cache.aliases];
      if (front === "caches") cached.push(hostname);
      for (const host of [hostname, ...cached]) all.set(host, name);
      for (const host of cached) atCaches.add(host);
    }
  }
  return { all, atCaches };
}

/** A certificate is one customer's: it names hosts of theirs, and nobody else's. */
function nameProblems(
  names: readonly string[],
  customer: string,
  hosts: ReadonlyMap<string, string>,
): Problem[] {
  const foreign = names.filter((name) => (hosts.get(name) ?? customer) !== customer);
  const problems = foreign.map((received) => {
    return { path: "cert", message: "expected no host name of another customer", received };
  });
  const own = [...hosts].some(
    ([host, owner]) => owner === customer && names.some((name) => coversHost(name, host)),
  );
  if (!own && names.length > 0) {
    const ours = customer === OF_NETWORK ? "c.<zone>" : `one of ${customer}'s sites or aliases`;
    const message = `expected a DNS name that is ${ours}`;
    problems.push({ path: "cert", message, received: names.slice(0, 5).join(", ") });
  }
  return problems;
}

function keyOf(of: { readonly customer: string; readonly name: string }): string {
  return `${of.customer} ${of.name}`;
}

function indexOf(all: readonly string[]): CertificateIndex {
  const ids = all.toSorted();
  return { digest: createHash("sha256").update(ids.join(" ")).digest("hex"), ids };
}
