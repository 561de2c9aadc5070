import type { Log } from "../../base/log.ts";
import type { Bus } from "../../bus/mod.ts";
import type { Feed } from "../../model/feed.ts";
import type { ZoneKey, ZoneKeyFeed, ZoneKeySet } from "../../model/zone-keys.ts";
import { readZoneKeys, writeZoneKeys } from "../../store/zone-keys-disk.ts";

/** How often a name server asks whether keys have changed, ms. */
const ASK_MS = 2000;

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
  const keys = new LiveKeys(o, await readZoneKeys(o.path));
  keys.follow();
  return keys;
}

export class LiveKeys implements ZoneKeyFeed {
  readonly #o: KeyFeedOptions;
  readonly #listeners = new Set<() => void>();
  #set: ZoneKeySet;
  #stops: (() => void)[] = [];
  #asking = false;

  constructor(o: KeyFeedOptions, kept: ZoneKeySet | null) {
    this.#o = o;
    this.#set = kept ?? { digest: "", keys: [] };
  }

  keys(): readonly ZoneKey[] {
    return this.#set.keys;
  }

  onKeys(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  follow(): void {
    const timer = setInterval(() => void this.catchUp(), ASK_MS);
    const unsubscribe = this.#o.feed.onSnapshot(() => void this.catchUp());
    this.#stops = [() => clearInterval(timer), unsubscribe];
    void this.catchUp();
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  /** Asks once. Without an answer, what was before goes on to be used. */
  async catchUp(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    const { bus, log, path } = this.#o;
    try {
      const ask = { have: this.#set.digest };
      const next = await bus.request("zone.keys", ask, ASK_MS).catch(() => null);
      if (next === null) return;
      // On disk first; a full disk costs durability, not service.
      await writeZoneKeys(path, next).catch((error: unknown) => {
        log.error("Cannot keep the keys of zones on disk; they serve from memory", { error });
      });
      this.#set = next;
      for (const listener of this.#listeners) listener();
      const zones = new Set(next.keys.map((key) => key.zone));
      log.info("Signing with new keys", { zones: zones.size, keys: next.keys.length });
    } finally {
      this.#asking = false;
    }
  }
}
