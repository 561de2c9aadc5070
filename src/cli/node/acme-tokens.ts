import type { Log } from "../../base/log.ts";
import type { Bus } from "../../bus/mod.ts";
import type { AcmeTokenSet } from "../../model/acme.ts";
import type { Feed } from "../../model/feed.ts";
import { ASK_MS, SecretFeed } from "./secret-feed.ts";

/** The pages that show authorities that names are ours: as control has them, at once when they change. */
export function startAcmeTokens(o: {
  readonly feed: Pick<Feed, "onSnapshot">;
  readonly bus: Bus;
  readonly log: Log;
}): AcmeTokens {
  const { feed, bus, log } = o;
  const tokens = new AcmeTokens({
    kept: { digest: "", tokens: [] },
    ask: ({ digest: have }) => bus.request("acme.tokens", { have }, ASK_MS),
    // Without control nobody orders anything: there is nothing to keep.
    keep: async () => {},
    describe: (set) => ["Took pages for authorities", { pages: set.tokens.length }],
    ...{ feed, log },
  });
  tokens.follow();
  tokens.onStop(bus.subscribe("acme.tokens.changed", () => void tokens.catchUp()));
  return tokens;
}

export class AcmeTokens extends SecretFeed<AcmeTokenSet> {
  /** What is answered for the token at this host; null where nothing is. */
  readonly find = (host: string, token: string): string | null => {
    const one = this.set.tokens.find((each) => each.host === host && each.token === token);
    return one?.keyAuthorization ?? null;
  };
}
