import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { partOf, partToAsk, SLICE_BYTES, slice } from "./mod.ts";

describe("parts", () => {
  test("are asked for by the slice they begin in, and never by more than a slice", () => {
    expect(partToAsk("bytes=0-0")).toEqual(slice(0));
    // As it is read where it is held: `parseRange`.
    expect(partToAsk(`Bytes = ${3 * SLICE_BYTES}-, 5-6`)).toEqual(slice(3));
    expect(partToAsk(`bytes=${3 * SLICE_BYTES}-`)).toEqual(slice(3));
    expect(partToAsk("bytes=-5")).toEqual({ suffix: 5 });
    const { first = 0 } = slice(2 ** 33);
    expect(partToAsk(`bytes=${"9".repeat(30)}-`)).toEqual(slice(2 ** 33));
    expect(Number.isSafeInteger(first)).toBe(true);
    expect(partToAsk(`bytes=-${9 * SLICE_BYTES}`)).toEqual(slice(0));
    expect(partToAsk(`bytes=${4 * SLICE_BYTES}-, 3-4`)).toEqual(slice(4));
    for (const field of [
      "bytes=0-",
      `bytes=9-${9 * SLICE_BYTES}`,
      "bytes=0-1,4-3",
      "x",
      "bytes=-",
    ]) {
      expect(partToAsk(field)).toBeNull();
    }
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (from, length) => {
        const asked = partToAsk(`bytes=${from}-${from + length}`);
        if (asked === null || "suffix" in asked) return;
        expect(asked.last - asked.first + 1).toBe(SLICE_BYTES);
        expect(asked.first <= from && from <= asked.last).toBe(true);
      }),
    );
  });

  test("are what their body is, and join others by a strong validator only", () => {
    expect(partOf("bytes 4-8/10", 5, '"a"')).toEqual({ first: 4, sizeBytes: 10, joins: true });
    expect(partOf("bytes 4-8/10", 5, 'W/"a"')?.joins).toBe(false);
    expect(partOf("bytes 4-8/10", 5, null)?.joins).toBe(false);
    expect(partOf("bytes 4-9/10", 5, '"a"')).toEqual({ first: 4, sizeBytes: 9, joins: false });
    for (const [range, bytes] of [
      ["bytes 0-4/10", 4],
      ["bytes 0-4/10", 6],
      ["bytes 5-9/10", 6],
      ["bytes 0-4/*", 5],
      [null, 5],
    ] as const) {
      expect(partOf(range, bytes, '"a"')).toBeNull();
    }
  });
});
