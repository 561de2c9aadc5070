import { expect, test } from "bun:test";
import { seededRng } from "../base/rng.ts";
import { boxKey, openBox, sealTo } from "./sealed-box.ts";

const rng = seededRng(5);
const secret = Buffer.from("a private key of somebody's");

test("what is sealed to a key is opened with its secret, and holds nothing in the open", () => {
  const own = rng.bytes(32);
  const box = sealTo(boxKey(own), { secret, rng });
  expect(Buffer.from(openBox(own, box)).equals(secret)).toBe(true);
  expect(box.includes("private")).toBe(false);
  expect(sealTo(boxKey(own), { secret, rng }).equals(box)).toBe(false);
});

test("another's secret opens nothing, nor does a box with any octet changed", () => {
  const own = rng.bytes(32);
  const box = sealTo(boxKey(own), { secret, rng });
  expect(() => openBox(rng.bytes(32), box)).toThrow();
  for (let i = 0; i < box.length; i++) {
    const changed = Uint8Array.from(box);
    changed[i] = changed[i]! ^ 1;
    expect(() => openBox(own, changed)).toThrow();
  }
  expect(() => openBox(own, box.subarray(0, 40))).toThrow();
  expect(() => sealTo(box, { secret, rng })).toThrow();
});
