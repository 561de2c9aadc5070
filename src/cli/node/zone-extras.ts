import type { ExtrasFeed, ServerExtras, ServerExtrasSet } from "../../model/zone-extras.ts";
import { ZONE_EXTRAS_COPY } from "../../store/zone-extras-disk.ts";
import { asking, follow, SecretFeed, type SecretWorld } from "./secret-feed.ts";

/** TSIG keys, challenges and CAA: the copy on disk first, then what control has, at once when it changes. */
export async function startExtrasFeed(world: SecretWorld): Promise<LiveExtras> {
  const ask = asking(world, "zone.extras");
  const extras = await follow(world, LiveExtras, {
    ...{ file: "zone-extras", copy: ZONE_EXTRAS_COPY },
    none: { digest: "", tsig: [], challenges: [] },
    ask: async (have) => {
      const next = await ask(have);
      // A control that has just started has not looked yet: what was answered goes on to be.
      return next === null ? null : { ...next, caa: next.caa ?? have.caa ?? [] };
    },
    describe: ({ tsig, challenges }) => {
      return ["Took keys and challenges", { keys: tsig.length, challenges: challenges.length }];
    },
  });
  extras.onStop(world.bus.subscribe("zone.extras.changed", () => void extras.catchUp()));
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
