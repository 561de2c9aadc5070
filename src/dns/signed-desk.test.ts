import { afterEach, describe, expect, test } from "bun:test";
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
  OPCODE,
  RCODE,
  readTsig,
  signMessage,
  TSIG_ERROR,
  type TsigKey,
  TYPE,
  verifyTsig,
} from "../wire/dns/mod.ts";
import { startExtras } from "./extras.ts";
import { hmac } from "./hmac.ts";
import { Responder } from "./hot/answer.ts";
import { compileWorld, healthOf } from "./hot/world.fixture.ts";
import type { Asked } from "./signed-desk.ts";

const T = 1_800_000_000;
const XFR: TsigKey = {
  name: "xfr.shop",
  algorithm: "hmac-sha256",
  secret: new Uint8Array(32).fill(1),
};
const CERTS: TsigKey = {
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

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** The desk of a name server over a snapshot, moved by hand. */
function deskOf(o: { edit?: (snapshot: Snapshot) => Snapshot; extras?: ServerExtras } = {}) {
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
  stops.push(() => (started.feed as { stop?: () => void }).stop?.());
  responder.load(started.feed.snapshot()!);
  responder.observe(feed.health(), NO_ASSIGNMENT);
  return { desk: started.desk, feed: started.feed, clock, updates, state, snapshot };
}

const FROM = Uint8Array.of(192, 0, 2, 53);
const asked = (bytes: Uint8Array, more: Partial<Asked> = {}): Asked => ({
  bytes,
  address: FROM,
  family: 4,
  stream: true,
  secure: false,
  ...more,
});
const sign = (message: Message, key = XFR, timeSec = T) =>
  signMessage(encodeMessage(message)!, { key, hmac, timeSec });
const query = (name: string, type: number) => makeQuery(99, name, type);
const read = (bytes: Uint8Array) => decodeMessage(bytes) as Message;
const messagesOf = async (desk: ReturnType<typeof deskOf>["desk"], ask: Asked) => [
  ...(await desk.answer(ask)),
];

describe("SignedDesk", () => {
  test("wants nothing without a key, and no response", () => {
    const none = deskOf({ extras: { tsig: [], challenges: [] } }).desk;
    const { bytes } = sign(query("hosted.example", TYPE.SOA));
    expect(none.wants(bytes, bytes.length)).toBe(false);
    const { desk } = deskOf();
    expect(desk.wants(bytes, bytes.length)).toBe(true);
    const plain = encodeMessage(query("hosted.example", TYPE.AXFR))!;
    expect(desk.wants(plain, plain.length)).toBe(false);
    bytes[2]! |= 0x80;
    expect(desk.wants(bytes, bytes.length)).toBe(false);
  });

  test("answers a signed query as any other, and signs it, bound to the query", async () => {
    const { desk } = deskOf();
    for (const stream of [true, false]) {
      const request = sign(query("cdn.example", TYPE.SOA));
      const [answer] = await messagesOf(desk, asked(request.bytes, { stream }));
      const check = { keyOf: () => XFR, hmac, nowSec: T, requestMac: request.mac };
      expect(verifyTsig(answer!, check).verdict).toBe("good");
      expect(read(answer!)).toMatchObject({ id: 99, rcode: 0, answers: [{ type: TYPE.SOA }] });
    }
  });

  test("cuts over UDP what does not fit with its signature", async () => {
    const { desk } = deskOf();
    const message = { ...query("big.hosted.example", TYPE.TXT), edns: null };
    const whole = await desk.answerOne(asked(sign(message).bytes, { stream: true }));
    expect(read(whole!).answers).toHaveLength(1);
    const cut = await desk.answerOne(asked(sign(message).bytes, { stream: false }));
    expect([read(cut!).flags & 0x200, read(cut!).answers.length]).toEqual([0x200, 0]);
    expect(cut!.length).toBeLessThanOrEqual(512);
  });

  test("refuses a wrong key, signature and time with NOTAUTH, and says which", async () => {
    const { desk } = deskOf();
    const soa = query("hosted.example", TYPE.SOA);
    const error = async (bytes: Uint8Array) => {
      const answer = await desk.answerOne(asked(bytes));
      const tsig = readTsig(answer!);
      if (tsig === null || tsig === "malformed") throw new Error("expected a TSIG");
      expect([read(answer!).rcode, read(answer!).answers]).toEqual([RCODE.NOTAUTH, []]);
      return [tsig.error, tsig.mac.length, tsig.other.length];
    };
    expect(await error(sign(soa, { ...XFR, name: "nobody.shop" }).bytes)).toEqual([
      TSIG_ERROR.BADKEY,
      0,
      0,
    ]);
    const forged = sign(soa, { ...XFR, secret: new Uint8Array(32) }).bytes;
    expect(await error(forged)).toEqual([TSIG_ERROR.BADSIG, 0, 0]);
    expect(await error(sign(soa, XFR, T - 301).bytes)).toEqual([TSIG_ERROR.BADTIME, 32, 6]);
    const malformed = sign(soa).bytes;
    malformed[malformed.length - 1] = 9;
    const answer = await desk.answerOne(asked(malformed));
    expect([answer!.length, read(answer!).rcode]).toEqual([12, RCODE.FORMERR]);
    // Signed, and nothing that can be read.
    const broken = encodeMessage(soa)!;
    broken[6] = 0;
    broken[12] = 0x3f;
    const unread = await desk.answerOne(
      asked(signMessage(broken, { key: XFR, hmac, timeSec: T }).bytes),
    );
    expect(read(unread!).rcode).toBe(RCODE.FORMERR);
  });

  test("gives a zone in messages that verify one after the other, whatever its size", async () => {
    const texts = Array.from({ length: 300 }, (_, i) => ({
      name: `n${i}.hosted.example`,
      type: "TXT",
      ttlSec: 60,
      values: [`"${"x".repeat(250)}"`, `"${i}"`],
    }));
    const long = { name: "long.hosted.example", type: "TYPE65280", ttlSec: 60 };
    const huge = { ...long, values: [`\\# 60000 ${"ab".repeat(60_000)}`] };
    const { desk, snapshot } = deskOf({
      edit: (s) => ({
        ...s,
        zones: s.zones.map((zone) => ({ ...zone, records: [...zone.records, ...texts, huge] })),
      }),
    });
    const request = sign(query("hosted.example", TYPE.AXFR));
    const messages = await messagesOf(desk, asked(request.bytes));
    expect(messages.length).toBeGreaterThan(5);
    const rows = messages.flatMap((bytes) => read(bytes).answers.map((r) => [r.name, r.type]));
    expect([rows[0], rows.at(-1)]).toEqual([
      ["hosted.example", TYPE.SOA],
      ["hosted.example", TYPE.SOA],
    ]);
    const values = snapshot.zones[0]!.records.flatMap((record) => record.values).length;
    expect(rows.length).toBeGreaterThanOrEqual(values);
    expect(rows.filter(([name]) => String(name).startsWith("n")).length).toBeGreaterThan(600);
    // The first has the question and is bound to the request; the others to the one before.
    expect(read(messages[0]!).questions).toHaveLength(1);
    expect(read(messages[1]!).questions).toHaveLength(0);
    const first = { keyOf: () => XFR, hmac, nowSec: T, requestMac: request.mac };
    expect(verifyTsig(messages[0]!, first).verdict).toBe("good");
    let prior = request.mac;
    for (const [i, bytes] of messages.entries()) {
      const tsig = readTsig(bytes);
      if (tsig === null || tsig === "malformed") throw new Error("expected a TSIG");
      const bare = Uint8Array.from(bytes.subarray(0, tsig.at));
      bare[11]! -= 1;
      const again = signMessage(bare, {
        key: XFR,
        hmac,
        timeSec: T,
        priorMac: prior,
        further: i > 0,
      });
      expect(again.mac).toEqual(Buffer.from(tsig.mac));
      prior = again.mac;
    }
  });

  test("refuses a transfer to another address, key or zone, over UDP, and one too many", async () => {
    const { desk } = deskOf();
    const rcode = async (name: string, o: { key?: TsigKey } & Partial<Asked> = {}) => {
      const { key = XFR, ...more } = o;
      for (const type of [TYPE.AXFR, TYPE.IXFR]) {
        const messages = await messagesOf(desk, asked(sign(query(name, type), key).bytes, more));
        expect(messages.flatMap((bytes) => read(bytes).answers)).toEqual([]);
        const codes = messages.map((bytes) => read(bytes).rcode);
        expect(codes).toEqual([RCODE.REFUSED]);
      }
    };
    await rcode("hosted.example", { address: Uint8Array.of(192, 0, 2, 54) });
    await rcode("hosted.example", { key: CERTS });
    await rcode("hosted.example", { stream: false });
    await rcode("cdn.example");
    await rcode("www.shop.example");
    await rcode("elsewhere.test");
    const v6 = new Uint8Array(16);
    v6.set([0x20, 1, 0x0d, 0xb8]);
    v6[15] = 0x53;
    const begin = async () => {
      const { bytes } = sign(query("HOSTED.example", TYPE.AXFR));
      const messages = (await desk.answer(asked(bytes, { address: v6, family: 6 })))[
        Symbol.iterator
      ]();
      return { messages, code: read(messages.next().value!).rcode };
    };
    const running = [];
    for (let i = 0; i < 8; i++) running.push(await begin());
    expect(running.map(({ code }) => code)).toEqual(new Array(8).fill(RCODE.NOERROR));
    expect((await begin()).code).toBe(RCODE.SERVFAIL);
    // A connection that ends gives its place back.
    running[0]!.messages.return?.();
    expect((await begin()).code).toBe(RCODE.NOERROR);
  });

  test("names zones of ours below, which the secondary does not have, by their NS", async () => {
    const { desk } = deskOf({
      edit: (s) => ({
        ...s,
        zones: [
          ...s.zones,
          { name: "deep.hosted.example", customer: "shop", records: [] },
          { name: "own.hosted.example", customer: "shop", records: [] },
        ].map((zone) => {
          if (zone.name !== "hosted.example") return zone;
          const of = { name: "own.hosted.example", ttlSec: 60 };
          const hidden = {
            name: "x.deep.hosted.example",
            ttlSec: 60,
            type: "A",
            values: ["192.0.2.1"],
          };
          const ns = { ...of, type: "NS", values: ["ns.elsewhere.example"] };
          return { ...zone, records: [...zone.records, hidden, ns] };
        }),
      }),
    });
    const messages = await messagesOf(desk, asked(sign(query("hosted.example", TYPE.AXFR)).bytes));
    const rows = messages.flatMap((bytes) => read(bytes).answers);
    const ns = (name: string) =>
      rows.flatMap((r) => (r.name === name && r.data.kind === "name" ? [r.data.name] : []));
    expect(ns("deep.hosted.example")).toEqual(["ns1-shop.cdn.example", "ns2-shop.cdn.example"]);
    expect(ns("own.hosted.example")).toEqual(["ns.elsewhere.example"]);
    expect(rows.some((r) => r.name === "x.deep.hosted.example")).toBe(false);
  });
});

describe("updates (RFC 2136)", () => {
  const NAME = "_acme-challenge.a.hosted.example";
  const txt = (name: string, value: string, klass = 1) => ({
    name,
    type: TYPE.TXT,
    class: klass,
    ttlSec: 0,
    data: { kind: "texts" as const, texts: [new TextEncoder().encode(value)] },
  });
  const nothing = (name: string, type: number) => ({
    name,
    type,
    class: 255,
    ttlSec: 0,
    data: { kind: "raw" as const, bytes: new Uint8Array(0) },
  });
  const update = (authorities: Message["authorities"], more: Partial<Message> = {}): Message => ({
    ...query("hosted.example", TYPE.SOA),
    edns: null,
    opcode: OPCODE.UPDATE,
    authorities,
    ...more,
  });

  test("become steps for the customer whose key signed them", async () => {
    const { desk, updates } = deskOf();
    const message = update([
      txt(NAME.toUpperCase(), "one"),
      txt(NAME, "two", 254),
      nothing(NAME, TYPE.TXT),
      nothing(NAME, TYPE.ANY),
    ]);
    const request = sign(message, CERTS);
    const answer = await desk.answerOne(asked(request.bytes, { stream: false }));
    const check = { keyOf: () => CERTS, hmac, nowSec: T, requestMac: request.mac };
    expect(verifyTsig(answer!, check).verdict).toBe("good");
    expect([read(answer!).rcode, read(answer!).opcode]).toEqual([0, OPCODE.UPDATE]);
    expect(updates).toEqual([
      [
        "shop",
        [
          { action: "add", name: NAME, value: "one" },
          { action: "remove", name: NAME, value: "two" },
          { action: "remove", name: NAME, value: null },
          { action: "remove", name: NAME, value: null },
        ],
      ],
    ]);
    expect(read((await desk.answerOne(asked(sign(update([]), CERTS).bytes)))!).rcode).toBe(0);
  });

  test("of anything else are refused whole", async () => {
    const { desk, updates } = deskOf();
    const code = async (message: Message, key = CERTS) =>
      read((await desk.answerOne(asked(sign(message, key).bytes)))!).rcode;
    const good = txt(NAME, "one");
    const a = { ...good, type: TYPE.A, data: { kind: "address" as const, address: "192.0.2.1" } };
    const zone = (name: string, type: number = TYPE.SOA, klass = 1) => ({
      questions: [{ name, type, class: klass }],
    });
    for (const [message, expected] of [
      [update([good, txt("a.hosted.example", "x")]), RCODE.REFUSED],
      [update([good, a]), RCODE.REFUSED],
      [
        update([{ ...good, class: 3, data: { kind: "raw", bytes: new Uint8Array(1) } }]),
        RCODE.REFUSED,
      ],
      [update([nothing(NAME, TYPE.A)]), RCODE.REFUSED],
      [update([txt(NAME, "two words")]), RCODE.REFUSED],
      [update([txt(NAME, "")]), RCODE.REFUSED],
      [
        update([
          { ...good, data: { kind: "texts", texts: [new Uint8Array(1), new Uint8Array(1)] } },
        ]),
        RCODE.REFUSED,
      ],
      [update([good], { answers: [nothing(NAME, TYPE.ANY)] }), RCODE.REFUSED],
      [update(new Array(21).fill(good)), RCODE.REFUSED],
      [update([txt("_acme-challenge.elsewhere.test", "x")]), RCODE.NOTZONE],
      [update([good], zone("elsewhere.test")), RCODE.NOTAUTH],
      [update([good], zone("cdn.example")), RCODE.NOTAUTH],
      [update([good], zone("hosted.example", TYPE.SOA, 3)), RCODE.NOTAUTH],
      [update([good], zone("hosted.example", TYPE.A)), RCODE.FORMERR],
      [update([good], { questions: [] }), RCODE.FORMERR],
    ] as const) {
      expect([message, await code(message as Message)]).toEqual([message, expected]);
    }
    expect(await code(update([good]), XFR)).toBe(RCODE.REFUSED);
    expect(updates).toEqual([]);
  });

  test("say SERVFAIL when control does not answer, and what it says when it does", async () => {
    const { desk, state } = deskOf();
    const code = async () =>
      read((await desk.answerOne(asked(sign(update([txt(NAME, "x")]), CERTS).bytes)))!).rcode;
    state.reply = () => Promise.reject(new Error("nobody there"));
    expect(await code()).toBe(RCODE.SERVFAIL);
    state.reply = async () => RCODE.REFUSED;
    expect(await code()).toBe(RCODE.REFUSED);
  });

  test("are answered as TXT until they end, in hosted zones and at delegated hostnames", () => {
    const challenge = (name: string, value: string, expiresMs: number) => ({
      customer: "shop",
      ...{ name, value, expiresMs },
    });
    const own = "_acme-challenge.www.shop.example";
    const challenges = [
      challenge(NAME, "one", T * 1000 + 5000),
      challenge(NAME, "two", T * 1000 + 9000),
      challenge(own, "three", T * 1000 + 5000),
      challenge("_acme-challenge.elsewhere.test", "four", T * 1000 + 5000),
      challenge(NAME, "ended", T * 1000),
    ];
    const { feed } = deskOf({ extras: { tsig: [], challenges } });
    const snapshot = feed.snapshot()!;
    const records = snapshot.zones.find((zone) => zone.name === "hosted.example")!.records;
    expect(records.filter((record) => record.name === NAME)).toEqual([
      { name: NAME, type: "TXT", ttlSec: 5, values: ['"one"', '"two"'] },
    ]);
    const site = snapshot.sites.find((one) => one.hostname === "www.shop.example")!;
    expect(site.records?.filter((record) => record.name === own)).toHaveLength(1);
    expect(JSON.stringify(snapshot)).not.toMatch(/"four|ended/);
  });
});
