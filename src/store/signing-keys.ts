import type { SigningKey } from "../model/signing-keys.ts";
import type { SealedPlace } from "./sealed-database.ts";
import { SealedSecrets } from "./sealed-secrets.ts";

export interface StoredSigningKey extends SigningKey {
  readonly madeMs: number;
}

/**
 * Customers' keys for signed addresses, as `SealedSecrets` keeps them: every method throws what its
 * methods throw.
 */
export class SigningKeyStore {
  readonly #secrets: SealedSecrets;

  constructor(o: SealedPlace) {
    this.#secrets = new SealedSecrets("signing", o);
  }

  /** By customer and name. */
  list(): readonly StoredSigningKey[] {
    return this.#secrets.list().map(({ secret, ...rest }) => {
      return { ...rest, secret: Buffer.from(secret).toString("base64") };
    });
  }

  /** Adds the key, or takes its namesake's place. */
  put({ secret, ...rest }: StoredSigningKey): void {
    this.#secrets.put({ ...rest, secret: Buffer.from(secret, "base64") });
  }

  /** True when there was one. */
  remove(customer: string, name: string): boolean {
    return this.#secrets.remove(customer, name);
  }

  close(): void {
    this.#secrets.close();
  }
}
