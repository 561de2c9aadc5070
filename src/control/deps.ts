import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Bus } from "../bus/mod.ts";
import type { Feed } from "../model/feed.ts";
import type { Store } from "../store/mod.ts";
import type { History } from "./history.ts";
import type { LiveBook } from "./live.ts";
import type { LogTails } from "./log-tails.ts";
import type { NetworkBook } from "./networks.ts";
import type { OriginHosts } from "./origin-hosts.ts";
import type { Publisher } from "./publish.ts";
import type { DemandBook } from "./simulate.ts";
import type { WhyNotBook } from "./why-not.ts";

/** What every part of the control role works with. */
export interface Deps {
  readonly store: Store;
  readonly bus: Bus;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly publisher: Publisher;
  /** Of what sets of secrets are called by. */
  readonly digestKey: Uint8Array;
  readonly live: LiveBook;
  readonly whyNot: WhyNotBook;
  readonly networks: NetworkBook;
  readonly tails: LogTails;
  readonly history: History;
  readonly demand: DemandBook;
  readonly hosts: OriginHosts;
}
