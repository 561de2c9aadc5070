import type { TierKeySet } from "../../model/tiers.ts";
import { TIER_KEYS_COPY } from "../../store/tier-keys-disk.ts";
import { asking, follow, SecretFeed, type SecretWorld } from "./secret-feed.ts";

/** The keys by which caches know each other: from this node's copy on disk, then as control has them. */
export function startTierKeys(world: SecretWorld): Promise<TierKeyFeed> {
  return follow(world, TierKeyFeed, {
    ...{ file: "tier-keys", copy: TIER_KEYS_COPY, none: { digest: "", keys: [] } },
    ask: asking(world, "tier.keys"),
    describe: (set) => ["Knowing other caches by new keys", { keys: set.keys.length }],
  });
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
