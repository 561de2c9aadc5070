import type { Clock } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import type { SignedAddresses } from "../model/api/mod.ts";
import type { Network } from "../model/network.ts";
import type { NameResolver } from "../model/resolver.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { parseAddress, vetAddress } from "../wire/ip/mod.ts";
import { type AddressSigner, addressesIn } from "./addresses.ts";
import { addressesOf } from "./delegation.ts";

const TRIES = 2;
const TRY_MS = 3_000;
/** Who was not told is told again after so long, then after twice that, and so on. */
const AGAIN_FIRST_MS = 10_000;
const AGAIN_MOST_MS = 600_000;
const LOOK_MS = 1_000;

/** A customer that is to be told again: when, and after what a wait. */
interface Owed {
  readonly atMs: number;
  readonly waitMs: number;
}

/**
 * Tells customers who asks their web servers before anybody new does: called with a snapshot that is
 * about to be announced. Who does not answer in time is not waited for: a customer holds nobody up. It is
 * told again, of what is in force by then, until it takes that or the process ends.
 */
export class AddressWebhooks {
  readonly #signer: AddressSigner;
  readonly #resolver: NameResolver | null;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timer: ReturnType<typeof setInterval>;
  /** Customers that were not told, by name. */
  readonly #owed = new Map<string, Owed>();
  #last: { readonly signed: SignedAddresses; readonly network: Network } | null = null;
  #turn: Promise<void> | null = null;

  constructor(o: {
    readonly signer: AddressSigner;
    readonly resolver: NameResolver | null;
    readonly clock: Clock;
    readonly log: Log;
  }) {
    this.#signer = o.signer;
    this.#resolver = o.resolver;
    this.#clock = o.clock;
    this.#log = o.log;
    this.#timer = setInterval(() => void this.again(), LOOK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#owed.clear();
    await this.#turn;
  }

  /** Resolves once all were told, or given up. */
  async before(snapshot: Snapshot, now: Snapshot | null, network: Network): Promise<void> {
    if (now !== null && sameNodes(now, snapshot)) {
      if (this.#last !== null) this.#last = { ...this.#last, network };
      return;
    }
    const signed = this.#signer.of(snapshot);
    this.#last = { signed, network };
    this.#owed.clear();
    await Promise.all(
      network.customers.map(async (one) => {
        const fault = await this.#tellTo(one, { signed, network });
        if (fault !== null) this.#owe(one.name, { fault, waitMs: AGAIN_FIRST_MS });
      }),
    );
  }

  /** Tells those again whose time has come; resolves once they were told, or not. */
  again(): Promise<void> {
    this.#turn ??= this.#tellOwed().finally(() => {
      this.#turn = null;
    });
    return this.#turn;
  }

  async #tellOwed(): Promise<void> {
    const last = this.#last;
    if (last === null) return;
    const nowMs = this.#clock.monoMs();
    const due = [...this.#owed].filter(([, owed]) => owed.atMs <= nowMs);
    await Promise.all(
      due.map(async ([name, owed]) => {
        const customer = last.network.customers.find((one) => one.name === name);
        const fault = customer === undefined ? null : await this.#tellTo(customer, last);
        // Meanwhile there may be another list, and another outcome with it.
        if (this.#owed.get(name) !== owed) return;
        this.#owed.delete(name);
        const waitMs = Math.min(AGAIN_MOST_MS, 2 * owed.waitMs);
        if (fault !== null) this.#owe(name, { fault, waitMs });
      }),
    );
  }

  #owe(customer: string, o: { readonly fault: unknown; readonly waitMs: number }): void {
    const { fault, waitMs } = o;
    this.#owed.set(customer, { atMs: this.#clock.monoMs() + waitMs, waitMs });
    const again = { customer, fault, againInMs: waitMs };
    this.#log.warn("A customer's webhook was not told of addresses", again);
  }

  /** Null: it was told, or wants nothing. */
  async #tellTo(
    { addressWebhook }: Network["customers"][number],
    o: { readonly signed: SignedAddresses; readonly network: Network },
  ): Promise<unknown> {
    if (addressWebhook === undefined) return null;
    return this.#tell(new URL(addressWebhook), o.signed, o.network);
  }

  async #tell(url: URL, signed: SignedAddresses, network: Network): Promise<unknown> {
    let fault: unknown = null;
    for (let n = 0; n < TRIES; n++) {
      fault = await this.#post(url, signed, network).then(
        (status) => (status >= 200 && status < 300 ? null : `status ${status}`),
        (error: unknown) => error,
      );
      if (fault === null) return null;
    }
    return fault;
  }

  /** The address is vetted that is connected to; a redirect is an answer like any other. */
  async #post(url: URL, signed: SignedAddresses, network: Network): Promise<number> {
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const address = await this.#addressOf(host, network);
    const to = new URL(url);
    to.hostname = address.includes(":") ? `[${address}]` : address;
    const response = await fetch(to, {
      method: "POST",
      headers: { host: url.host, "content-type": "application/json" },
      body: JSON.stringify(signed),
      redirect: "manual",
      signal: AbortSignal.timeout(TRY_MS),
      ...(url.protocol === "https:" ? { tls: { serverName: host } } : {}),
    });
    await response.body?.cancel();
    return response.status;
  }

  async #addressOf(host: string, network: Network): Promise<string> {
    const rules = { allowPrivate: network.allowPrivateOrigins, ranges: network.allowOriginRanges };
    const named = parseAddress(host) === null;
    const found = !named ? [host] : this.#resolver ? await addressesOf(host, this.#resolver) : [];
    const address = found.find((one) => vetAddress(one, rules) === null);
    if (address === undefined) throw new Fault("bad-input", `${host} has no address to be used`);
    return address;
  }
}

function sameNodes(a: Snapshot, b: Snapshot): boolean {
  return JSON.stringify(addressesIn(a).nodes) === JSON.stringify(addressesIn(b).nodes);
}
