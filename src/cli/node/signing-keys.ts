import type { SigningKeySet } from "../../model/signing-keys.ts";
import { SIGNING_KEYS_COPY } from "../../store/signing-keys-disk.ts";
import { asking, follow, SecretFeed, type SecretWorld } from "./secret-feed.ts";

/** The keys by which a cache checks signed addresses: from its copy on disk, then as control has them. */
export function startSigningKeys(world: SecretWorld): Promise<SigningKeys> {
  return follow(world, SigningKeys, {
    ...{ file: "signing-keys", copy: SIGNING_KEYS_COPY, none: { digest: "", keys: [] } },
    ask: asking(world, "signing.keys"),
    describe: (set) => ["Checking signed addresses with new keys", { keys: set.keys.length }],
  });
}

export class SigningKeys extends SecretFeed<SigningKeySet> {
  #of: SigningKeySet | null = null;
  #secrets = new Map<string, Uint8Array>();

  /** Null: the customer has no such key. */
  secret(customer: string, name: string): Uint8Array | null {
    if (this.#of !== this.set) {
      this.#of = this.set;
      this.#secrets = new Map(
        this.set.keys.map((key) => {
          const secret = Uint8Array.from(Buffer.from(key.secret, "base64"));
          return [`${key.customer} ${key.name}`, secret];
        }),
      );
    }
    return this.#secrets.get(`${customer} ${name}`) ?? null;
  }
}
