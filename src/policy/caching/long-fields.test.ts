// What clients and web servers may write of any length and shape, and what is made of it for each request.
import { describe, expect, test } from "bun:test";
import { normalEncodings, tagsOf, variantKey } from "./mod.ts";

describe("variantKey()", () => {
  const key = (value: string) => variantKey(["x"], () => value);

  test("takes blanks around commas for nothing, but not those in quotes (RFC 9111 4.1)", () => {
    expect(key("a ,\tb")).toBe(key("a,b"));
    expect(key('a, "b , c"')).toBe(key('a,"b , c"'));
    expect(key('"b , c"')).not.toBe(key('"b,c"'));
    expect(key('"b , c')).not.toBe(key('"b,c'));
    expect(key("a\u00a0")).not.toBe(key("a"));
  });

  // It would take minutes if each blank were looked at once for every one before it.
  test("of a field of many blanks is made in one go", () => {
    const blanks = " ".repeat(400_000);
    expect(key(`a${blanks}b`)).toBe(`x:=a${blanks}b`);
    expect(key(`a,${blanks}b${blanks}c`)).toBe(`x:=a,b${blanks}c`);
  });
});

test("tagsOf() of a field of many blanks is made in one go", () => {
  const blanks = " ".repeat(400_000);
  expect([...tagsOf([["cache-tag", `a${blanks}b , c`]])]).toEqual([`a${blanks}b`, "c"]);
});

test("normalEncodings() takes a field that no browser sends for none", () => {
  expect(normalEncodings(`br,${"gzip,".repeat(250)}`)).toBe("identity");
});
