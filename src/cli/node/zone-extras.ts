import type { Log } from "../../base/log.ts";
import type { Bus } from "../../bus/mod.ts";
import type { Feed } from "../../model/feed.ts";
import type { ExtrasFeed, ServerExtras, ServerExtrasSet } from "../../model/zone-extras.ts";
import { readZoneExtras, writeZoneExtras } from "../../store/zone-extras-disk.ts";
import { ASK_MS, SecretFeed } from "./secret-feed.ts";

/** TSIG keys and challenges: the copy on disk first, then what control has, at once when it changes. */
export async function startExtrasFeed(o: {
  readonly path: string;
  readonly feed: Feed;
  readonly bus: Bus;
  readonly log: Log;
}): Promise<LiveExtras> {
  const { path, feed, bus, log } = o;
  const extras: LiveExtras = new LiveExtras({
    kept: (await readZoneExtras(path)) ?? { digest: "", tsig: [], challenges: [] },
    ask: async (have) => {
      const next = await bus.request("zone.extras", { have }, ASK_MS);
      // A control that has just started has not looked yet: what was answered goes on to be.
      return next === null ? null : { ...next, caa: next.caa ?? extras.set.caa ?? [] };
    },
    keep: (set) => writeZoneExtras(path, set),
    describe: ({ tsig, challenges }) => {
      return ["Took keys and challenges", { keys: tsig.length, challenges: challenges.length }];
    },
    ...{ feed, log },
  });
  extras.follow();
  extras.onStop(bus.subscribe("zone.extras.changed", () => void extras.catchUp()));
  return extras;
}

export class LiveExtras extends SecretFeed<ServerExtrasSet> implements ExtrasFeed {
  extras(): ServerExtras {
    return this.set;
  }

  onExtras(listener: () => void): () => void {
    return this.onChange(listener);
  }
}
