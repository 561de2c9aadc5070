import { createHmac } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import type { Acme } from "../../model/acme.ts";
import type { AcmeStore } from "../../store/acme.ts";
import { AccountKey, newKey } from "./account-key.ts";
import { type Binding, CaClient } from "./client.ts";
import type { Transport } from "./transport.ts";

/** A client that has its account. */
export interface OpenAccount {
  readonly client: CaClient;
  readonly thumbprint: string;
}

/** Accounts with authorities, one for each directory: made at the first order, and kept. */
export class Accounts {
  readonly #store: AcmeStore;
  readonly #clock: Clock;
  readonly #openTransport: (ca: string | undefined) => Transport;
  #open: { readonly settings: string; readonly account: Promise<OpenAccount> } | null = null;

  /** @param open to an authority's directory, given who vouches for it */
  constructor(o: {
    readonly store: AcmeStore;
    readonly clock: Clock;
    readonly open: (ca: string | undefined) => Transport;
  }) {
    this.#store = o.store;
    this.#clock = o.clock;
    this.#openTransport = o.open;
  }

  /** @throws CaFault, or Fault `bad-input` where the key of `eab` cannot be read */
  open(acme: Acme, contact: string | undefined): Promise<OpenAccount> {
    const { directory, ca, eab } = acme;
    const settings = JSON.stringify([directory, ca, eab, contact]);
    if (this.#open?.settings === settings) return this.#open.account;
    const account = this.#make(acme, contact);
    const open = { settings, account };
    this.#open = open;
    account.catch(() => {
      if (this.#open === open) this.#open = null;
    });
    return account;
  }

  /** The authority does not know the account, or may not: the next order asks anew. */
  forget(directory: string): void {
    const kept = this.#store.account(directory);
    if (kept !== null) this.#store.putAccount({ ...kept, url: null });
    this.#open = null;
  }

  async #make(acme: Acme, contact: string | undefined): Promise<OpenAccount> {
    const { directory } = acme;
    let kept = this.#store.account(directory);
    if (kept === null) {
      // Kept before it is used: a kill must not leave an account whose key is lost.
      kept = { directory, url: null, key: newKey() };
      this.#store.putAccount(kept);
    }
    const key = new AccountKey(kept.key);
    const transport = this.#openTransport(acme.ca);
    const client = new CaClient({
      ...{ directory, transport, key, accountUrl: kept.url, clock: this.#clock },
    });
    if (kept.url === null) {
      const binding = await bindingOf(acme.eab);
      const url = await client.register({ contact, binding });
      this.#store.putAccount({ ...kept, url });
    }
    return { client, thumbprint: key.thumbprint };
  }
}

async function bindingOf(eab: Acme["eab"]): Promise<Binding | null> {
  if (eab === undefined) return null;
  const text = await readFile(eab.keyFile, "utf8").catch((cause: unknown) => {
    const problem = { path: "acme.eab.keyFile", message: "expected a readable file" };
    throw new Fault("bad-input", eab.keyFile, { cause, problems: [problem] });
  });
  const key = Buffer.from(text.trim(), "base64url");
  return {
    kid: eab.kid,
    sign: (input) => createHmac("sha256", key).update(input).digest("base64url"),
  };
}
