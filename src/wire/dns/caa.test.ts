import { expect, test } from "bun:test";
import fc from "fast-check";
import { decodeCaa } from "./caa.ts";
import { TYPE } from "./codes.ts";
import { parseData } from "./data-text.ts";
import { wordsOf } from "./words.ts";

function octetsOf(text: string): Uint8Array {
  const data = parseData(TYPE.CAA, wordsOf(text) ?? [], null);
  if (!(data instanceof Uint8Array)) throw new Error(`Cannot parse ${text}`);
  return data;
}

test("decodeCaa() reads flags, tag and value, whatever the tag's case", () => {
  expect(decodeCaa(octetsOf('0 issue "ca.example; a=b"'))).toEqual({
    ...{ critical: false, tag: "issue", value: "ca.example; a=b" },
  });
  expect(decodeCaa(octetsOf('128 IssueWild ";"'))).toEqual({
    ...{ critical: true, tag: "issuewild", value: ";" },
  });
});

test("decodeCaa() refuses a tag that is none, and throws for no octets", () => {
  const refused = [[], [0], [0, 0], [0, 3, 97], [0, 1, 45], [0, 2, 97, 0]];
  for (const octets of refused) expect(decodeCaa(Uint8Array.from(octets))).toBeNull();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (octets) => {
      const caa = decodeCaa(octets);
      if (caa !== null) expect(caa.value.length).toBe(octets.length - 2 - (octets[1] ?? 0));
    }),
  );
});
