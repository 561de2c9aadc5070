import { expect, test } from "bun:test";
import fc from "fast-check";
import { mmdb } from "../../../test/fixtures/mmdb.ts";
import { parseAddress } from "../ip/mod.ts";
import { Mmdb } from "./mmdb.ts";

const BERLIN = { country: { iso_code: "DE" }, location: { latitude: 52.5, longitude: 13.4 } };
const file = mmdb({
  "203.0.113.0/24": BERLIN,
  "203.1.0.0/17": { autonomous_system_number: 64_500 },
  "2001:db8::/32": { country: "FR" },
});
const at = (db: Mmdb | null, address: string) => db?.find(parseAddress(address)!);

test("Mmdb finds the record of the prefix that an address lies in", () => {
  const db = Mmdb.open(file);
  expect(at(db, "203.0.113.77")).toEqual(BERLIN);
  expect(at(db, "203.1.1.1")).toEqual({ autonomous_system_number: 64_500 });
  expect(at(db, "2001:db8:5::1")).toEqual({ country: "FR" });
  expect(at(db, "198.51.100.1")).toBeNull();
  expect(at(db, "2001:db9::1")).toBeNull();
});

test("Mmdb follows pointers and reads every type and size of record", () => {
  for (const recordBits of [24, 28, 32] as const) {
    const db = Mmdb.open(mmdb({ "10.0.0.0/8": BERLIN, "11.0.0.0/8": BERLIN }, { recordBits }));
    expect(at(db, "10.1.2.3")).toEqual(BERLIN);
    expect(at(db, "11.1.2.3")).toEqual(BERLIN);
    expect(at(db, "12.1.2.3")).toBeNull();
  }
});

test("Mmdb.open() says no to what is no such file", () => {
  expect(Mmdb.open(new Uint8Array(0))).toBeNull();
  expect(Mmdb.open(file.slice(0, 100))).toBeNull();
  expect(Mmdb.open(new TextEncoder().encode("\u00ab MaxMind.com"))).toBeNull();
});

test("Mmdb never throws and ends soon, whatever is wrong with a file", () => {
  const wrong = fc.record({
    at: fc.nat(file.length - 1),
    byte: fc.nat(255),
    more: fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { maxLength: 20 }),
    address: fc.uint8Array({ minLength: 4, maxLength: 4 }),
  });
  fc.assert(
    fc.property(wrong, ({ at: place, byte, more, address }) => {
      const bytes = file.slice();
      for (const [i, value] of [[place, byte] as const, ...more]) bytes[i] = value;
      const db = Mmdb.open(bytes);
      db?.find(address);
      db?.find(parseAddress("203.0.113.77")!);
      db?.find(parseAddress("2001:db8::1")!);
    }),
    { numRuns: 3000 },
  );
});

test("Mmdb reads no record that points to itself for ever", () => {
  // The pointer of two bytes that stands at the beginning of the data leads there.
  const db = Mmdb.open(mmdb({ "10.0.0.0/8": "loop" }, { raw: [0x20, 0x00] }));
  expect(at(db, "10.0.0.1")).toBeNull();
});
