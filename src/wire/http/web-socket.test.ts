import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  CLOSE,
  closePayload,
  FrameReader,
  maySend,
  NO_CODE,
  OPCODE,
  writeFrame,
} from "./web-socket.ts";

type Seen = readonly [what: string, more?: string | number, reason?: string];

/** Everything that a reader says of these bytes, in the parts given. */
function read(parts: readonly Uint8Array[], messageBytesMax = 1_000): Seen[] {
  const seen: Seen[] = [];
  const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
  const reader = new FrameReader({
    messageBytesMax,
    events: {
      message: (bytes, isText) => seen.push([isText ? "text" : "binary", hex(bytes)]),
      ping: (bytes) => seen.push(["ping", hex(bytes)]),
      pong: () => seen.push(["pong"]),
      close: (code, reason) => seen.push(["close", code, reason]),
      fault: (code) => seen.push(["fault", code]),
    },
  });
  for (const part of parts) reader.push(part);
  return seen;
}

/** A frame as a server sends it. */
function frame(opcode: number, payload: Uint8Array, o: { fin?: boolean; first?: number } = {}) {
  const masked = writeFrame(opcode, payload, new Uint8Array(4));
  const head = masked.length - payload.length - 4;
  const bytes = Buffer.concat([masked.subarray(0, head), payload]);
  bytes[1]! &= 0x7f;
  if (o.fin === false) bytes[0]! &= 0x7f;
  if (o.first !== undefined) bytes[0] = o.first;
  return bytes;
}

const utf8 = (text: string) => new TextEncoder().encode(text);
const hexOf = (text: string) => Buffer.from(text).toString("hex");

describe("FrameReader", () => {
  const message = fc.record({
    isText: fc.boolean(),
    text: fc.string({ unit: "grapheme", maxLength: 300 }),
    cuts: fc.array(fc.nat(300), { maxLength: 4 }),
    pings: fc.boolean(),
  });

  test("reads messages as they were said, however they are cut into frames and parts", () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 6 }),
        fc.integer({ min: 1, max: 50 }),
        (said, step) => {
          const frames: Uint8Array[] = [];
          const expected: Seen[] = [];
          for (const { isText, text, cuts, pings } of said) {
            const bytes = utf8(text);
            const ends = [...cuts.filter((at) => at < bytes.length).sort((a, b) => a - b)];
            let from = 0;
            for (const [i, end] of [...ends, bytes.length].entries()) {
              const opcode = i > 0 ? OPCODE.continuation : isText ? OPCODE.text : OPCODE.binary;
              frames.push(frame(opcode, bytes.subarray(from, end), { fin: i === ends.length }));
              if (pings && i < ends.length) {
                frames.push(frame(OPCODE.ping, utf8(`p${i}`)));
                expected.push(["ping", hexOf(`p${i}`)]);
              }
              from = end;
            }
            expected.push([isText ? "text" : "binary", Buffer.from(bytes).toString("hex")]);
          }
          const all = Buffer.concat(frames);
          const parts = Array.from({ length: Math.ceil(all.length / step) }, (_, i) =>
            all.subarray(i * step, (i + 1) * step),
          );
          expect(read(parts, 100_000)).toEqual(expected);
        },
      ),
    );
  });

  test("what a client writes is what a server reads, of every length of length", () => {
    for (const length of [0, 1, 125, 126, 65_535, 65_536, 70_000]) {
      const payload = Uint8Array.from({ length }, (_, i) => i % 251);
      const mask = Uint8Array.of(1, 2, 3, 4);
      const written = writeFrame(OPCODE.binary, payload, mask);
      const head = written.length - length - 4;
      expect([...written.subarray(head, head + 4)]).toEqual([1, 2, 3, 4]);
      const plain = written.slice(head + 4).map((byte, i) => byte ^ mask[i & 3]!);
      const said = Buffer.concat([written.subarray(0, head), plain]);
      expect(said[1]! & 0x80).toBe(0x80);
      said[1]! &= 0x7f;
      expect(read([said], 100_000)).toEqual([["binary", Buffer.from(payload).toString("hex")]]);
    }
  });

  test("ends for what a server may not say, as soon as it is said (RFC 6455 5)", () => {
    const big = new Uint8Array(8);
    const cases: readonly (readonly [string, Uint8Array, number])[] = [
      ["a mask", Uint8Array.of(0x81, 0x80), CLOSE.protocol],
      ["a bit of an extension", frame(1, utf8("a"), { first: 0xc1 }), CLOSE.protocol],
      ["an opcode of nobody's", frame(3, utf8("a")), CLOSE.protocol],
      ["a control opcode of nobody's", frame(11, utf8("a")), CLOSE.protocol],
      ["a part of no message", frame(0, utf8("a")), CLOSE.protocol],
      [
        "a message within another",
        Buffer.concat([frame(1, utf8("a"), { fin: false }), frame(1, utf8("b"))]),
        CLOSE.protocol,
      ],
      ["a control frame in parts", frame(9, utf8("a"), { fin: false }), CLOSE.protocol],
      ["a long control frame", Uint8Array.of(0x89, 126), CLOSE.protocol],
      ["a length that could be shorter", Uint8Array.of(0x82, 126, 0, 125), CLOSE.protocol],
      ["one of eight octets", Uint8Array.of(0x82, 127, ...big.fill(0, 0, 8)), CLOSE.protocol],
      ["a message that is too long", Uint8Array.of(0x82, 126, 3, 233), CLOSE.tooLarge],
      ["the largest length", Uint8Array.of(0x82, 127, ...big.fill(255)), CLOSE.tooLarge],
      ["text that is none", frame(1, Uint8Array.of(0xc3, 0x28)), CLOSE.notText],
      ["half a character", frame(1, Uint8Array.of(0xe2, 0x82)), CLOSE.notText],
      ["a close of one octet", frame(8, Uint8Array.of(3)), CLOSE.protocol],
      ["a code that is never sent", frame(8, Uint8Array.of(3, 237)), CLOSE.protocol],
      ["a reason that is no text", frame(8, Uint8Array.of(3, 232, 0xff)), CLOSE.notText],
    ];
    for (const [what, bytes, code] of cases) {
      const after = frame(2, utf8("more"));
      expect([what, read([bytes, after])]).toEqual([what, [["fault", code]]]);
      const octets = Array.from(bytes, (byte) => Uint8Array.of(byte));
      expect([what, read(octets)]).toEqual([what, [["fault", code]]]);
    }
  });

  test("holds no more than a message may have, in however many frames it comes", () => {
    const empty = frame(0, new Uint8Array(0), { fin: false });
    const one = frame(0, utf8("a"), { fin: false });
    const first = frame(2, new Uint8Array(0), { fin: false });
    const many = Buffer.concat([first, ...Array.from({ length: 5_000 }, () => empty)]);
    expect(read([many])).toEqual([]);
    const most = Buffer.concat([many, ...Array.from({ length: 1_000 }, () => one)]);
    expect(read([most])).toEqual([]);
    expect(read([most, one])).toEqual([["fault", CLOSE.tooLarge]]);
    expect(read([most, frame(0, new Uint8Array(0))])).toEqual([["binary", "61".repeat(1_000)]]);
  });

  test("nothing is read after a close; a close without a code is one", () => {
    const said = Buffer.concat([frame(8, closePayload(4_001, "bye")), frame(1, utf8("a"))]);
    expect(read([said])).toEqual([["close", 4_001, "bye"]]);
    expect(read([frame(8, new Uint8Array(0))])).toEqual([["close", NO_CODE, ""]]);
  });

  test("no bytes make it throw", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 }), (parts) => {
        expect(read(parts).length).toBeLessThan(400);
      }),
    );
  });
});

test("closePayload() says no code that may not be said, and cuts a long reason between characters", () => {
  for (const code of [0, 999, 1004, NO_CODE, 1006, 1015, 2_999, 5_000]) {
    expect([code, maySend(code), closePayload(code, "x").length]).toEqual([code, false, 0]);
  }
  expect([...closePayload(1_000, "ok")]).toEqual([3, 232, ...utf8("ok")]);
  const long = closePayload(1_001, "é".repeat(100));
  expect(long.length).toBe(2 + 122);
  expect(new TextDecoder("utf-8", { fatal: true }).decode(long.subarray(2))).toBe("é".repeat(61));
});
