import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import {
  readTierMark,
  readTierTold,
  type TierMark,
  type TierTarget,
  writeTierMark,
  writeTierTold,
} from "./tier-mark.ts";

const hmac = (secret: Uint8Array, message: Uint8Array) =>
  new Uint8Array(createHmac("sha256", secret).update(message).digest());
const secret = new Uint8Array(32).fill(7);
const other = new Uint8Array(32).fill(8);
const NOW = 1_780_000_000_000;
const TARGET: TierTarget = {
  ...{ method: "GET", customer: "shop", host: "www.shop.example", path: "/a?b=c d" },
};

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
const mark: fc.Arbitrary<TierMark> = fc.record({
  atMs: fc.integer({ min: NOW - 5_000, max: NOW + 5_000 }),
  from: fc.array(name, { minLength: 1, maxLength: 3 }),
  purge: fc.nat(),
  client: fc.oneof(fc.ipV4(), fc.ipV6()),
  scheme: fc.constantFrom("http", "https"),
  rules: fc.constantFrom("", "0.3@9f"),
  parts: fc.array(fc.option(fc.string({ unit: "grapheme" })), { maxLength: 4 }),
});
const read = (field: string | null, of = TARGET, secrets = [secret], nowMs = NOW) =>
  readTierMark(field, of, { secrets, hmac, nowMs, windowMs: 10_000 });

test("a mark is read as it was written, by either of two secrets", () => {
  fc.assert(
    fc.property(mark, (one) => {
      const field = writeTierMark(one, TARGET, { secret, hmac });
      expect(field).toMatch(/^[\x20-\x7e]+$/);
      expect(read(field)).toEqual(one);
      expect(read(field, TARGET, [other, secret])).toEqual(one);
    }),
  );
});

test("no other request, secret or time, and no changed character passes for it (H13)", () => {
  fc.assert(
    fc.property(mark, fc.nat(), fc.integer({ min: 33, max: 126 }), (one, at, code) => {
      const field = writeTierMark(one, TARGET, { secret, hmac });
      expect(read(field, { ...TARGET, method: "HEAD" })).toBeNull();
      expect(read(field, { ...TARGET, customer: "news" })).toBeNull();
      expect(read(field, { ...TARGET, host: "www.news.example" })).toBeNull();
      expect(read(field, { ...TARGET, path: "/a" })).toBeNull();
      expect(read(field, TARGET, [other])).toBeNull();
      expect(read(field, TARGET, [])).toBeNull();
      expect(read(field, TARGET, [secret], one.atMs + 10_001)).toBeNull();
      expect(read(field, TARGET, [secret], one.atMs - 10_001)).toBeNull();
      const place = at % field.length;
      const changed = field.slice(0, place) + String.fromCharCode(code) + field.slice(place + 1);
      if (changed !== field) expect(read(changed)).toBeNull();
    }),
  );
});

test("what is no mark is none, whatever it is", () => {
  fc.assert(fc.property(fc.string(), (text) => expect(read(text)).toBeNull()));
  expect(read(null)).toBeNull();
});

test("what a parent says of its answer is read as it was written", () => {
  for (const told of [
    { purge: 0, heldMs: 0 },
    { purge: 12, heldMs: 3456, made: "timeout" },
    { purge: 3, heldMs: 1, alone: true as const },
  ]) {
    expect(readTierTold(writeTierTold(told))).toEqual(told);
  }
  for (const text of ["", "x", "1", "1; held=-1", "1; held=1; made=a b", "1; held=1, 2; held=2"]) {
    expect(readTierTold(text)).toBeNull();
  }
});
