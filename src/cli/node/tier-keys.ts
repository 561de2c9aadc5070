import type { Log } from "../../base/log.ts";
import type { Rng } from "../../base/rng.ts";
import type { Bus } from "../../bus/mod.ts";
import type { Feed } from "../../model/feed.ts";
import type { TierKeySet } from "../../model/tiers.ts";
import { readTierKeys, writeTierKeys } from "../../store/tier-keys-disk.ts";
import { ASK_MS, SecretFeed } from "./secret-feed.ts";

/** The keys by which caches know each other: from this node's copy on disk, then as control has them. */
export async function startTierKeys(o: {
  readonly path: string;
  readonly masterPath: string;
  readonly feed: Pick<Feed, "onSnapshot">;
  readonly bus: Bus;
  readonly rng: Rng;
  readonly log: Log;
}): Promise<TierKeyFeed> {
  const { feed, bus, log } = o;
  const keys = new TierKeyFeed({
    kept: (await readTierKeys(o)) ?? { digest: "", keys: [] },
    ask: (have) => bus.request("tier.keys", { have }, ASK_MS),
    keep: (set) => writeTierKeys(o, set),
    describe: (set) => ["Knowing other caches by new keys", { keys: set.keys.length }],
    ...{ feed, log },
  });
  keys.follow();
  return keys;
}

export class TierKeyFeed extends SecretFeed<TierKeySet> {
  #of: TierKeySet | null = null;
  #secrets: readonly { readonly madeMs: number; readonly secret: Uint8Array }[] = [];

  /** The newest last. */
  secrets(): readonly { readonly madeMs: number; readonly secret: Uint8Array }[] {
    if (this.#of !== this.set) {
      this.#of = this.set;
      this.#secrets = this.set.keys.map(({ madeMs, secret }) => {
        return { madeMs, secret: Uint8Array.from(Buffer.from(secret, "base64")) };
      });
    }
    return this.#secrets;
  }
}
