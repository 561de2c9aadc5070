import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { readCodings, readWeights } from "./mod.ts";

describe("readWeights() and readCodings()", () => {
  test("read what is wanted how much, and 0 as not acceptable (RFC 9110 12.4.2)", () => {
    const weights = readWeights("Text/HTML;level=1;q=0.5, image/webp ; Q=0, a;q=2, b;q=0.1234,, c");
    const read = { "text/html": 0.5, "image/webp": 0, a: 0, b: 0, c: 1 };
    expect(Object.fromEntries(weights)).toEqual(read);
  });

  test("know what is said of codings that are not named, and of the bytes as they are (12.5.3)", () => {
    const cases: readonly (readonly [string | null, readonly [number, number, number | null]])[] = [
      [null, [0, 0, null]],
      ["", [0, 0, null]],
      ["br, x-gzip;q=0.5", [1, 0.5, null]],
      ["*;q=0.3, gzip", [0.3, 1, null]],
      ["br, *;q=0", [1, 0, 0]],
      ["br, identity;q=0.000", [1, 0, 0]],
      ["*;q=0, identity;q=0.1", [0, 0, 0.1]],
    ];
    for (const [field, [br, gzip, plain]] of cases) {
      const codings = readCodings(field);
      const said = [field, codings.of("br"), codings.of("gzip"), codings.plain];
      expect(said).toEqual([field, br, gzip, plain]);
    }
  });

  test("never throw, and no weight leaves 0 to 1", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const weight of readWeights(text).values()) {
          expect(weight >= 0 && weight <= 1).toBe(true);
        }
        readCodings(text).of(text);
      }),
    );
  });
});
