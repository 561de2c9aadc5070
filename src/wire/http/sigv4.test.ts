import { describe, expect, test } from "bun:test";
import { createHash, createHmac } from "node:crypto";
import fc from "fast-check";
import { EMPTY_SHA256, type SigV4Request, s3Path, signV4 } from "./sigv4.ts";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hmac = (key: Uint8Array, message: Uint8Array) =>
  createHmac("sha256", key).update(message).digest();

/** The key, time and bucket of the examples that AWS publishes. */
const KEY = {
  id: "AKIAIOSFODNN7EXAMPLE",
  secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  ...{ region: "us-east-1", service: "s3" },
};
const HOST = ["host", "examplebucket.s3.amazonaws.com"] as const;
const nowMs = Date.UTC(2013, 4, 24);

function signatureOf(request: Partial<SigV4Request>): string {
  const whole = { method: "GET", path: "/", fields: [HOST], payload: EMPTY_SHA256, ...request };
  const signed = signV4(whole, KEY, { sha256, hmac, nowMs });
  const authorization = signed.find(([name]) => name === "authorization")![1];
  return /^AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE\/20130524\/us-east-1\/s3\/aws4_request, SignedHeaders=[a-z0-9;-]+, Signature=([0-9a-f]{64})$/.exec(
    authorization,
  )![1]!;
}

describe("signV4() gives the signatures that AWS publishes (API Reference of S3, SigV4)", () => {
  test("for an object, a part of it", () => {
    const fields = [HOST, ["range", "bytes=0-9"]] as const;
    expect(signatureOf({ path: "/test.txt", fields })).toBe(
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
  });

  test("for an upload with a path that must be encoded", () => {
    const fields = [
      HOST,
      ["Date", "Fri, 24 May 2013 00:00:00 GMT"],
      ["x-amz-storage-class", "REDUCED_REDUNDANCY"],
    ] as const;
    const path = s3Path("/test$file.text", "")!;
    const payload = sha256("Welcome to Amazon S3.");
    expect(signatureOf({ method: "PUT", path, fields, payload })).toBe(
      "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
  });

  test("for a parameter without a value, and for two", () => {
    expect(signatureOf({ query: [["lifecycle", ""]] })).toBe(
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    );
    const query = [
      ["prefix", "J"],
      ["max-keys", "2"],
    ] as const;
    expect(signatureOf({ query })).toBe(
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    );
  });
});

describe("s3Path()", () => {
  test("encodes once, whatever came encoded", () => {
    expect(s3Path("/a%2Bb%20(1)+ü.png", "/bucket")).toBe("/bucket/a%2Bb%20%281%29%2B%C3%BC.png");
    expect(s3Path("/%41/~x", "")).toBe("/A/~x");
  });

  test("names one object or none", () => {
    for (const path of [
      "/",
      "",
      "//",
      "/%2F/",
      "/a/../b",
      "/..",
      "/%2e%2E/b",
      "/.",
      "/a/.",
      "/%",
      "/%4",
      "/%zz",
    ]) {
      expect([path, s3Path(path, "/bucket")]).toEqual([path, null]);
    }
  });

  test("is its own fixed point, and decodes to what came", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", minLength: 1 }), (any) => {
        const name = any.replaceAll("/", "_");
        const path = s3Path(`/${encodeURIComponent(`${name}!`)}`, "");
        expect(decodeURIComponent(path!)).toBe(`/${name}!`);
        expect(s3Path(path!, "")).toBe(path);
      }),
    );
  });
});
