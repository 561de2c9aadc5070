import { expect, test } from "bun:test";
import { NO_ASSIGNMENT } from "../model/assignment.ts";
import {
  decodeMessage,
  encodeMessage,
  type Message,
  makeQuery,
  RCODE,
  TYPE,
} from "../wire/dns/mod.ts";
import { Responder } from "./hot/answer.ts";
import { compileWorld, healthOf, WORLD } from "./hot/world.fixture.ts";

/** The world with these HTTPS records at and beside a steered name of the hosted zone. */
function worldWith(records: readonly object[]) {
  const [shop, ...others] = WORLD.customers;
  const [zone] = shop!.zones!;
  const zones = [{ ...zone!, records: [...zone!.records, ...records] }];
  return compileWorld({ ...WORLD, customers: [{ ...shop, zones }, ...others] });
}

function ask(records: readonly object[], name: string, type: number = TYPE.HTTPS): Message {
  const responder = new Responder(1);
  const snapshot = worldWith(records);
  responder.load(snapshot);
  responder.observe(healthOf(snapshot), NO_ASSIGNMENT);
  const bytes = encodeMessage(makeQuery(1, name, type))!;
  const out = new Uint8Array(65_535);
  const address = Uint8Array.of(198, 51, 100, 7);
  const from = { address, addressAt: 0, family: 4, stream: true } as const;
  const size = responder.answer({ bytes, length: bytes.length, ...from }, out);
  return decodeMessage(out.slice(0, size)) as Message;
}

test("no HTTPS record is made up at a steered name: there is none, and that is said", () => {
  for (const name of ["c.cdn.example", "www.shop.example.cdn.example", "www.shop.example"]) {
    for (const type of [TYPE.HTTPS, TYPE.SVCB]) {
      const { rcode, answers, authorities } = ask([], name, type);
      expect([name, rcode, answers]).toEqual([name, RCODE.NOERROR, []]);
      expect(authorities.map((record) => record.type)).toEqual([TYPE.SOA]);
    }
  }
});

test("a customer's own at a steered name comes without an address that was not chosen", () => {
  const own = { name: "www", type: "HTTPS", value: "1 . alpn=h2,h3" };
  const message = ask([own], "www.hosted.example");
  expect(message.answers.map((record) => record.type)).toEqual([TYPE.HTTPS]);
  expect(message.additionals).toEqual([]);
});

test("hints at a steered name are refused, however they are written", () => {
  for (const [type, value] of [
    ["HTTPS", "1 . alpn=h2 ipv4hint=192.0.2.1"],
    ["SVCB", "1 . ipv6hint=2001:db8::1"],
    ["HTTPS", "1 . key4=192.0.2.1"],
    ["TYPE65", "\\# 11 0001 00 0004 0004 c0000201"],
    ["HTTPS", "2 svc.hosted.example ipv4hint=192.0.2.1"],
  ] as const) {
    const refused = () => worldWith([{ name: "www", type, value }]);
    expect(refused).toThrow("no address hints");
    // Elsewhere they say what the customer knows.
    expect(() => worldWith([{ name: "svc", type, value }])).not.toThrow();
  }
});
