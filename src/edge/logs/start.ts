import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { Feed } from "../../model/feed.ts";
import type { NodeStats } from "../../model/messages.ts";
import type { FindCredential } from "../../model/origin-credential.ts";
import type { NameResolver } from "../../model/resolver.ts";
import type { LogsTold } from "../../model/site-logs.ts";
import type { AccessSink } from "../access-log.ts";
import type { OriginClient } from "../hot/origin.ts";
import { refusesAddress } from "../hot/reach.ts";
import { LogDelivery } from "./delivery.ts";

export interface LogsRunning {
  /** Of those who see every answer. */
  readonly parts: { readonly access?: AccessSink; readonly delivery?: LogDelivery };
  told(): Readonly<Record<string, LogsTold>>;
  stats(): Pick<NodeStats, "logs">;
  stop(): Promise<void>;
}

/** Delivers the logs of the snapshot's sites; nothing does where no name can be resolved. */
export function startLogs(o: {
  readonly node: string;
  readonly dataDir: string;
  readonly feed: Feed;
  /** The operator's own log. */
  readonly access?: AccessSink;
  readonly resolver?: NameResolver;
  readonly secrets?: (customer: string, key: string) => Uint8Array | null;
  readonly credentials?: FindCredential;
  readonly hmac: (secret: Uint8Array, message: Uint8Array) => Uint8Array;
  readonly origins: OriginClient;
  readonly clock: Clock;
  readonly log: Log;
}): LogsRunning {
  const { node, clock, log, feed, resolver, origins } = o;
  const here = o.access === undefined ? {} : { access: o.access };
  if (resolver === undefined) {
    return { parts: here, told: () => ({}), stats: () => ({}), stop: async () => {} };
  }
  const delivery = new LogDelivery({
    ...{ node, clock, log, resolver, origins },
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
  const unsubscribe = feed.onSnapshot((snapshot) => delivery.setSnapshot(snapshot));
  delivery.start();
  return {
    parts: { ...here, delivery },
    told: () => delivery.told(),
    stats: () => {
      const logs = delivery.told();
      return Object.keys(logs).length === 0 ? {} : { logs };
    },
    stop: () => {
      unsubscribe();
      return delivery.stop();
    },
  };
}
