import { z } from "zod";
import {
  type NamedCredential,
  type OriginCredentialSet,
  originCredential,
} from "../model/origin-credential.ts";
import type { CopyKind } from "./sealed-copy.ts";
import type { SealedPlace } from "./sealed-database.ts";
import { SealedSecrets } from "./sealed-secrets.ts";

export interface StoredCredential extends NamedCredential {
  readonly madeMs: number;
}

/**
 * Customers' credentials for their web servers, as `SealedSecrets` keeps them: every method throws what
 * its methods throw.
 */
export class OriginCredentialStore {
  readonly #secrets: SealedSecrets;

  constructor(o: SealedPlace) {
    this.#secrets = new SealedSecrets("origin", o);
  }

  /** By customer and name. */
  list(): readonly StoredCredential[] {
    return this.#secrets.list().map(({ secret, ...rest }) => {
      const credential = originCredential.parse(JSON.parse(Buffer.from(secret).toString()));
      return { ...rest, credential };
    });
  }

  /** Adds it, or takes its namesake's place. */
  put({ credential, ...rest }: StoredCredential): void {
    this.#secrets.put({ ...rest, secret: Buffer.from(JSON.stringify(credential)) });
  }

  /** True when there was one. */
  remove(customer: string, name: string): boolean {
    return this.#secrets.remove(customer, name);
  }

  close(): void {
    this.#secrets.close();
  }
}

/** A node's own copy. */
export const ORIGIN_CREDENTIALS_COPY: CopyKind<OriginCredentialSet> = {
  name: "origin credentials of a node",
  shape: z.object({
    digest: z.string(),
    credentials: z.array(
      z.object({ customer: z.string(), name: z.string(), credential: originCredential }),
    ),
  }),
};
