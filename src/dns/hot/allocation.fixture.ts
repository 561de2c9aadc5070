// Answers packets of every kind, with a word on stderr before each kind; see allocation.test.ts.
import { FakeClock } from "../../base/clock.ts";
import { NO_ASSIGNMENT } from "../../model/assignment.ts";
import {
  COOKIE_BYTES,
  Cookies,
  encodeMessage,
  makeQuery,
  OPTION,
  TYPE,
} from "../../wire/dns/mod.ts";
import { keyOf } from "../sign-keys.fixture.ts";
import { openKeys } from "../sign-keys.ts";
import { type Packet, Responder } from "./answer.ts";
import { compileWorld, healthOf, WORLD } from "./world.fixture.ts";

/** For each kind; all kinds together make more than a million. */
const PACKETS = 75_000;
const WARM_UP = 30_000;
/** The kind that allocates, to show that it would be seen. */
export const CONTROL = "an object for each";
const OUT = new Uint8Array(1232);
const LOOPBACK = Uint8Array.of(127, 0, 0, 1);

interface Asked {
  readonly type?: number;
  readonly edns?: boolean;
  readonly dnssecOk?: boolean;
  readonly subnet?: boolean;
  readonly cookie?: Uint8Array;
  readonly from?: Uint8Array;
}

function packetOf(name: string, o: Asked): Packet {
  const query = makeQuery(9, name, o.type ?? TYPE.A);
  const address = Uint8Array.of(198, 51, 100, 0);
  const edns = {
    ...query.edns!,
    dnssecOk: o.dnssecOk ?? false,
    clientSubnet: o.subnet ? { family: 4 as const, address, sourceBits: 24, scopeBits: 0 } : null,
    options: o.cookie ? [{ code: OPTION.COOKIE, data: o.cookie }] : [],
  };
  const plain = o.edns === false;
  const bytes = encodeMessage({ ...query, edns: plain ? null : edns }, 1232)!;
  const from = o.from ?? LOOPBACK;
  return { bytes, length: bytes.length, address: from, addressAt: 0, family: 4, stream: false };
}

function started(): Responder {
  const file = structuredClone(WORLD) as typeof WORLD & { dnssec?: boolean };
  file.dnssec = true;
  const snapshot = compileWorld(file);
  const responder = new Responder(1, {
    nsid: "a",
    cookies: { secrets: [SECRET], required: false },
    rateLimits: {
      answersPerSec: 1000,
      nxdomainPerSec: 200,
      errorsPerSec: 100,
      slip: 2,
      exempt: ["127.0.0.0/8"],
    },
    sampleEach: 0,
  });
  responder.sign(openKeys([keyOf("cdn.example")], new FakeClock()));
  responder.load(snapshot);
  responder.observe(healthOf(snapshot), NO_ASSIGNMENT);
  responder.tick(NOW_SEC * 1000);
  return responder;
}

const SECRET = new Uint8Array(16).fill(7);
const NOW_SEC = 1_700_000_000;
const CLIENT_COOKIE = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

function ourCookie(): Uint8Array {
  const out = new Uint8Array(COOKIE_BYTES);
  const asker = { bytes: CLIENT_COOKIE, address: LOOPBACK, addressAt: 0, family: 4 as const };
  new Cookies([SECRET]).make(asker, 0, { out, nowSec: NOW_SEC });
  return out;
}

export const KINDS: readonly (readonly [string, string, Asked])[] = [
  ["a steered address", "www.shop.example", { edns: false }],
  ["a steered address with client subnet", "www.shop.example", { subnet: true }],
  ["a cache's address with a client's cookie", "c.cdn.example", { cookie: CLIENT_COOKIE }],
  ["a cache's address with a cookie of ours", "c.cdn.example", { cookie: ourCookie() }],
  ["a steered address that is signed", "c.cdn.example", { dnssecOk: true }],
  ["a steered address behind a CNAME", "first.hosted.example", {}],
  ["all servers when all are down", "none.up.example", {}],
  ["a plain record", "mail.hosted.example", {}],
  ["a set that names hosts", "hosted.example", { type: TYPE.NS }],
  ["a referral", "x.sub.hosted.example", {}],
  ["no data", "mail.hosted.example", { type: TYPE.MX }],
  ["no name", "none.hosted.example", {}],
  ["ANY", "mail.hosted.example", { type: TYPE.ANY }],
  ["a name that is not ours", "www.other.test", {}],
  ["a client beyond its limit", "mail.hosted.example", { from: Uint8Array.of(9, 9, 9, 9) }],
];

function run(kind: string, one: (i: number) => void): void {
  for (let i = 0; i < WARM_UP; i++) one(i);
  process.stderr.write(`\n== ${kind}\n`);
  for (let i = 0; i < PACKETS; i++) one(i);
  process.stderr.write("\n== -\n");
}

if (import.meta.main) {
  const kept: object[] = [{}];
  run(CONTROL, (i) => {
    kept[0] = { i };
  });
  for (const [kind, name, asked] of KINDS) {
    const responder = started();
    const packet = packetOf(name, asked);
    run(kind, () => {
      responder.answer(packet, OUT);
    });
    if (responder.failures > 0) throw new Error(`${kind}: ${responder.failures} failures`);
  }
}
