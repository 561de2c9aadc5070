import { expect, test } from "bun:test";
import { generateKeyPairSync, sign } from "node:crypto";
import fc from "fast-check";
import { readDer } from "../der/mod.ts";
import {
  base64url,
  caProblem,
  certificateId,
  certificateRequest,
  externalBinding,
  keyAuthorization,
  order,
  problemKind,
  problemWords,
  renewalInfo,
  request,
  retryAfterMs,
  thumbprintInput,
} from "./mod.ts";

const JWK = { crv: "P-256", kty: "EC", x: "eA", y: "eQ" } as const;

function parts(text: string): { head: unknown; payload: string; signature: string } {
  const { protected: head, payload, signature } = JSON.parse(text);
  const plain = (part: string) => Buffer.from(part, "base64url").toString();
  return { head: JSON.parse(plain(head)), payload: plain(payload), signature };
}

test("base64url() is what the runtime's is, for any octets", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (octets) => {
      expect(base64url(octets)).toBe(Buffer.from(octets).toString("base64url"));
    }),
  );
});

test("request() signs with the account's URL or the key itself; what is only read has no payload", () => {
  const of = { url: "https://ca.example/order", nonce: "n1" };
  const one = request({ ...of, by: { kid: "https://ca.example/acct/1" }, payload: { a: 1 } });
  const [head, body] = one.input.split(".");
  expect(one.signed("c2ln")).toBe(
    JSON.stringify({ protected: head, payload: body, signature: "c2ln" }),
  );
  const kid = "https://ca.example/acct/1";
  expect(parts(one.signed("s"))).toEqual({
    head: { alg: "ES256", kid, nonce: "n1", url: of.url },
    payload: '{"a":1}',
    signature: "s",
  });
  const read = request({ ...of, by: { jwk: JWK }, payload: null });
  expect(parts(read.signed("s")).payload).toBe("");
  expect(parts(read.signed("s")).head).toEqual({
    alg: "ES256",
    jwk: JWK,
    nonce: "n1",
    url: of.url,
  });
  const bound = externalBinding({ kid: "k", url: of.url, jwk: JWK });
  expect(parts(bound.signed("s")).head).toEqual({ alg: "HS256", kid: "k", url: of.url });
  expect(JSON.parse(parts(bound.signed("s")).payload)).toEqual(JWK);
});

test("thumbprintInput() puts a key's members in order, whatever order they came in (RFC 7638 3.3)", () => {
  const other = { y: "eQ", x: "eA", kty: "EC", crv: "P-256" } as const;
  expect(thumbprintInput(other)).toBe('{"crv":"P-256","kty":"EC","x":"eA","y":"eQ"}');
  expect(keyAuthorization("token", "print")).toBe("token.print");
});

test("certificateRequest() is DER with the key and the names, signed as it stands", () => {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  const long = `${"a".repeat(60)}.${"b".repeat(60)}.${"c".repeat(60)}.example`;
  const made = certificateRequest(["www.shop.example", long], spki);
  const whole = readDer(made.signed(sign("sha256", made.info, privateKey)));
  expect(whole?.map(({ tag }) => tag)).toEqual([0x30]);
  const [info, algorithm, signature] = readDer(whole?.[0]?.content ?? new Uint8Array()) ?? [];
  expect(Buffer.from(info?.whole ?? [])).toEqual(Buffer.from(made.info));
  expect([algorithm?.tag, signature?.tag]).toEqual([0x30, 0x03]);
  const fields = readDer(info?.content ?? new Uint8Array());
  expect(fields?.map(({ tag }) => tag)).toEqual([0x02, 0x30, 0x30, 0xa0]);
  expect(Buffer.from(fields?.[2]?.whole ?? [])).toEqual(spki);
  for (const name of ["www.shop.example", long]) {
    expect(Buffer.from(made.info).includes(name)).toBe(true);
  }
});

test("certificateId() is what RFC 9773 4.1 makes of its example, and null of what is no certificate", () => {
  const pem = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
`;
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ""), "base64");
  expect(certificateId(der)).toBe("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
  expect(certificateId(new Uint8Array())).toBeNull();
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 0, max: 255 }), (at, octet) => {
      const broken = Uint8Array.from(der);
      broken[at] = octet;
      const id = certificateId(broken);
      expect(id === null || /^[\w-]*\.[\w-]*$/.test(id)).toBe(true);
    }),
  );
});

test("readDer() takes whole values only, each length as short as it can be", () => {
  const bad = [[0x30], [0x30, 1], [0x30, 0x80], [0x30, 0x81, 5, 1, 2, 3, 4, 5], [0x1f, 1, 0]];
  for (const octets of bad) expect(readDer(Uint8Array.from(octets))).toBeNull();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
      const values = readDer(octets);
      if (values === null) return;
      expect(values.reduce((sum, { whole }) => sum + whole.length, 0)).toBe(octets.length);
    }),
  );
});

test("answers of an authority are taken only with https URLs and what is needed of them", () => {
  const good = {
    ...{ status: "pending", identifiers: [{ type: "dns", value: "a.example" }] },
    ...{ authorizations: ["https://ca.example/a"], finalize: "https://ca.example/f" },
  };
  expect(order.safeParse(good).success).toBe(true);
  const bad = [
    { ...good, finalize: "http://ca.example/f" },
    { ...good, status: "odd" },
    { ...good, authorizations: ["file:///etc/passwd"] },
    { ...good, authorizations: Array.from({ length: 101 }, () => "https://ca.example/a") },
    null,
  ];
  for (const each of bad) expect(order.safeParse(each).success).toBe(false);
  const window = { start: "2027-01-02T00:00:00Z", end: "2027-01-01T00:00:00Z" };
  expect(renewalInfo.safeParse({ suggestedWindow: window }).success).toBe(false);
});

test("a problem is told in one bounded line without control characters", () => {
  const urn = "urn:ietf:params:acme:error:";
  const one = caProblem.parse({
    type: `${urn}unauthorized`,
    detail: "no TXT\nrecord\u001b[31m",
    subproblems: [{ type: `${urn}dns`, detail: "NXDOMAIN" }, {}],
  });
  expect(problemKind(one)).toBe("unauthorized");
  expect(problemWords(one)).toBe("unauthorized: no TXT record [31m; NXDOMAIN");
  expect(problemWords(caProblem.parse({}))).toBe("no reason given");
  expect(problemWords(caProblem.parse({ detail: "x".repeat(5000) })).length).toBe(300);
  expect(problemKind(caProblem.parse({ type: "https://ca.example/odd" }))).toBe("");
});

test("retryAfterMs() reads seconds and dates, and nothing else", () => {
  expect(retryAfterMs("5", 0)).toBe(5000);
  expect(retryAfterMs("Thu, 01 Jan 1970 00:01:00 GMT", 20_000)).toBe(40_000);
  expect(retryAfterMs("Thu, 01 Jan 1970 00:00:01 GMT", 20_000)).toBe(0);
  expect([retryAfterMs(null, 0), retryAfterMs("soon", 0), retryAfterMs("-5x", 0)]).toEqual([
    ...[null, null, null],
  ]);
});
