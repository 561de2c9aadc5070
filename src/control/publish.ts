import type { Log } from "../base/log.ts";
import type { Bus } from "../bus/mod.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { Store } from "../store/mod.ts";

/**
 * Keeps the newest snapshot, answers nodes that ask for it, announces new ones and collects
 * acknowledgements. What it announces has been committed: it never takes one back.
 */
export interface Publisher {
  latest(): Snapshot | null;
  /** The number for the next snapshot: above every one that this store or any node has. */
  nextNumber(): number;
  announce(snapshot: Snapshot): void;
  stop(): void;
}

export async function startPublisher(o: {
  readonly store: Store;
  readonly bus: Bus;
  readonly log: Log;
}): Promise<Publisher> {
  let latest = await o.store.intents.latestSnapshot();
  // Numbers that nodes told us of: a restored, older database must not fall behind them.
  let highest = latest?.number ?? 0;
  const acked = new Map((await o.store.intents.acks()).map((a) => [a.node, a.number]));
  const stops = [
    o.bus.respond("snapshot.latest", ({ have }) => {
      highest = Math.max(highest, have);
      return latest !== null && latest.number > have ? latest : null;
    }),
    o.bus.subscribe("snapshot.ack", (ack) => {
      highest = Math.max(highest, ack.number);
      if ((acked.get(ack.node) ?? 0) >= ack.number) return;
      acked.set(ack.node, ack.number);
      o.store.intents.ack(ack).catch((error: unknown) => {
        o.log.warn("Cannot keep an acknowledgement", { node: ack.node, error });
      });
    }),
  ];
  if (latest !== null) o.bus.publish("snapshot.published", { snapshot: latest });
  return {
    latest: () => latest,
    nextNumber: () => highest + 1,
    announce(snapshot) {
      latest = snapshot;
      highest = Math.max(highest, snapshot.number);
      o.bus.publish("snapshot.published", { snapshot });
      o.log.info("Published a snapshot", { number: snapshot.number, hash: snapshot.hash });
    },
    stop() {
      for (const stop of stops) stop();
    },
  };
}
