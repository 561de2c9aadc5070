import { describe, expect, test } from "bun:test";
import { createHash, createPublicKey, verify } from "node:crypto";
import fc from "fast-check";
import { encodeName, TYPE } from "../dns/mod.ts";
import {
  canonicalSet,
  countLabels,
  dnskeyData,
  dsData,
  keyTag,
  nextName,
  nsecData,
  SECURE,
  signatureHead,
  typeBitmap,
  wholeData,
} from "./mod.ts";

const wire = (name: string) => encodeName(name)!;
const fromBase64 = (text: string) => Uint8Array.from(Buffer.from(text, "base64"));
const sha256 = (data: Uint8Array) => Uint8Array.from(createHash("sha256").update(data).digest());
const hex = (data: Uint8Array) => Buffer.from(data).toString("hex");

/** RFC 6605 6.1: key, DS and signature of a real signer. */
const EXAMPLE_KEY = fromBase64(
  "GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA==",
);

describe("the example of RFC 6605 6.1", () => {
  const dnskey = dnskeyData(SECURE.P256, EXAMPLE_KEY);

  test("keyTag() and dsData() give its DS", () => {
    expect(keyTag(dnskey)).toBe(55648);
    expect(hex(dsData(wire("example.net"), dnskey, sha256))).toBe(
      `d9600d02b4c8c1fe2e7477127b27115656ad6256f424625bf5c1e2770ce6d6e37df61d17`,
    );
  });

  test("its signature holds over signatureHead() and canonicalSet()", () => {
    const head = signatureHead({
      type: TYPE.A,
      algorithm: SECURE.P256,
      labels: 3,
      originalTtlSec: 3600,
      expirationSec: Date.UTC(2010, 8, 9, 10, 4, 39) / 1000,
      inceptionSec: Date.UTC(2010, 7, 12, 10, 4, 39) / 1000,
      keyTag: 55648,
      signer: wire("example.net"),
    });
    const set = canonicalSet({
      owner: wire("www.example.net"),
      type: TYPE.A,
      ttlSec: 3600,
      data: [Uint8Array.of(192, 0, 2, 1)],
    });
    const key = createPublicKey({
      key: {
        kty: "EC",
        crv: "P-256",
        x: Buffer.from(EXAMPLE_KEY.subarray(0, 32)).toString("base64url"),
        y: Buffer.from(EXAMPLE_KEY.subarray(32)).toString("base64url"),
      },
      format: "jwk",
    });
    const signature = fromBase64(
      "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==",
    );
    const data = Buffer.concat([head, set]);
    expect(verify("sha256", data, { key, dsaEncoding: "ieee-p1363" }, signature)).toBe(true);
  });
});

describe("canonical forms", () => {
  test("wholeData() follows pointers and lowers the names of old types, and nothing else", () => {
    const upper = wire("NS.Shop.EXAMPLE");
    const lower = wire("ns.shop.example");
    // At 12 stands Shop.EXAMPLE, at 26 the data.
    const of = (type: number, data: readonly number[]) => {
      const message = Uint8Array.from([...new Uint8Array(12), ...upper.subarray(3), ...data]);
      const start = 12 + upper.length - 3;
      return wholeData(message, { type, start, length: data.length });
    };
    const packed = [2, 0x4e, 0x53, 0xc0, 12];
    expect(of(TYPE.NS, packed)).toEqual(lower);
    expect(of(15, [0x41, 0x42, ...packed])).toEqual(Uint8Array.from([0x41, 0x42, ...lower]));
    expect(of(33, [0, 1, 0, 2, 0, 80, ...upper]).subarray(6)).toEqual(lower);
    const naptr = [0, 1, 0, 2, 1, 0x53, 1, 0x41, 0];
    expect(of(35, [...naptr, ...upper])).toEqual(Uint8Array.from([...naptr, ...lower]));
    const soa = [...packed, 0xc0, 12, ...new Uint8Array(20).fill(0x41)];
    expect(of(TYPE.SOA, soa).length).toBe(2 * lower.length - 3 + 20);
    expect(of(TYPE.TXT, [...upper])).toEqual(upper);
    expect(of(SECURE.NSEC, [...upper])).toEqual(upper);
  });

  test("canonicalSet() does not depend on the order of records, nor on doubles", () => {
    const data = fc.array(fc.uint8Array({ maxLength: 6 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(data, (records) => {
        const set = { owner: wire("a.example"), type: TYPE.TXT, ttlSec: 5 };
        const turned = [...records, records[0]!].reverse();
        expect(canonicalSet({ ...set, data: turned })).toEqual(
          canonicalSet({ ...set, data: records }),
        );
      }),
    );
  });

  test("countLabels() leaves out the root and a leading star", () => {
    expect(["", "example", "*.a.example", "a.*.example"].map((n) => countLabels(wire(n)))).toEqual([
      0, 1, 2, 3,
    ]);
  });
});

describe("NSEC", () => {
  test("typeBitmap() gives the example of RFC 4034 4.3", () => {
    const types = [TYPE.A, 15, SECURE.RRSIG, SECURE.NSEC, 1234];
    const expected = `0006400100000003041b${"00".repeat(26)}20`;
    expect(hex(typeBitmap(types))).toBe(expected);
  });

  test("nextName() is the first possible name after one, whatever room there is", () => {
    const rest = [63, 63, 63].map((n) => "x".repeat(n)).join(".");
    const after = (first: string) => {
      const next = nextName(wire(`${first}.${rest}`))!;
      return Buffer.from(next.subarray(1, 1 + next[0]!)).toString("latin1");
    };
    expect(nextName(wire("a.example"))).toEqual(wire("\\000.a.example"));
    expect(after("a".repeat(59))).toBe("\0");
    expect(after("a".repeat(60))).toBe(`${"a".repeat(60)}\0`);
    expect(after("a".repeat(61))).toBe(`${"a".repeat(60)}b`);
    expect(after(`${"a".repeat(60)}@`)).toBe(`${"a".repeat(60)}[`);
    expect(after(`${"a".repeat(60)}\\255`)).toBe(`${"a".repeat(59)}b`);
    // The very last name of its parent.
    expect(nextName(wire(`${"\\255".repeat(61)}.${rest}`))).toBeNull();
  });

  test("nsecData() is the next name and the bitmap", () => {
    const next = wire("\\000.a.example");
    expect(nsecData(next, typeBitmap([1]))).toEqual(Uint8Array.from([...next, 0, 1, 0x40]));
  });
});
