import { FakeClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { seededRng } from "../base/rng.ts";
import { NO_ASSIGNMENT } from "../model/assignment.ts";
import type { Feed } from "../model/feed.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { ChallengeStep, ExtrasFeed, ServerExtras } from "../model/zone-extras.ts";
import {
  decodeMessage,
  encodeMessage,
  type Message,
  makeQuery,
  RCODE,
  signMessage,
  type TsigKey,
} from "../wire/dns/mod.ts";
import { startExtras } from "./extras.ts";
import { hmac } from "./hmac.ts";
import { Responder } from "./hot/answer.ts";
import { compileWorld, healthOf } from "./hot/world.fixture.ts";
import type { Asked } from "./signed-desk.ts";

export const T = 1_800_000_000;
export const XFR: TsigKey = {
  name: "xfr.shop",
  algorithm: "hmac-sha256",
  secret: new Uint8Array(32).fill(1),
};
export const CERTS: TsigKey = {
  name: "certs.shop",
  algorithm: "hmac-sha512",
  secret: new Uint8Array(64).fill(2),
};
const secretOf = (key: TsigKey, use: "transfer" | "acme") => ({
  name: key.name,
  customer: "shop",
  use,
  algorithm: key.algorithm,
  secret: Buffer.from(key.secret).toString("base64"),
});

/** The desk of a name server over a snapshot, moved by hand. */
export function deskOf(o: { edit?: (snapshot: Snapshot) => Snapshot; extras?: ServerExtras } = {}) {
  const compiled = compileWorld();
  const zones = compiled.zones.map((zone) => {
    return { ...zone, transfer: { key: XFR.name, to: ["192.0.2.53:53", "[2001:db8::53]:53"] } };
  });
  const snapshot = (o.edit ?? ((same: Snapshot) => same))({ ...compiled, zones });
  const feed: Feed = {
    snapshot: () => snapshot,
    health: () => healthOf(compiled),
    assignment: () => NO_ASSIGNMENT,
    onSnapshot: () => () => {},
    onHealth: () => () => {},
  };
  const all = {
    tsig: [secretOf(XFR, "transfer"), secretOf(CERTS, "acme")],
    challenges: [],
    ...o.extras,
  };
  const extras: ExtrasFeed = { extras: () => all, onExtras: () => () => {} };
  const clock = new FakeClock(T * 1000);
  const updates: (readonly [string, readonly ChallengeStep[]])[] = [];
  const state = { reply: async () => RCODE.NOERROR as number };
  const responder = new Responder(1);
  const started = startExtras(
    {
      node: "a",
      listen: { hosts: ["0.0.0.0"] },
      feed,
      extras,
      update: (customer, steps) => {
        updates.push([customer, steps]);
        return state.reply();
      },
      clock,
      rng: seededRng(1),
      log: silentLog,
    },
    responder,
  );
  responder.load(started.feed.snapshot()!);
  responder.observe(feed.health(), NO_ASSIGNMENT);
  return { desk: started.desk, feed: started.feed, clock, updates, state, snapshot };
}

const FROM = Uint8Array.of(192, 0, 2, 53);
export const asked = (bytes: Uint8Array, more: Partial<Asked> = {}): Asked => ({
  bytes,
  address: FROM,
  family: 4,
  stream: true,
  secure: false,
  ...more,
});
export const sign = (message: Message, key = XFR, timeSec = T) =>
  signMessage(encodeMessage(message)!, { key, hmac, timeSec });
export const query = (name: string, type: number) => makeQuery(99, name, type);
export const read = (bytes: Uint8Array) => decodeMessage(bytes) as Message;
export const messagesOf = async (desk: ReturnType<typeof deskOf>["desk"], ask: Asked) => [
  ...(await desk.answer(ask)),
];
