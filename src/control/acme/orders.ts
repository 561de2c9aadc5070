import { X509Certificate } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { formatProblem } from "../../base/result.ts";
import type { Acme } from "../../model/acme.ts";
import {
  type CaaAsk,
  isForgotten,
  mayOrderAtMs,
  type Ordered,
  registeredDomain,
  renewAtMs,
  type WantedName,
} from "../../policy/certificates/mod.ts";
import type { AcmeStore } from "../../store/acme.ts";
import { base64url, certificateId } from "../../wire/acme/mod.ts";
import type { CertificateBook } from "../certificates.ts";
import type { Deps } from "../deps.ts";
import { newKey } from "./account-key.ts";
import { Accounts, type OpenAccount } from "./accounts.ts";
import { CaFault } from "./ca-fault.ts";
import { finishOrder, type IssueParts } from "./issue.ts";
import { ENDED, keyOf, type NameKey, type Names } from "./names.ts";
import type { Transport } from "./transport.ts";
import type { Way } from "./way.ts";

const DOMAINS_MAX = 100_000;

export interface OrdersOptions {
  readonly deps: Deps;
  readonly store: AcmeStore;
  readonly names: Names;
  readonly certificates: CertificateBook;
  readonly challengers: IssueParts["challengers"];
  readonly wait: IssueParts["wait"];
  /** @throws Fault where an authority would look in vain */
  readonly wayOf: (wanted: WantedName) => Promise<Way>;
  /** @throws Fault where the authority may not issue for the host */
  readonly checkCaa: (host: string, ask: CaaAsk) => Promise<void>;
  readonly open: (ca: string | undefined) => Transport;
}

/** What is asked of an authority: one certificate, from its order to the store; and to revoke one. */
export class Orders {
  readonly #o: OrdersOptions;
  readonly #accounts: Accounts;
  /** What has begun and is not sent yet: it takes its place within the limits. */
  readonly #begun = new Map<string, Ordered>();
  /** Looked up for each name that waits, every two seconds. */
  readonly #domains = new Map<string, string>();

  constructor(o: OrdersOptions) {
    this.#o = o;
    this.#accounts = new Accounts({ store: o.store, clock: o.deps.clock, open: o.open });
  }

  /**
   * What the limits leave room for now: said of one name after the other, each of which then has its place.
   * An order that was sent before has had its room.
   */
  room({ limits, directory }: Acme): (wanted: WantedName) => boolean {
    const nowMs = this.#nowMs();
    const sent = [...this.#o.store.ordered(), ...this.#begun.values()];
    const full = new Set<string>();
    return (wanted) => {
      const row = this.#o.names.row(wanted);
      if (row.orderUrl !== null && row.directory === directory) return true;
      const next = this.#orderedAs(wanted);
      const alike = `${next.domain} ${next.renewal}`;
      if (full.has(alike)) return false;
      const isFree = mayOrderAtMs(sent, next, { limits, nowMs }) <= nowMs;
      if (isFree) sent.push({ ...next, atMs: nowMs });
      else full.add(alike);
      return isFree;
    };
  }

  /** @throws CaFault, or what a challenger, `wait` or the names throw */
  async obtain(wanted: WantedName, acme: Acme, contact: string | undefined): Promise<void> {
    this.#begun.set(keyOf(wanted), { ...this.#orderedAs(wanted), atMs: this.#nowMs() });
    try {
      await this.#obtainOnce(wanted, acme, contact);
    } finally {
      this.#begun.delete(keyOf(wanted));
    }
  }

  async #obtainOnce(wanted: WantedName, acme: Acme, contact: string | undefined): Promise<void> {
    try {
      await this.#obtain(wanted, acme, await this.#accounts.open(acme, contact));
    } catch (fault) {
      // It has lost the account, or has another memory: the same key gets one again.
      if (!(fault instanceof CaFault) || !fault.is("accountDoesNotExist")) throw fault;
      this.#accounts.forget(acme.directory);
      await this.#obtain(wanted, acme, await this.#accounts.open(acme, contact));
    }
  }

  /** What the authority has revoked by itself will do. @throws CaFault */
  async revoke(of: NameKey, acme: Acme, reason: number): Promise<void> {
    const cert = this.#o.certificates.obtained(of.customer, of.host)?.cert;
    assert(cert !== undefined, "What is revoked was obtained");
    const { client } = await this.#accounts.open(acme, acme.contact);
    await client
      .revoke(base64url(new X509Certificate(cert).raw), reason)
      .catch((fault: unknown) => {
        if (!(fault instanceof CaFault) || !fault.is("alreadyRevoked")) throw fault;
      });
  }

  async #obtain(wanted: WantedName, acme: Acme, account: OpenAccount): Promise<void> {
    const { certificates, challengers, names, deps } = this.#o;
    const { customer, host } = wanted;
    const { client, thumbprint } = account;
    const way = await this.#o.wayOf(wanted);
    const { orderUrl, key } = await this.#orderOf(wanted, acme, { ...account, way });
    const cert = await finishOrder(
      { orderUrl, key, host, customer, way },
      {
        ...{ client, thumbprint, challengers, wait: this.#o.wait },
        note: (step) => names.note(wanted, { state: "ordering", step }),
      },
    );
    const kept = certificates.keepObtained(wanted, { cert, key });
    if (!kept.ok) {
      throw new CaFault("ca-broken", kept.problems.map((one) => formatProblem(one)).join("; "));
    }
    const facts = certificates.obtained(customer, host)?.facts;
    assert(facts !== undefined, "What was kept is there");
    const window = await this.#windowOf(client, cert).catch(() => null);
    const nextMs = renewAtMs({ ...facts, draw: deps.rng.float(), window: window?.value ?? null });
    const done = { step: "", ...ENDED, failures: 0, problem: null, nextMs };
    names.note(wanted, { state: "obtained", ...done });
    await deps.store.audits.add({
      ...{ atMs: this.#nowMs(), actor: "acme", customer: customer || null },
      ...{ action: "certificate.obtain", subject: `certificate/${host}` },
      changes: [`+ ${host} until ${new Date(facts.notAfterMs).toISOString()}`],
    });
  }

  /** The order under way, or a new one: written down before anything is asked for with it. */
  async #orderOf(
    wanted: WantedName,
    { directory, issuers }: Acme,
    { client, way }: OpenAccount & { readonly way: Way },
  ) {
    const { names, store } = this.#o;
    const row = names.row(wanted);
    if (row.orderUrl !== null && row.key !== null && row.directory === directory) {
      const state = await client.order(row.orderUrl).catch((fault: unknown) => {
        // It knows nothing of the order any more: begun again.
        const isGone = fault instanceof CaFault && fault.code === "ca-refused";
        if (isGone && !fault.is("accountDoesNotExist")) return null;
        throw fault;
      });
      if (state !== null && state.value.status !== "invalid") {
        return { orderUrl: row.orderUrl, key: row.key };
      }
    }
    const { meta } = await client.directory();
    const told = meta?.caaIdentities ?? [];
    const named = issuers ?? (told.length === 0 ? null : told);
    const ask = { issuers: named, challenge: way.challenge, account: client.accountUrl };
    await this.#o.checkCaa(wanted.host, ask);
    const key = newKey();
    const nowMs = this.#nowMs();
    const fresh = { directory, orderUrl: null, key, triedMs: nowMs };
    names.note(wanted, { state: "ordering", step: "ordering", ...fresh });
    for (const one of store.ordered()) if (isForgotten(one, nowMs)) store.forgetOrdered(one.atMs);
    store.addOrdered({ ...this.#orderedAs(wanted), atMs: nowMs });
    this.#begun.delete(keyOf(wanted));
    const { url: orderUrl } = await this.#newOrder(client, wanted);
    names.note(wanted, { orderUrl });
    return { orderUrl, key };
  }

  /** As the one that follows what there is, where the authority wants to know (RFC 9773 5). */
  async #newOrder(client: OpenAccount["client"], { customer, host }: WantedName) {
    const before = this.#o.certificates.obtained(customer, host)?.cert;
    const { renewalInfo } = await client.directory();
    const replaces = before === undefined || renewalInfo === undefined ? null : idOf(before);
    if (replaces === null) return client.newOrder(host, null);
    return client.newOrder(host, replaces).catch((fault: unknown) => {
      // Another authority's, or replaced already: then it is an order like any other.
      const isRefused = fault instanceof CaFault && fault.code === "ca-refused";
      const isOther = isRefused && (fault.is("alreadyReplaced") || fault.is("malformed"));
      if (isOther) return client.newOrder(host, null);
      throw fault;
    });
  }

  /**
   * Asks the authority when to renew what was obtained (RFC 9773): the name's next time, where it lies outside
   * what is suggested, is drawn anew. Tells when to ask again, ms from now; null where it has no such thing.
   */
  async askWhen(wanted: WantedName, acme: Acme): Promise<number | null> {
    const { names, certificates, deps } = this.#o;
    const kept = certificates.obtained(wanted.customer, wanted.host);
    if (kept === null) return null;
    const { client } = await this.#accounts.open(acme, acme.contact);
    const read = await this.#windowOf(client, kept.cert);
    if (read === null) return null;
    const { start, end } = read.value;
    const { state, nextMs } = names.row(wanted);
    if (state === "obtained" && (nextMs < start || nextMs > end)) {
      const draw = deps.rng.float();
      names.note(wanted, { nextMs: renewAtMs({ ...kept.facts, draw, window: read.value }) });
    }
    return read.afterMs;
  }

  async #windowOf(client: OpenAccount["client"], cert: string) {
    const id = idOf(cert);
    const read = id === null ? null : await client.renewalInfo(id);
    return read === null ? null : { value: read.value.suggestedWindow, afterMs: read.afterMs };
  }

  #orderedAs({ customer, host }: WantedName) {
    const renewal = this.#o.certificates.obtained(customer, host) !== null;
    const known = this.#domains.get(host);
    if (known !== undefined) return { domain: known, renewal };
    const domain = registeredDomain(host);
    if (this.#domains.size >= DOMAINS_MAX) this.#domains.clear();
    this.#domains.set(host, domain);
    return { domain, renewal };
  }

  #nowMs(): number {
    return this.#o.deps.clock.wallMs();
  }
}

function idOf(cert: string): string | null {
  return certificateId(new X509Certificate(cert).raw);
}
