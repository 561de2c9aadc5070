import type { Intent, Network } from "../../model/network.ts";
import { type WantedName, wantedNames } from "../../policy/certificates/mod.ts";
import type { AcmeStore, StoredName } from "../../store/acme.ts";

export type NameKey = Pick<StoredName, "customer" | "host">;

/** Nothing is under way. */
export const ENDED = { orderUrl: null, key: null } as const;
const NEW: Omit<StoredName, "customer" | "host"> = {
  ...{ state: "waiting", step: "", directory: null, ...ENDED },
  ...{ failures: 0, nextMs: 0, triedMs: null, problem: null },
};

/** The name is not wanted any more. */
export class Unwanted extends Error {}

/** The names that are wanted now, and where each stands; what is noted is on disk before it is here. */
export class Names {
  readonly #store: AcmeStore;
  readonly #rows = new Map<string, StoredName>();
  #network: Network | null = null;
  #wanted: ReadonlyMap<string, WantedName> = new Map();

  constructor(store: AcmeStore) {
    this.#store = store;
    for (const row of store.list()) this.#rows.set(keyOf(row), row);
  }

  /** The names of this network are wanted, and no others. */
  want({ network, targets }: Pick<Intent, "network" | "targets">): void {
    if (this.#network === network) return;
    this.#network = network;
    this.#wanted = new Map(wantedNames({ network, targets }).map((one) => [keyOf(one), one]));
  }

  wanted(): Iterable<readonly [key: string, name: WantedName]> {
    return this.#wanted;
  }

  find(of: NameKey): WantedName | undefined {
    return this.#wanted.get(keyOf(of));
  }

  row(of: NameKey): StoredName {
    return this.#rows.get(keyOf(of)) ?? { ...NEW, customer: of.customer, host: of.host };
  }

  /** @throws Unwanted */
  note(of: NameKey, now: Partial<Omit<StoredName, "customer" | "host">>): void {
    if (!this.#wanted.has(keyOf(of))) throw new Unwanted();
    const row = { ...this.row(of), ...now };
    this.#store.put(row);
    this.#rows.set(keyOf(of), row);
  }

  forget(of: NameKey): void {
    this.#rows.delete(keyOf(of));
    this.#store.remove(of.customer, of.host);
  }

  /** Those of which something is known, and that are not wanted. */
  unwanted(): readonly StoredName[] {
    return [...this.#rows].filter(([key]) => !this.#wanted.has(key)).map(([, row]) => row);
  }
}

export function keyOf({ customer, host }: NameKey): string {
  return `${customer} ${host}`;
}
