import { expect, test } from "bun:test";
import { addressesIn } from "./addresses-in.ts";
import { RCODE, TYPE } from "./codes.ts";
import { type Message, makeQuery } from "./message.ts";

test("addressesIn() takes those of one type, each once, behind whatever aliases; none of a failure", () => {
  const at = { name: "a.example", class: 1, ttlSec: 60 };
  const address = (type: number, text: string) => {
    return { ...at, type, data: { kind: "address" as const, address: text } };
  };
  const message: Message = {
    ...makeQuery(1, "www.example", TYPE.A),
    answers: [
      { ...at, type: TYPE.CNAME, data: { kind: "name", name: "a.example" } },
      { ...at, type: TYPE.A, data: { kind: "raw", bytes: new Uint8Array(3) } },
      address(TYPE.A, "192.0.2.1"),
      address(TYPE.A, "192.0.2.2"),
      address(TYPE.A, "192.0.2.1"),
      address(TYPE.AAAA, "2001:db8::1"),
    ],
  };
  expect(addressesIn(message, TYPE.A)).toEqual(["192.0.2.1", "192.0.2.2"]);
  expect(addressesIn(message, TYPE.AAAA)).toEqual(["2001:db8::1"]);
  expect(addressesIn({ ...message, rcode: RCODE.SERVFAIL }, TYPE.A)).toEqual([]);
});
