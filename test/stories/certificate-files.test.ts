import { expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { issue } from "../../src/cli/demo/certificate.ts";
import { readCertificate } from "../../src/control/certificate-read.ts";

const NOW = Date.UTC(2026, 10, 22, 12);
const DAY = 86_400_000;
const from = new Date(NOW - DAY);
const root = issue({ subject: "Lab root", names: [], from, days: 900 });
const middle = issue({ subject: "Lab middle", names: [], from, days: 900, by: root });
const names = ["WWW.Shop.Example", "*.shop.example", "www.shop.example"];
const leaf = issue({ subject: "www", names, from, days: 90, by: middle });

function problemsOf(cert: string, key: string): string[] {
  const read = readCertificate({ cert, key }, NOW);
  return read.ok ? [] : read.problems.map(({ path, message }) => `${path}: ${message}`);
}

test("readCertificate() tells what a certificate says, and keeps its chain and key alone", () => {
  const cert = `subject=www\n${leaf.cert}\nissuer=middle\r\n${middle.cert}`;
  const read = readCertificate({ cert, key: `\n${leaf.key}` }, NOW);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  const { facts } = read.value;
  expect(facts.names).toEqual(["www.shop.example", "*.shop.example"]);
  expect([facts.issuer, facts.keyKind, facts.chain]).toEqual(["Lab middle", "EC P-256", 2]);
  expect(facts.notAfterMs).toBe(NOW + 89 * DAY);
  expect(facts.isSelfSigned).toBe(false);
  expect(read.value.cert).toBe(leaf.cert + middle.cert);
  expect(read.value.key).toBe(leaf.key);
});

test("readCertificate() tells all that is wrong at once, and never what was sent as a key", () => {
  const old = issue({
    subject: "old",
    names: [],
    from: new Date(NOW - 9 * DAY),
    days: 3,
    by: root,
  });
  const sent = { cert: `${old.cert}${leaf.cert}`, key: leaf.key };
  const read = readCertificate(sent, NOW);
  expect(read.ok).toBe(false);
  expect(problemsOf(sent.cert, sent.key)).toEqual([
    "cert: expected DNS names in subjectAltName, which browsers look at",
    "cert: expected a certificate that has not ended",
    "cert: expected certificate 2 to be the issuer of certificate 1",
    "key: expected the private key of this certificate",
  ]);
  expect(JSON.stringify(read)).not.toContain(leaf.key.split("\n")[1] ?? "?");
  expect(problemsOf("none", "none")).toEqual([
    "cert: expected a certificate in PEM, which begins -----BEGIN CERTIFICATE-----",
    "key: expected a private key in PEM, such as -----BEGIN PRIVATE KEY-----",
  ]);
});

test("readCertificate() refuses keys that are encrypted, too weak, or of a kind browsers do not take", () => {
  const pem = { type: "pkcs8", format: "pem" } as const;
  const rsa = generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey;
  const weak = "key: expected RSA of at least 2048 bits, or ECDSA on P-256 to P-521";
  expect(problemsOf(leaf.cert, rsa.export(pem).toString())).toContain(weak);
  const ed = generateKeyPairSync("ed25519").privateKey.export(pem).toString();
  expect(problemsOf(leaf.cert, ed)).toContain(weak);
  const locked = rsa.export({ ...pem, cipher: "aes-256-cbc", passphrase: "x" }).toString();
  expect(problemsOf(leaf.cert, locked)).toEqual(["key: expected a key that is not encrypted"]);
  const long = "x".repeat(70_000);
  expect(problemsOf(long, long)).toEqual([
    "cert: expected at most 65536 characters",
    "key: expected at most 16384 characters",
  ]);
});

test("readCertificate() takes no certificate of which any octet was changed, and throws for none", () => {
  const der = Buffer.from(leaf.cert.split("\n").slice(1, -2).join(""), "base64");
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const changed = Buffer.from(der);
      changed[at] = changed[at]! ^ by;
      const body = changed.toString("base64").match(/.{1,64}/g) ?? [];
      const cert = ["-----BEGIN CERTIFICATE-----", ...body, "-----END CERTIFICATE-----\n"];
      const problems = problemsOf(cert.join("\n") + middle.cert, leaf.key);
      expect(problems.length).toBeGreaterThan(0);
    }),
    { numRuns: 300 },
  );
  fc.assert(
    fc.property(fc.string(), fc.string(), (cert, key) => {
      expect(problemsOf(cert, key).length).toBeGreaterThan(1);
      expect(problemsOf(leaf.cert.replace("MII", cert), key).length).toBeGreaterThan(0);
    }),
  );
});
