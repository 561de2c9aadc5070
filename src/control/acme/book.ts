import { join } from "node:path";
import { Fault } from "../../base/fault.ts";
import type { FaultCode } from "../../base/fault-codes.ts";
import type { Acme } from "../../model/acme.ts";
import type { ObtainedRow, ObtainedView, RevokeReason } from "../../model/api/mod.ts";
import { OF_NETWORK } from "../../model/certificate.ts";
import type { Network } from "../../model/network.ts";
import type { NameResolver } from "../../model/resolver.ts";
import { caaValues, retryAtMs, type WantedName } from "../../policy/certificates/mod.ts";
import { AcmeStore } from "../../store/acme.ts";
import type { Caller } from "../caller.ts";
import type { CertificateBook } from "../certificates.ts";
import type { Deps } from "../deps.ts";
import type { ZoneExtras } from "../zone-extras.ts";
import { CaFault } from "./ca-fault.ts";
import { checkCaa } from "./caa.ts";
import { ENDED, keyOf, type NameKey, Names, Unwanted } from "./names.ts";
import { Orders } from "./orders.ts";
import { showByDns } from "./show-by-dns.ts";
import { showByHttp } from "./show-by-http.ts";
import { httpsTransport, type OpenTransport } from "./transport.ts";
import { challengeName, wayOf } from "./way.ts";

const SWEEP_MS = 2000;
const ORDERS_AT_ONCE = 4;
/** After the authority could not be reached, nothing is ordered for so long. */
const UNREACHED_MS = 60_000;
/** After it said that it is too much, and not for how long. */
const LIMITED_MS = 3_600_000;
/** Waits of a name of which DNS says that it is in vain grow no further than after so many. */
const LOOKED_MAX = 4;
const LOOKED: ReadonlySet<string> = new Set<FaultCode>(["name-elsewhere", "caa-forbids"]);
/** People may ask for a name again after so long. */
const ASKED_EACH_MS = 3_600_000;
/** How often an authority is asked when to renew, where it does not say, and within what it may say. */
const ASK_WHEN_MS = 6 * 3_600_000;
const ASK_WHEN_MS_MIN = 3_600_000;
const ASK_WHEN_MS_MAX = 24 * 3_600_000;
const ALARM_PART = 1 / 4;
/** No name's key. */
const ASKING = "";
const REASONS: Readonly<Record<RevokeReason, number>> = {
  ...{ unspecified: 0, "key-compromise": 1, superseded: 4, ceased: 5 },
};

export interface AcmeBookOptions {
  readonly dataDir: string;
  readonly deps: Deps;
  readonly certificates: CertificateBook;
  readonly extras: ZoneExtras;
  /** Without it nothing is ordered: it could not be seen whether name servers hold a challenge. */
  readonly resolver: NameResolver | null;
  /** How authorities are spoken to; by HTTPS where it is left out. */
  readonly openTransport?: OpenTransport | undefined;
}

/** All is to stop; what is under way is continued at the next start. */
class Stopped extends Error {}

/**
 * Certificates that the network obtains by itself, for every name at which caches answer: ordered under
 * limits, kept as uploaded ones are, and renewed. One process does it for the whole network; of one name,
 * one order at a time. What is under way is written down before each step, so that a kill costs no order.
 */
export class AcmeBook {
  readonly #deps: Deps;
  readonly #certificates: CertificateBook;
  readonly #store: AcmeStore;
  readonly #names: Names;
  readonly #extras: ZoneExtras;
  readonly #orders: Orders | null;
  readonly #running = new Map<string, Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  #pausedUntilMs = 0;
  /** When an authority is asked again when to renew, by name. */
  readonly #askedAgainMs = new Map<string, number>();

  /** @throws Fault `store-corrupt`, `store-full` or `store-busy` */
  constructor(o: AcmeBookOptions) {
    const { deps, certificates } = o;
    this.#deps = deps;
    this.#certificates = certificates;
    this.#extras = o.extras;
    const [path, masterPath] = [join(o.dataDir, "acme.db"), join(o.dataDir, "acme.secret")];
    this.#store = new AcmeStore({ path, masterPath, rng: deps.rng });
    this.#names = new Names(this.#store);
    this.#orders = o.resolver === null ? null : this.#ordersOf(o, o.resolver);
    this.#timer = setInterval(() => void this.sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  #ordersOf(o: AcmeBookOptions, resolver: NameResolver): Orders {
    const { deps, certificates, extras, openTransport = httpsTransport } = o;
    const wait = (ms: number) => this.#wait(ms);
    const network = async () => (await deps.store.intents.read()).network;
    const onSilent = (nodes: readonly string[]) => {
      deps.log.warn("Nodes do not answer: an authority that asks them has no answer", { nodes });
    };
    const isDown = (node: string) => {
      return deps.feed.health().targets[`node/${node}`]?.state === "down";
    };
    const common = { wait, network, isDown, onSilent };
    const dns = showByDns({ ...common, extras, resolver });
    const http = showByHttp({ ...common, bus: deps.bus });
    this.#stopping.signal.addEventListener("abort", () => http.stop());
    const challengers = { "dns-01": dns, "http-01": http };
    const findWay = async (wanted: WantedName) => {
      const now = await network();
      if (now === null) throw new Unwanted();
      return wayOf(wanted, now, resolver);
    };
    const open = (ca: string | undefined) => openTransport(ca, this.#stopping.signal);
    return new Orders({
      ...{ deps, store: this.#store, names: this.#names, certificates },
      ...{ challengers, wait, wayOf: findWay, open },
      checkCaa: (host, ask) => checkCaa(host, resolver, ask),
    });
  }

  /** Ends what is under way where it stands. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await Promise.allSettled(this.#running.values());
    this.#store.close();
  }

  /** Begins what is due. */
  async sweep(): Promise<void> {
    const { network, targets } = await this.#deps.store.intents.read();
    if (this.#stopping.signal.aborted || network === null) return;
    this.#extras.setCaa(this.#caaOf(network));
    if (this.#orders === null || network.acme === undefined) return;
    const nowMs = this.#deps.clock.wallMs();
    this.#names.want({ network, targets });
    this.#forgetEnded(nowMs);
    if (nowMs < this.#pausedUntilMs) return;
    this.#askWhen(this.#orders, network.acme, nowMs);
    const hasRoom = this.#orders.room(network.acme);
    for (const [key, wanted] of this.#names.wanted()) {
      if (this.#running.size >= ORDERS_AT_ONCE) return;
      if (this.#running.has(key) || !this.#isDue(wanted, nowMs)) continue;
      if (!hasRoom(wanted)) continue;
      const run = this.#run(this.#orders, wanted, network).finally(() => this.#running.delete(key));
      this.#running.set(key, run);
    }
  }

  /** What name servers answer for CAA at our zone. */
  #caaOf({ acme }: Network): readonly string[] {
    if (acme?.caa !== true) return [];
    const { challenge, directory, issuers = [] } = acme;
    const account = this.#store.account(directory)?.url ?? null;
    return caaValues(issuers, { challenge, account });
  }

  /** Begins what is due, and waits until nothing is under way. */
  async settle(): Promise<void> {
    await this.sweep();
    while (this.#running.size > 0) await Promise.allSettled(this.#running.values());
  }

  /** Of one customer, or with null of all and the network; null where there is no such customer. */
  async view(customer: string | null): Promise<ObtainedView | null> {
    const { network, targets } = await this.#deps.store.intents.read();
    const isKnown =
      customer === null || network?.customers.some(({ name }) => name === customer) === true;
    if (network === null || !isKnown) return null;
    this.#names.want({ network, targets });
    const names = [...this.#names.wanted()].map(([, one]) => one);
    const own = names.filter((one) => customer === null || one.customer === customer);
    const directory = network.acme?.directory ?? null;
    return { directory, names: own.map((one) => this.#rowOf(one)) };
  }

  /** What metrics tell of each name that is wanted. */
  figures(): readonly Pick<ObtainedRow, "state" | "alarm">[] {
    return [...this.#names.wanted()].map(([, one]) => this.#rowOf(one));
  }

  /** Orders one, or the next one, as soon as the limits allow. @throws Fault */
  async renew(of: NameKey, caller: Caller): Promise<ObtainedRow> {
    const { wanted } = await this.#known(of);
    const { state, triedMs } = this.#names.row(of);
    const nowMs = this.#deps.clock.wallMs();
    const isEarly = triedMs !== null && nowMs - triedMs < ASKED_EACH_MS;
    if (isEarly && caller.kind !== "operator") {
      const at = new Date((triedMs ?? 0) + ASKED_EACH_MS).toISOString();
      throw new Fault("too-many-requests", `${of.host} can be asked for again at ${at}`);
    }
    if (state !== "ordering") this.#names.note(of, { nextMs: nowMs });
    await this.#audit(caller, of, "renew");
    void this.sweep();
    return this.#rowOf(wanted);
  }

  /**
   * Another is ordered, for people within the hour after the last order: limits are for all.
   *
   * @throws Fault, CaFault where the authority refuses
   */
  async revoke(of: NameKey, caller: Caller, reason: RevokeReason): Promise<ObtainedRow> {
    const { wanted, acme } = await this.#known(of);
    const hasOne = this.#certificates.obtained(of.customer, of.host) !== null;
    if (!hasOne || this.#orders === null) throw new Fault("not-found", of.host);
    await this.#orders.revoke(of, acme, REASONS[reason]);
    this.#certificates.dropObtained(of.customer, of.host);
    const { state, triedMs } = this.#names.row(of);
    const nowMs = this.#deps.clock.wallMs();
    const isOperator = caller.kind === "operator";
    const nextMs = isOperator ? nowMs : Math.max(nowMs, (triedMs ?? 0) + ASKED_EACH_MS);
    if (state !== "ordering") this.#names.note(of, { state: "waiting", nextMs });
    await this.#audit(caller, of, "revoke");
    return this.#rowOf(wanted);
  }

  async #known(of: NameKey) {
    const { network, targets } = await this.#deps.store.intents.read();
    if (network?.acme === undefined) throw new Fault("not-found", of.host);
    this.#names.want({ network, targets });
    const wanted = this.#names.find(of);
    if (wanted === undefined) throw new Fault("not-found", of.host);
    return { wanted, acme: network.acme };
  }

  #rowOf(wanted: WantedName): ObtainedRow {
    const { customer, host, kind, challenge, delegate } = wanted;
    const row = this.#names.row(wanted);
    const isOwn = this.#certificates.hasUploaded(customer, host);
    const facts = this.#certificates.obtained(customer, host)?.facts;
    const state = this.#isLost(wanted) ? "waiting" : row.state;
    const isPlanned = !isOwn && row.nextMs > 0 && state === row.state && state !== "ordering";
    return {
      ...{ host, customer: customer === OF_NETWORK ? null : customer, kind, challenge },
      ...{ state: isOwn ? "own" : state, step: row.step, problem: row.problem },
      ...{ failures: row.failures, triedAt: isoOf(row.triedMs) },
      nextAt: isPlanned ? isoOf(row.nextMs) : null,
      notAfter: isoOf(facts?.notAfterMs ?? null),
      alarm: !isOwn && row.state === "failed" && endsSoon(facts, this.#deps.clock.wallMs()),
      cname: delegate === null ? null : { name: challengeName(host), target: delegate },
    };
  }

  #isDue(wanted: WantedName, nowMs: number): boolean {
    if (this.#names.row(wanted).nextMs > nowMs && !this.#isLost(wanted)) return false;
    return !this.#certificates.hasUploaded(wanted.customer, wanted.host);
  }

  /** It was obtained, and removed by hand since. */
  #isLost(of: NameKey): boolean {
    const { state } = this.#names.row(of);
    return state === "obtained" && this.#certificates.obtained(of.customer, of.host) === null;
  }

  /** One name at a time is asked of: there may be thousands, and it is days that matter. */
  #askWhen(orders: Orders, acme: Acme, nowMs: number): void {
    const isTurn = ([key, one]: readonly [string, WantedName]) => {
      if (this.#running.has(key) || (this.#askedAgainMs.get(key) ?? 0) > nowMs) return false;
      return this.#names.row(one).state === "obtained" && !this.#isDue(one, nowMs);
    };
    const next = [...this.#names.wanted()].find(isTurn);
    if (next === undefined || this.#running.has(ASKING)) return;
    const [key, wanted] = next;
    const again = (ms: number) => this.#askedAgainMs.set(key, nowMs + ms);
    const asked = orders
      .askWhen(wanted, acme)
      .then((ms) => again(Math.min(Math.max(ms ?? ASK_WHEN_MS, ASK_WHEN_MS_MIN), ASK_WHEN_MS_MAX)))
      .catch(() => again(ASK_WHEN_MS))
      .then(() => {
        this.#running.delete(ASKING);
      });
    this.#running.set(ASKING, asked);
  }

  /** What a site that is gone had is kept while it is valid: the site may come back. */
  #forgetEnded(nowMs: number): void {
    for (const row of this.#names.unwanted()) {
      if (this.#running.has(keyOf(row))) continue;
      const { customer, host } = row;
      const endsMs = this.#certificates.obtained(customer, host)?.facts.notAfterMs ?? 0;
      if (endsMs > nowMs) continue;
      this.#certificates.dropObtained(customer, host);
      this.#names.forget(row);
    }
  }

  async #run(orders: Orders, wanted: WantedName, { acme, contact }: Network): Promise<void> {
    if (acme === undefined) return;
    const { log } = this.#deps;
    const { host } = wanted;
    try {
      await orders.obtain(wanted, acme, acme.contact ?? contact);
      log.info("Obtained a certificate", { host });
    } catch (fault) {
      const isOver = this.#stopping.signal.aborted || fault instanceof Unwanted;
      if (isOver || fault instanceof Stopped) return;
      try {
        this.#failed(wanted, fault);
      } catch (next) {
        log.warn("Cannot write down why a certificate was not obtained", { host, fault: next });
      }
    }
  }

  #failed(wanted: WantedName, fault: unknown): void {
    const { clock, rng, log } = this.#deps;
    const nowMs = clock.wallMs();
    const ca = fault instanceof CaFault ? fault : null;
    if (ca?.code === "ca-unreachable") this.#pausedUntilMs = nowMs + UNREACHED_MS;
    if (ca?.is("rateLimited")) this.#pausedUntilMs = nowMs + (ca.afterMs ?? LIMITED_MS);
    const failures = this.#names.row(wanted).failures + 1;
    const afterMs = ca?.afterMs ?? null;
    // Looking at names costs nobody anything: done again within the hour.
    const isLooked = fault instanceof Fault && LOOKED.has(fault.code);
    const counted = isLooked ? Math.min(failures, LOOKED_MAX) : failures;
    const nextMs = retryAtMs({ failures: counted, nowMs, draw: rng.float(), afterMs });
    const problem = wordsOf(fault);
    // An order that could only not be asked after goes on; any other is over.
    const ended = ca?.code === "ca-unreachable" ? {} : ENDED;
    const { host } = wanted;
    this.#names.note(wanted, { state: "failed", step: "", ...ended, problem, failures, nextMs });
    const again = isoOf(nextMs);
    const { alarm, notAfter } = this.#rowOf(wanted);
    if (alarm === true) {
      const words = "A certificate ends soon, and the one that is to follow cannot be obtained";
      log.error(words, { host, notAfter, problem, again });
      return;
    }
    log.warn("Cannot obtain a certificate: what there was is shown", { host, problem, again });
  }

  #audit(caller: Caller, { customer, host }: NameKey, act: string): Promise<void> {
    return this.#deps.store.audits.add({
      ...{ atMs: this.#deps.clock.wallMs(), actor: caller.actor, customer: customer || null },
      ...{ action: `certificate.${act}`, subject: `certificate/${host}`, changes: [] },
    });
  }

  #wait(ms: number): Promise<void> {
    const { signal } = this.#stopping;
    return new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        reject(new Stopped());
      };
      const timer = setTimeout(() => {
        signal.removeEventListener("abort", stop);
        resolve();
      }, ms);
      if (signal.aborted) stop();
      else signal.addEventListener("abort", stop, { once: true });
    });
  }
}

/** A quarter or less is left: what was to follow it by now has not come. */
function endsSoon(
  of: { readonly notBeforeMs: number; readonly notAfterMs: number } | undefined,
  nowMs: number,
): boolean {
  if (of === undefined) return false;
  return of.notAfterMs - nowMs <= (of.notAfterMs - of.notBeforeMs) * ALARM_PART;
}

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}

function wordsOf(fault: unknown): string {
  if (fault instanceof Fault) return fault.message.slice(0, 500);
  return `A bug: ${String(fault)}`.slice(0, 500);
}
