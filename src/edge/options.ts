import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Bus } from "../bus/bus.ts";
import type { Feed } from "../model/feed.ts";
import type { FindCredential } from "../model/origin-credential.ts";
import type { NameResolver } from "../model/resolver.ts";
import type { Meter } from "../model/usage.ts";
import type { AccessSink } from "./access-log.ts";
import type { Files } from "./cache/mod.ts";
import type { CertificateSource } from "./certificates.ts";
import type { ConnectionLimits } from "./connection-cap.ts";
import type { FindChallenge } from "./hot/challenge.ts";
import type { ParentTimes } from "./hot/parents.ts";
import type { TierKeys } from "./hot/tier.ts";
import type { Http3DoorOptions } from "./http3-door.ts";
import type { Aside } from "./listen.ts";
import type { CrewOptions } from "./workers/crew.ts";

export interface EdgeOptions {
  /** The node's name. */
  readonly node: string;
  readonly listen: {
    readonly hosts: readonly string[];
    readonly http: number;
    readonly https?: number;
    /** HTTP/3 too, over UDP at the port of https. */
    readonly http3?: boolean;
  };
  /** PEM texts. Without them nothing listens for HTTPS. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Customers' certificates, over HTTPS shown for their hosts. */
  readonly certificates?: CertificateSource;
  /** How long connections may go on with certificates that are no longer shown, ms. */
  readonly tlsDrainMs?: number;
  /** How HTTP/3 comes to show other certificates; the preset where it is left out. */
  readonly http3Swap?: Http3DoorOptions["swap"];
  /** Where requests are written down; nowhere without it. */
  readonly access?: AccessSink;
  readonly dataDir: string;
  readonly memoryBytesMax: number;
  readonly diskBytesMax: number;
  readonly feed: Feed;
  readonly bus: Bus;
  readonly meter: Meter;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** How many clients there may be at once; the presets where it is left out. */
  readonly connections?: ConnectionLimits;
  /** Exchanges of all customers together with web servers; the preset where it is left out. */
  readonly exchangesMax?: number;
  /** Over HTTPS only: asked first about each request. */
  readonly aside?: Aside;
  /** How long requests under way may take once it is to end; cut off at once without it. */
  readonly finishMs?: number;
  /** How receivers of logs are found. Without it no log is delivered. */
  readonly resolver?: NameResolver;
  /** What authorities are to find at names under order; nothing where it is left out. */
  readonly challenges?: FindChallenge;
  /** What web servers are shown, by customer and name; nothing where it is left out. */
  readonly credentials?: FindCredential;
  /** The secret of a customer's key for signed addresses and logs; null: there is none. */
  readonly secrets?: (customer: string, key: string) => Uint8Array | null;
  /** By which caches of this network know each other; without them none asks another. */
  readonly tierKeys?: TierKeys["secrets"];
  /** How parents are waited for; the presets where it is left out. */
  readonly parentTimes?: ParentTimes;
  /** Of several processes of this node, which this is; left out: it is alone. */
  readonly crew?: CrewOptions;
  /** What the disk tier does to a file system; the real one where it is left out. */
  readonly files?: Files;
}
