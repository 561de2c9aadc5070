import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { Feed } from "../model/feed.ts";
import type { NameResolver } from "../model/resolver.ts";
import type { ExtrasFeed } from "../model/zone-extras.ts";
import { AliasBook, FIRST_MS } from "./alias.ts";
import type { Responder } from "./hot/answer.ts";
import { OverlayFeed } from "./overlay.ts";
import { SignedDesk, type Updater } from "./signed-desk.ts";
import { Notifier } from "./transfer-notify.ts";
import type { UdpServer } from "./udp.ts";
import { caaRecords, challengeRecords } from "./update.ts";

/** How often challenges that have ended are left out. */
const EXPIRE_EACH_MS = 10_000;

export interface ExtrasOptions {
  readonly node: string;
  readonly listen: { readonly hosts: readonly string[] };
  readonly feed: Feed;
  readonly extras?: ExtrasFeed;
  readonly update?: Updater;
  /** Finds targets of aliases; without it they have no addresses. */
  readonly resolver?: NameResolver;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

/** What a name server does besides answering from snapshots: transfers, notices, updates. */
export interface Extras {
  /** With what updates have set. */
  readonly feed: Feed;
  readonly desk: SignedDesk;
  /** Resolves when aliases have been looked up once, or after a moment. */
  readonly ready: () => Promise<unknown>;
  /** Returns the way to stop. */
  follow(udp: UdpServer): () => void;
}

export function startExtras(o: ExtrasOptions, responder: Responder): Extras {
  const { extras = null, update = null, clock, rng } = o;
  const log = o.log.with({ role: "dns", node: o.node });
  const aliases =
    o.resolver === undefined
      ? null
      : new AliasBook({
          ...{ resolver: o.resolver, clock, log },
          snapshot: () => o.feed.snapshot(),
          onChange: () => feed.refresh(),
        });
  const feed = new OverlayFeed(o.feed, [
    (bare) => aliases?.records(bare) ?? [],
    (bare) => caaRecords(extras?.extras().caa ?? [], bare),
    (bare) => challengeRecords(extras?.extras().challenges ?? [], bare, clock.wallMs()),
  ]);
  const snapshot = () => feed.snapshot();
  const desk = new SignedDesk({ responder, snapshot, extras, update, clock, log });
  return {
    feed,
    desk,
    ready: () => {
      const first = Promise.resolve(aliases?.start()).then(() => feed.relay());
      return Promise.race([first, Bun.sleep(aliases === null ? 0 : FIRST_MS)]);
    },
    follow: (udp) => {
      if (extras === null) {
        return () => {
          aliases?.stop();
          feed.stop();
        };
      }
      const [host = ""] = o.listen.hosts;
      const from = host === "0.0.0.0" || host === "::" ? null : host;
      const notifier = new Notifier({ extras, from, clock, rng, log });
      const tell = () => {
        const now = feed.snapshot();
        if (now !== null) notifier.take(now);
      };
      const take = () => {
        udp.handOver(desk.open);
        feed.refresh();
        tell();
      };
      const timer = setInterval(() => feed.refresh(), EXPIRE_EACH_MS);
      const stops = [extras.onExtras(take), feed.onSnapshot(tell), () => clearInterval(timer)];
      take();
      return () => {
        for (const stop of stops) stop();
        notifier.stop();
        aliases?.stop();
        feed.stop();
      };
    },
  };
}
