import type { ZoneKey, ZoneKeyFeed, ZoneKeySet } from "../../model/zone-keys.ts";
import { ZONE_KEYS_COPY } from "../../store/zone-keys-disk.ts";
import { asking, follow, SecretFeed, type SecretWorld } from "./secret-feed.ts";

/** What a name server signs with: from its copy on disk, then as control has it. */
export function startKeyFeed(world: SecretWorld): Promise<LiveKeys> {
  return follow(world, LiveKeys, {
    ...{ file: "zone-keys", copy: ZONE_KEYS_COPY, none: { digest: "", keys: [] } },
    ask: asking(world, "zone.keys"),
    describe: (set) => {
      const zones = new Set(set.keys.map((key) => key.zone));
      return ["Signing with new keys", { zones: zones.size, keys: set.keys.length }];
    },
  });
}

export class LiveKeys extends SecretFeed<ZoneKeySet> implements ZoneKeyFeed {
  keys(): readonly ZoneKey[] {
    return this.set.keys;
  }

  onKeys(listener: () => void): () => void {
    return this.onChange(listener);
  }
}
