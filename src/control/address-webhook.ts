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

/**
 * Tells customers who asks their web servers before anybody new does: called with a snapshot that is
 * about to be announced. Who does not answer in time is not waited for: a customer holds nobody up.
 */
export class AddressWebhooks {
  readonly #signer: AddressSigner;
  readonly #resolver: NameResolver | null;
  readonly #log: Log;

  constructor(o: { signer: AddressSigner; resolver: NameResolver | null; log: Log }) {
    this.#signer = o.signer;
    this.#resolver = o.resolver;
    this.#log = o.log;
  }

  /** Resolves once all were told, or given up. */
  async before(snapshot: Snapshot, now: Snapshot | null, network: Network): Promise<void> {
    if (now !== null && sameNodes(now, snapshot)) return;
    const signed = this.#signer.of(snapshot);
    await Promise.all(
      network.customers.map(async ({ name, addressWebhook }) => {
        if (addressWebhook === undefined) return;
        const fault = await this.#tell(new URL(addressWebhook), signed, network);
        if (fault === null) return;
        this.#log.warn("A customer's webhook was not told of addresses", { customer: name, fault });
      }),
    );
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
