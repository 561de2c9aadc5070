import { expect, test } from "bun:test";
import fc from "fast-check";
import { readBeacon } from "./beacon.ts";

test("readBeacon() reads times within bounds and leaves the rest out", () => {
  const rtt = { "fra-1": 12.5, far: 90_000, zero: 0, word: "7", none: null };
  const read = readBeacon(JSON.stringify({ site: "www.shop.example", rtt }));
  expect(read?.site).toBe("www.shop.example");
  expect([...(read?.rttMs ?? [])]).toEqual([["fra-1", 12.5]]);
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`n${i}`, 5]));
  expect(readBeacon(JSON.stringify({ site: "a.example", rtt: many }))?.rttMs.size).toBe(8);
  expect(readBeacon(`{"site":"a.example","rtt":{"a":1},"x":"${"x".repeat(3000)}"}`)).toBeNull();
});

test("readBeacon() never throws, whatever it is sent", () => {
  const json = fc.json().map((text) => `{"site":"a.example","rtt":${text}}`);
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), json), (text) => {
      for (const ms of readBeacon(text)?.rttMs.values() ?? [])
        expect(ms > 0 && ms <= 5000).toBe(true);
    }),
  );
});
