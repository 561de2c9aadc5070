import { expect, test } from "bun:test";
import packet from "dns-packet";
import fc from "fast-check";
import { decodeMessage, encodeAnswer, encodeQuery, nameOf, TYPE } from "./message.ts";

test("A query with a client subnet is read back by dns-packet", () => {
  const query = encodeQuery({
    id: 77,
    name: "www.shop.example",
    type: TYPE.A,
    subnet: "203.0.113.0/24",
  });
  const read = packet.decode(Buffer.from(query));
  expect(read.id).toBe(77);
  expect(read.questions).toMatchObject([{ name: "www.shop.example", type: "A", class: "IN" }]);
  expect(JSON.stringify(read.additionals)).toContain('"ip":"203.0.113.0"');
});

test("A compressed answer of dns-packet is read, with names written out whole", () => {
  const bytes = packet.encode({
    type: "response",
    id: 9,
    flags: packet.AUTHORITATIVE_ANSWER,
    questions: [{ type: "A", name: "www.news.example" }],
    answers: [
      { type: "CNAME", name: "www.news.example", ttl: 60, data: "abc.gtm.cdn.example" },
      { type: "A", name: "abc.gtm.cdn.example", ttl: 5, data: "127.22.1.1" },
    ],
    additionals: [
      {
        type: "OPT",
        name: ".",
        udpPayloadSize: 1232,
        extendedRcode: 0,
        ednsVersion: 0,
        flags: 0,
        flag_do: false,
        options: [
          {
            code: 8,
            type: "CLIENT_SUBNET",
            family: 1,
            sourcePrefixLength: 24,
            scopePrefixLength: 24,
            ip: "203.0.113.0",
          },
        ],
      },
    ],
  });
  const read = decodeMessage(bytes)!;
  expect(read).toMatchObject({ id: 9, authoritative: true, subnetScope: 24 });
  expect(nameOf(read.answers[0]!.data)).toBe("abc.gtm.cdn.example");
  expect([...read.answers[1]!.data]).toEqual([127, 22, 1, 1]);
});

test("An answer made here is read by dns-packet", () => {
  const bytes = encodeAnswer({
    id: 5,
    rcode: 0,
    question: { name: "c.cdn.example", type: TYPE.A },
    answers: [
      { name: "c.cdn.example", type: TYPE.A, ttlSec: 70_000, data: Uint8Array.of(127, 11, 1, 1) },
    ],
  });
  const read = packet.decode(Buffer.from(bytes));
  expect(read.answers).toMatchObject([{ name: "c.cdn.example", ttl: 70_000, data: "127.11.1.1" }]);
});

test("Any bytes are read as a message or as nothing, never with an error", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      decodeMessage(bytes);
    }),
    { numRuns: 500 },
  );
});
