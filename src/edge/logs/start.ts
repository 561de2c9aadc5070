import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Bus } from "../../bus/bus.ts";
import type { Feed } from "../../model/feed.ts";
import type { NodeStats } from "../../model/messages.ts";
import type { FindCredential } from "../../model/origin-credential.ts";
import type { NameResolver } from "../../model/resolver.ts";
import type { LogsTold } from "../../model/site-logs.ts";
import type { AccessSink } from "../access-log.ts";
import type { OriginClient } from "../hot/origin.ts";
import { refusesAddress } from "../hot/reach.ts";
import { LogDelivery } from "./delivery.ts";
import { LogTail } from "./tail.ts";

/** A node has fewer processes (model/node-file). */
const CREW_MAX = 128;

export interface LogsRunning {
  /** Of those who see every answer. */
  readonly parts: {
    readonly access?: AccessSink;
    readonly delivery: Pick<LogDelivery, "any" | "take">;
  };
  told(): Readonly<Record<string, LogsTold>>;
  stats(): Pick<NodeStats, "logs">;
  stop(): Promise<void>;
}

interface LogsOptions {
  readonly node: string;
  readonly dataDir: string;
  readonly feed: Feed;
  readonly bus: Bus;
  /** The operator's own log. */
  readonly access?: AccessSink;
  readonly resolver?: NameResolver;
  readonly secrets?: (customer: string, key: string) => Uint8Array | null;
  readonly credentials?: FindCredential;
  readonly hmac: (secret: Uint8Array, message: Uint8Array) => Uint8Array;
  readonly origins: OriginClient;
  readonly clock: Clock;
  readonly log: Log;
  /** Of several processes of this node, which this is. */
  readonly crew?: { readonly number: number };
}

/** Delivers the logs of the snapshot's sites, and tells those who follow one. */
export function startLogs(o: LogsOptions): LogsRunning {
  const tail = new LogTail(o);
  const delivery = deliveryOf(o);
  const unsubscribe = o.feed.onSnapshot((snapshot) => delivery?.setSnapshot(snapshot));
  const told = () => delivery?.told() ?? {};
  return {
    parts: {
      ...(o.access === undefined ? {} : { access: o.access }),
      delivery: {
        get any() {
          return tail.any || delivery?.any === true;
        },
        take: (site, entry) => {
          delivery?.take(site, entry);
          tail.take(site, entry);
        },
      },
    },
    told,
    stats: () => {
      const logs = told();
      return Object.keys(logs).length === 0 ? {} : { logs };
    },
    stop: async () => {
      unsubscribe();
      tail.stop();
      await delivery?.stop();
    },
  };
}

/** Names the batches of this start: no other process of the node has the same. */
function startOf(nowMs: number, crew: LogsOptions["crew"]): number {
  return crew === undefined ? nowMs : nowMs - (nowMs % CREW_MAX) + crew.number;
}

/** Null where no name can be resolved: then nothing is delivered. */
function deliveryOf(o: LogsOptions): LogDelivery | null {
  const { node, clock, log, feed, resolver, origins } = o;
  if (resolver === undefined) return null;
  const delivery = new LogDelivery({
    ...{ node, clock, log, resolver, origins },
    startMs: startOf(clock.wallMs(), o.crew),
    dir: join(o.dataDir, "logs"),
    refuses: (address, port) => {
      const snapshot = feed.snapshot();
      return snapshot === null ? "not known yet" : refusesAddress(snapshot, address, port);
    },
    credential: o.credentials ?? (() => null),
    sign: (customer, key, message) => {
      const secret = o.secrets?.(customer, key) ?? null;
      return secret === null ? null : o.hmac(secret, message);
    },
  });
  const first = feed.snapshot();
  if (first !== null) delivery.setSnapshot(first);
  delivery.start();
  return delivery;
}
