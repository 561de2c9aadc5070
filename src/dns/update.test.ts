import { describe, expect, test } from "bun:test";
import { compileNames } from "../policy/snapshot/mod.ts";
import { type Message, OPCODE, RCODE, TYPE, verifyTsig } from "../wire/dns/mod.ts";
import { hmac } from "./hmac.ts";
import { asked, CERTS, deskOf, query, read, sign, T, XFR } from "./signed-desk.fixture.ts";

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
      { ...challenge("_acme-challenge.hosted.example", "four", T * 1000 + 5000), customer: "blog" },
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

  test("of the network's own zone are answered there, and only what the network itself has set", () => {
    const { feed: bare } = deskOf({ extras: { tsig: [], challenges: [] } });
    const { zone } = bare.snapshot()!;
    const name = `_acme-challenge.c.${zone}`;
    const expiresMs = T * 1000 + 5000;
    const challenges = [
      { customer: "", name, value: "ours", expiresMs },
      { customer: "shop", name, value: "theirs", expiresMs },
      { customer: "", name: "_acme-challenge.hosted.example", value: "astray", expiresMs },
    ];
    const { feed } = deskOf({ extras: { tsig: [], challenges } });
    const snapshot = feed.snapshot()!;
    expect(snapshot.ownRecords).toEqual([{ name, type: "TXT", ttlSec: 5, values: ['"ours"'] }]);
    expect(compileNames(snapshot).names.get(name)?.records).toHaveLength(1);
    expect(JSON.stringify(snapshot)).not.toMatch(/theirs|astray/);
  });

  test("CAA that the operator asks for is answered at the network's own zone, and nowhere else", () => {
    const caa = ['0 issue "ca.example"', '0 issuewild ";"'];
    const { feed } = deskOf({ extras: { tsig: [], challenges: [], caa } });
    const snapshot = feed.snapshot()!;
    const { zone } = snapshot;
    const { names } = compileNames(snapshot);
    expect(names.get(zone)?.records).toEqual([
      { name: zone, type: "CAA", ttlSec: 60, values: caa },
    ]);
    const others = [...names].filter(([name]) => name !== zone);
    const found = others.filter(([, { records }]) => records.some(({ type }) => type === "CAA"));
    expect(found).toEqual([]);
  });
});
