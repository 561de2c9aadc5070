import type { Log } from "../../base/log.ts";
import type { Rng } from "../../base/rng.ts";
import type { Bus } from "../../bus/mod.ts";
import type { Feed } from "../../model/feed.ts";
import type { SigningKeySet } from "../../model/signing-keys.ts";
import { readSigningKeys, writeSigningKeys } from "../../store/signing-keys-disk.ts";
import { ASK_MS, SecretFeed } from "./secret-feed.ts";

/** The keys by which a cache checks signed addresses: from its copy on disk, then as control has them. */
export async function startSigningKeys(o: {
  readonly path: string;
  readonly masterPath: string;
  readonly feed: Pick<Feed, "onSnapshot">;
  readonly bus: Bus;
  readonly rng: Rng;
  readonly log: Log;
}): Promise<SigningKeys> {
  const { feed, bus, log } = o;
  const keys = new SigningKeys({
    kept: (await readSigningKeys(o)) ?? { digest: "", keys: [] },
    ask: (have) => bus.request("signing.keys", { have }, ASK_MS),
    keep: (set) => writeSigningKeys(o, set),
    describe: (set) => ["Checking signed addresses with new keys", { keys: set.keys.length }],
    ...{ feed, log },
  });
  keys.follow();
  return keys;
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
