import { describe, expect, test } from "bun:test";
import {
  encodeMessage,
  RCODE,
  readTsig,
  signMessage,
  TSIG_ERROR,
  type TsigKey,
  TYPE,
  verifyTsig,
} from "../wire/dns/mod.ts";
import { hmac } from "./hmac.ts";
import {
  asked,
  CERTS,
  deskOf,
  messagesOf,
  query,
  read,
  sign,
  T,
  XFR,
} from "./signed-desk.fixture.ts";
import type { Asked } from "./signed-desk.ts";

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
      const { id, rcode, answers } = read(answer!);
      expect([id, rcode, answers.map((one) => one.type)]).toEqual([99, 0, [TYPE.SOA]]);
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
