import type { Log } from "../../base/log.ts";
import type { Bus } from "../../bus/mod.ts";
import type { Feed } from "../../model/feed.ts";
import type { ZoneKey, ZoneKeyFeed, ZoneKeySet } from "../../model/zone-keys.ts";
import { readZoneKeys, writeZoneKeys } from "../../store/zone-keys-disk.ts";
import { ASK_MS, SecretFeed } from "./secret-feed.ts";

interface KeyFeedOptions {
  /** The node's own copy, so that it signs with control dead. */
  readonly path: string;
  /** A new snapshot may have new zones. */
  readonly feed: Feed;
  readonly bus: Bus;
  readonly log: Log;
}

/** Starts with the copy on disk, without waiting for control, then keeps up with it. */
export async function startKeyFeed(o: KeyFeedOptions): Promise<LiveKeys> {
  const { path, feed, bus, log } = o;
  const keys = new LiveKeys({
    kept: (await readZoneKeys(path)) ?? { digest: "", keys: [] },
    ask: (have) => bus.request("zone.keys", { have }, ASK_MS),
    keep: (set) => writeZoneKeys(path, set),
    describe: (set) => {
      const zones = new Set(set.keys.map((key) => key.zone));
      return ["Signing with new keys", { zones: zones.size, keys: set.keys.length }];
    },
    ...{ feed, log },
  });
  keys.follow();
  return keys;
}

export class LiveKeys extends SecretFeed<ZoneKeySet> implements ZoneKeyFeed {
  keys(): readonly ZoneKey[] {
    return this.set.keys;
  }

  onKeys(listener: () => void): () => void {
    return this.onChange(listener);
  }
}
