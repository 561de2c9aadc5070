import { describe, expect, test } from "bun:test";
import dnsPacket from "dns-packet";
import fc from "fast-check";
import {
  decodeMessage,
  encodeMessage,
  encodeName,
  FAULT,
  isWireFault,
  type Message,
  makeQuery,
  type ResourceRecord,
  TYPE,
} from "./mod.ts";

const octet = fc.integer({ min: 0, max: 255 });
const label = fc.oneof(
  fc.constantFrom("www", "shop", "example", "cdn", "c", "a"),
  fc.array(octet, { minLength: 1, maxLength: 12 }).map((octets) => {
    return octets
      .map((o) =>
        /[A-Za-z0-9-]/.test(String.fromCharCode(o)) ? String.fromCharCode(o) : escaped(o),
      )
      .join("");
  }),
);
const name = fc.array(label, { maxLength: 6 }).map((labels) => labels.join("."));

function escaped(o: number): string {
  if (o === 0x2e || o === 0x5c) return `\\${String.fromCharCode(o)}`;
  if (o > 0x20 && o < 0x7f) return String.fromCharCode(o);
  return `\\${String(o).padStart(3, "0")}`;
}

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const raw = fc.uint8Array({ maxLength: 40 });

const record: fc.Arbitrary<ResourceRecord> = fc
  .record({
    name,
    ttlSec: u32,
    typed: fc.oneof(
      fc.record({
        type: fc.constant<number>(TYPE.A),
        data: fc.ipV4().map((address) => ({ kind: "address" as const, address })),
      }),
      fc.record({
        type: fc.constantFrom<number>(TYPE.NS, TYPE.CNAME, TYPE.PTR),
        data: name.map((n) => ({ kind: "name" as const, name: n })),
      }),
      fc.record({
        type: fc.constant<number>(TYPE.SOA),
        data: fc
          .record({
            mname: name,
            rname: name,
            serial: u32,
            refreshSec: u32,
            retrySec: u32,
            expireSec: u32,
            minimumSec: u32,
          })
          .map((soa) => ({ kind: "soa" as const, soa })),
      }),
      fc.record({
        type: fc.constant<number>(TYPE.TXT),
        data: fc
          .array(raw, { minLength: 1, maxLength: 3 })
          .map((texts) => ({ kind: "texts" as const, texts })),
      }),
      fc.record({
        type: fc.integer({ min: 1000, max: 65_000 }),
        data: raw.map((bytes) => ({ kind: "raw" as const, bytes })),
      }),
    ),
  })
  .map(({ name, ttlSec, typed }) => ({ name, class: 1, ttlSec, ...typed }));

const message: fc.Arbitrary<Message> = fc.record({
  id: u16,
  opcode: fc.integer({ min: 0, max: 15 }),
  rcode: fc.integer({ min: 0, max: 15 }),
  flags: fc.constantFrom(0, 0x8400, 0x0100, 0x8780, 0x0030),
  questions: fc.array(fc.record({ name, type: u16, class: u16 }), { maxLength: 2 }),
  answers: fc.array(record, { maxLength: 4 }),
  authorities: fc.array(record, { maxLength: 2 }),
  additionals: fc.array(record, { maxLength: 2 }),
  edns: fc.option(
    fc.record({
      payloadBytes: u16,
      version: fc.constant(0),
      dnssecOk: fc.boolean(),
      clientSubnet: fc.constantFrom(null, {
        family: 4 as const,
        address: new Uint8Array([198, 51, 100, 0]),
        sourceBits: 24,
        scopeBits: 16,
      }),
      options: fc.array(fc.record({ code: fc.constant(10), data: raw }), { maxLength: 2 }),
    }),
  ),
});

describe("encodeMessage() and decodeMessage()", () => {
  test("give back every message", () => {
    fc.assert(
      fc.property(message, (m) => {
        expect(decodeMessage(encodeMessage(m)!)).toEqual(m);
      }),
      { numRuns: 400 },
    );
  });

  test("carry a response code of more than four bits in the OPT record", () => {
    const bad = { ...makeQuery(7, "c.cdn.example", TYPE.A), rcode: 16 };
    expect(decodeMessage(encodeMessage(bad)!)).toEqual(bad);
  });

  test("compress names against those before", () => {
    const ns = (to: string): ResourceRecord => ({
      name: "shop.example",
      type: TYPE.NS,
      class: 1,
      ttlSec: 60,
      data: { kind: "name", name: to },
    });
    const m = {
      ...makeQuery(1, "shop.example", TYPE.NS),
      edns: null,
      answers: [ns("ns-a.cdn.shop.example"), ns("ns-b.cdn.shop.example")],
    };
    // 12 header, 18 question; 2 + 10 + (5 + 4 + 2) and 2 + 10 + (5 + 2).
    expect(encodeMessage(m)?.length).toBe(30 + 23 + 19);
    expect(decodeMessage(encodeMessage(m)!)).toEqual(m);
  });

  test("refuse to write more than fits", () => {
    const m = makeQuery(1, "c.cdn.example", TYPE.A);
    const size = encodeMessage(m)!.length;
    expect(encodeMessage(m, size)?.length).toBe(size);
    expect(encodeMessage(m, size - 1)).toBeNull();
  });

  test("agree with dns-packet on what it can say", () => {
    const packet = dnsPacket.encode({
      type: "response",
      id: 99,
      flags: dnsPacket.AUTHORITATIVE_ANSWER,
      questions: [{ type: "A", name: "www.shop.example" }],
      answers: [
        { type: "CNAME", name: "www.shop.example", ttl: 60, data: "x.gtm.cdn.example" },
        { type: "A", name: "x.gtm.cdn.example", ttl: 20, data: "192.0.2.7" },
        { type: "AAAA", name: "x.gtm.cdn.example", ttl: 20, data: "2001:db8::7" },
        { type: "TXT", name: "x.gtm.cdn.example", ttl: 20, data: ["a", "b c"] },
      ],
    });
    const read = decodeMessage(Uint8Array.from(packet)) as Message;
    expect(read.answers.map((a) => [a.name, a.type, a.ttlSec, a.data])).toEqual([
      ["www.shop.example", 5, 60, { kind: "name", name: "x.gtm.cdn.example" }],
      ["x.gtm.cdn.example", 1, 20, { kind: "address", address: "192.0.2.7" }],
      ["x.gtm.cdn.example", 28, 20, { kind: "address", address: "2001:db8::7" }],
      [
        "x.gtm.cdn.example",
        16,
        20,
        { kind: "texts", texts: [Uint8Array.of(97), Uint8Array.of(98, 32, 99)] },
      ],
    ]);
    const back = dnsPacket.decode(Buffer.from(encodeMessage(read)!));
    expect(back.answers?.map((a) => [a.name, a.type, "data" in a ? a.data : null])).toEqual([
      ["www.shop.example", "CNAME", "x.gtm.cdn.example"],
      ["x.gtm.cdn.example", "A", "192.0.2.7"],
      ["x.gtm.cdn.example", "AAAA", "2001:db8::7"],
      ["x.gtm.cdn.example", "TXT", [Buffer.from("a"), Buffer.from("b c")]],
    ]);
  });
});

describe("decodeMessage()", () => {
  const header = (questions: number) => [0, 1, 0, 0, 0, questions, 0, 0, 0, 0, 0, 0];
  const decode = (...octets: number[]) => decodeMessage(Uint8Array.from(octets));

  test("refuses pointers to themselves, forwards, into the header and in a loop (D3)", () => {
    expect(decode(...header(1), 0xc0, 12, 0, 1, 0, 1)).toBe(FAULT.POINTER);
    expect(decode(...header(1), 0xc0, 14, 0, 1, 0, 1)).toBe(FAULT.POINTER);
    expect(decode(...header(1), 0xc0, 4, 0, 1, 0, 1)).toBe(FAULT.POINTER);
    // The second name points at the first, whose end points at the second.
    const loop = [1, 97, 0xc0, 20, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1];
    expect(decode(...header(2), ...loop)).toBe(FAULT.POINTER);
  });

  test("bounds chains of pointers", () => {
    const chain = (n: number) => {
      const octets = [0];
      for (let i = 0; i < n; i++) octets.push(0xc0, i === 0 ? 23 : 22 + i * 2);
      return octets;
    };
    // A record of raw data that holds the chain, then a question-like record named by its end.
    const build = (n: number) => {
      const data = chain(n);
      const last = 22 + n * 2;
      const first = [0, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, data.length];
      return decode(
        ...[0, 1, 0x80, 0, 0, 0, 0, 2, 0, 0, 0, 0],
        ...first,
        ...data,
        ...[0xc0, last, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0],
      );
    };
    expect(isWireFault(build(8))).toBe(false);
    expect(build(100)).toBe(FAULT.POINTER);
  });

  test("refuses long labels, long names and retired label types (D4)", () => {
    expect(decode(...header(1), 64, ...new Array(64).fill(97), 0, 0, 1, 0, 1)).toBe(FAULT.LABEL);
    expect(decode(...header(1), 0x80, 0, 0, 1, 0, 1)).toBe(FAULT.LABEL);
    const long = new Array(128).fill([1, 97]).flat();
    expect(decode(...header(1), ...long, 0, 0, 1, 0, 1)).toBe(FAULT.NAME_TOO_LONG);
    const most = new Array(127).fill([1, 97]).flat();
    expect(isWireFault(decode(...header(1), ...most, 0, 0, 1, 0, 1))).toBe(false);
    expect(decode(...header(1), 5, 97)).toBe(FAULT.SHORT);
  });

  test("writes dots, NULs and backslashes inside labels so that a log can hold them (D4)", () => {
    const read = decode(...header(1), 4, 0, 0x2e, 0x5c, 10, 0, 0, 1, 0, 1) as Message;
    expect(read.questions[0]?.name).toBe("\\000\\.\\\\\\010");
    expect(encodeName(read.questions[0]!.name)).toEqual(Uint8Array.of(4, 0, 0x2e, 0x5c, 10, 0));
  });

  test("refuses two OPT records and what follows the last record", () => {
    const opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
    expect(decode(0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, ...opt, ...opt)).toBe(FAULT.EDNS);
    expect(decode(0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, ...opt)).toBe(FAULT.EDNS);
    expect(decode(...header(0), 0)).toBe(FAULT.TRAILING);
  });

  test("never throws, whatever it reads", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        decodeMessage(bytes);
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(message, fc.array(fc.tuple(u16, octet), { maxLength: 6 }), (m, changes) => {
        const bytes = encodeMessage(m)!;
        for (const [at, value] of changes) bytes[at % bytes.length] = value;
        const read = decodeMessage(bytes);
        // What it accepts it can write again, and reads the same.
        if (!isWireFault(read)) expect(decodeMessage(encodeMessage(read)!)).toEqual(read);
      }),
      { numRuns: 1500 },
    );
  });
});

describe("encodeName()", () => {
  test("refuses what is no name", () => {
    for (const text of ["a..b", ".a", "a".repeat(64), `${"abcdefg.".repeat(32)}`, "a\\", "ü€"]) {
      expect([text, encodeName(text)]).toEqual([text, null]);
    }
    expect(encodeName("a.b.")).toEqual(encodeName("a.b"));
    expect(encodeName("")).toEqual(new Uint8Array(1));
  });
});
