import { createHash } from "node:crypto";
import { join } from "node:path";
import { Fault } from "../base/fault.ts";
import { bad, ok, type Problem, type Result } from "../base/result.ts";
import type { CertificateRow, CertificateState } from "../model/api/mod.ts";
import { type EdgeCertificate, OF_NETWORK } from "../model/certificate.ts";
import type { Network } from "../model/network.ts";
import { chooseCertificates, coversHost } from "../policy/certificates/mod.ts";
import { CertificateStore, type StoredCertificate } from "../store/certificates.ts";
import { sealWord } from "../store/sealed-word.ts";
import type { Handlers } from "./api/serve.ts";
import type { Caller } from "./caller.ts";
import { type CertificateFacts, factsOfPem, readCertificate } from "./certificate-read.ts";
import type { Deps } from "./deps.ts";

const CERTIFICATES_OF_CUSTOMER_MAX = 1000;
const EXPIRING_DAYS = 21;
const DAY_MS = 86_400_000;
/** Names of certificates that were obtained, not uploaded, begin so. */
const OBTAINED = "acme_";

export type CertificateHandlers = Pick<
  Handlers,
  | "listCertificates"
  | "addCertificate"
  | "deleteCertificate"
  | "listNetworkCertificates"
  | "addNetworkCertificate"
  | "deleteNetworkCertificate"
>;

/** A certificate as it is stored, with what it says and what caches are given of it. */
interface Kept {
  readonly stored: StoredCertificate;
  readonly facts: CertificateFacts;
  readonly edge: EdgeCertificate;
}

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
  #kept: readonly Kept[] = [];
  /** By customer. */
  #uploaded = new Map<string, readonly Kept[]>();
  /** By customer and name. */
  #obtained = new Map<string, Kept>();
  #byId = new Map<string, EdgeCertificate>();
  #digest = "";

  /** @throws Fault `store-corrupt`, `store-full` or `store-busy` */
  constructor(o: { readonly dataDir: string; readonly deps: Deps }) {
    const { deps, dataDir } = o;
    this.#deps = deps;
    const path = join(dataDir, "certificates.db");
    const masterPath = join(dataDir, "certificates.secret");
    this.#store = new CertificateStore({ path, masterPath, rng: deps.rng });
    try {
      this.#load();
    } catch (error) {
      this.#store.close();
      throw error;
    }
    this.#stops = [
      deps.bus.respond("certificates.index", ({ have }) => {
        return have === this.#digest ? null : { digest: this.#digest, ids: [...this.#byId.keys()] };
      }),
      deps.bus.respond("certificates.get", ({ ids, sealTo: to }) => {
        const some = ids.map((id) => this.#byId.get(id)).filter((one) => one !== undefined);
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
    const kept = this.#obtained.get(`${customer} ${obtainedName(host)}`);
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
    this.#store.put({ customer: of.customer, name: obtainedName(of.host), cert, key, addedMs });
    this.#load();
    return ok(undefined);
  }

  dropObtained(customer: string, host: string): void {
    if (this.#store.remove(customer, obtainedName(host))) this.#load();
  }

  /** Whether an uploaded certificate is shown for the host, and will be for some weeks. */
  hasUploaded(customer: string, host: string): boolean {
    const fromMs = this.#deps.clock.wallMs();
    const untilMs = fromMs + EXPIRING_DAYS * DAY_MS;
    return (this.#uploaded.get(customer) ?? []).some(({ edge }) => {
      const lasts = edge.notBeforeMs <= fromMs && edge.notAfterMs > untilMs;
      return lasts && edge.names.some((name) => coversHost(name, host));
    });
  }

  #load(): void {
    const before = new Map(this.#kept.map((one) => [one.edge.id, one]));
    this.#kept = this.#store.list().map((stored) => before.get(idOf(stored)) ?? keptOf(stored));
    this.#byId = new Map(this.#kept.map(({ edge }) => [edge.id, edge]));
    this.#uploaded = new Map();
    this.#obtained = new Map();
    for (const one of this.#kept) {
      const { customer, name } = one.stored;
      if (isObtained(name)) this.#obtained.set(`${customer} ${name}`, one);
      else this.#uploaded.set(customer, [...(this.#uploaded.get(customer) ?? []), one]);
    }
    this.#digest = createHash("sha256")
      .update([...this.#byId.keys()].join(" "))
      .digest("hex");
  }

  async #list(customer: string): Promise<CertificateRow[]> {
    const hosts = await this.#hostsOf(customer);
    return this.#rows(customer, hosts);
  }

  #rows(customer: string, { all, atCaches }: Hosts): CertificateRow[] {
    const nowMs = this.#deps.clock.wallMs();
    const own = this.#kept.filter(({ stored }) => stored.customer === customer);
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
    const others = this.#kept.filter(
      ({ stored }) => stored.customer === customer && stored.name !== name,
    );
    if (others.length >= CERTIFICATES_OF_CUSTOMER_MAX) {
      const words = `${customer || "The network"} has ${CERTIFICATES_OF_CUSTOMER_MAX} certificates already`;
      throw new Fault("conflict", words);
    }
    this.#store.put({ customer, name, cert, key, addedMs: nowMs });
    this.#load();
    const change = `+ ${facts.names.join(" ").slice(0, 200)} until ${isoOf(facts.notAfterMs)}`;
    await this.#audit(caller, { customer, name, act: "add", change });
    const row = this.#rows(customer, hosts).find((one) => one.name === name);
    if (row === undefined) throw new Fault("not-found", name);
    return row;
  }

  async #remove(caller: Caller, customer: string, name: string): Promise<undefined> {
    const { network } = await this.#deps.store.intents.read();
    if (isObtained(name) && network?.acme !== undefined) {
      throw new Fault("conflict", `${name} is obtained by itself: revoke it, or end acme`);
    }
    if (!this.#store.remove(customer, name)) throw new Fault("not-found", name);
    this.#load();
    await this.#audit(caller, { customer, name, act: "remove", change: `- ${name}` });
    return undefined;
  }

  /** @throws Fault `not-found` */
  async #hostsOf(customer: string): Promise<Hosts> {
    const { network } = await this.#deps.store.intents.read();
    const isKnown =
      customer === OF_NETWORK || network?.customers.some((one) => one.name === customer);
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

function obtainedName(host: string): string {
  return `${OBTAINED}${host}`;
}

function isObtained(name: string): boolean {
  return name.startsWith(OBTAINED);
}

function badInput(problems: readonly Problem[]): Fault {
  return new Fault("bad-input", `${problems.length} problems`, { problems });
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

function idOf({ customer, name, cert, key }: StoredCertificate): string {
  const whole = JSON.stringify([customer, name, cert, key]);
  return createHash("sha256").update(whole).digest("hex").slice(0, 32);
}

function keptOf(stored: StoredCertificate): Kept {
  const facts = factsOfPem(stored.cert);
  const { customer, name, cert, key } = stored;
  const { names, notBeforeMs, notAfterMs } = facts;
  const edge = { id: idOf(stored), customer, name, names, notBeforeMs, notAfterMs, cert, key };
  return { stored, facts, edge };
}

function rowOf(
  { stored, facts }: Kept,
  o: {
    readonly nowMs: number;
    readonly answers: readonly string[];
    /** The customer's own hosts. */
    readonly known: readonly string[];
  },
): CertificateRow {
  const { names, issuer, keyKind, serial, fingerprint, notBeforeMs, notAfterMs } = facts;
  const daysLeft = Math.floor((notAfterMs - o.nowMs) / DAY_MS);
  return {
    ...{ name: stored.name, kind: isObtained(stored.name) ? "obtained" : "uploaded" },
    ...{ state: stateOf(facts, o.nowMs), names: [...names] },
    ...{ answers: [...o.answers], issuer, keyKind, serial, fingerprint },
    ...{ notBefore: isoOf(notBeforeMs), notAfter: isoOf(notAfterMs), daysLeft },
    warnings: warningsOf(facts, o),
    addedAt: isoOf(stored.addedMs),
  };
}

function stateOf(facts: CertificateFacts, nowMs: number): CertificateState {
  if (facts.notAfterMs <= nowMs) return "expired";
  if (facts.notBeforeMs > nowMs) return "not-yet";
  return facts.notAfterMs - nowMs < EXPIRING_DAYS * DAY_MS ? "expiring" : "valid";
}

function warningsOf(
  facts: CertificateFacts,
  o: {
    readonly nowMs: number;
    readonly answers: readonly string[];
    readonly known: readonly string[];
  },
): string[] {
  const { names, notBeforeMs, notAfterMs } = facts;
  const state = stateOf(facts, o.nowMs);
  const warnings: string[] = [];
  const days = Math.floor((notAfterMs - o.nowMs) / DAY_MS);
  if (state === "expired") warnings.push(`It ended at ${isoOf(notAfterMs)}: browsers refuse it`);
  if (state === "expiring") warnings.push(`It ends in ${days} days: add the one that follows it`);
  if (state === "not-yet") warnings.push(`It is not valid before ${isoOf(notBeforeMs)}`);
  if (facts.isSelfSigned) warnings.push("It is its own issuer: no browser trusts it");
  else if (facts.chain === 1) {
    warnings.push("The certificates that lead to its issuer are not in the file");
  }
  const unused = names.filter((name) => !o.known.some((host) => coversHost(name, host)));
  if (unused.length > 0) warnings.push(`Not a site of yours: ${unused.slice(0, 5).join(", ")}`);
  if (o.answers.length === 0) {
    warnings.push("No cache shows it: its names lead to web servers, or have another certificate");
  }
  return warnings;
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
