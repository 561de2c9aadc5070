import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { bad, ok, type Problem, type Result } from "../base/result.ts";

const CERT_CHARS_MAX = 65_536;
const KEY_CHARS_MAX = 16_384;
const NAMES_MAX = 250;
const RSA_BITS_MIN = 2048;
const CURVES: Readonly<Record<string, string>> = {
  prime256v1: "EC P-256",
  secp384r1: "EC P-384",
  secp521r1: "EC P-521",
};
const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** What a certificate says, read from its PEM. */
export interface CertificateFacts {
  /** Lower case, each once, in its order. */
  readonly names: readonly string[];
  readonly issuer: string;
  readonly keyKind: string;
  readonly serial: string;
  /** SHA-256, 64 hex digits. */
  readonly fingerprint: string;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** It is its own issuer. */
  readonly isSelfSigned: boolean;
  /** Certificates in the file. */
  readonly chain: number;
}

export interface CertificatePair {
  readonly facts: CertificateFacts;
  /** PEM, nothing else in it. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

/**
 * Reads and checks what a customer uploads: all problems at once, none of which repeats what was
 * sent. Paths are `cert` and `key`.
 */
export function readCertificate(
  sent: { readonly cert: string; readonly key: string },
  nowMs: number,
): Result<CertificatePair> {
  const problems: Problem[] = [];
  const chain = readChain(sent.cert, problems);
  const key = readKey(sent.key, problems);
  const leaf = chain[0];
  const facts = leaf === undefined ? null : factsOf(leaf, chain.length);
  if (leaf !== undefined && facts !== null) {
    problems.push(...leafProblems(facts, nowMs), ...chainProblems(chain));
    if (key !== null && !leaf.checkPrivateKey(key)) {
      problems.push({ path: "key", message: "expected the private key of this certificate" });
    }
  }
  if (problems.length > 0 || facts === null || key === null) return bad(problems);
  const cert = chain.map((one) => `${one.toString().trim()}\n`).join("");
  const pair = { facts, cert, key: key.export({ type: "pkcs8", format: "pem" }).toString() };
  if (isServable(pair)) return ok(pair);
  return bad([{ path: "cert", message: "expected a certificate that a TLS server can show" }]);
}

/** Each whole certificate of a text, as it stands there. */
export function pemBlocks(text: string): readonly string[] {
  return text.match(PEM) ?? [];
}

/** The first line that begins or ends something in PEM, such as `-----BEGIN PRIVATE KEY-----`; or null. */
export function pemLineOf(text: string): string | null {
  return text.match(/-----(BEGIN|END) [A-Z0-9 ]{1,40}-----/)?.[0] ?? null;
}

/** What a stored PEM says. */
export function factsOfPem(cert: string): CertificateFacts {
  const all = pemBlocks(cert);
  return factsOf(new X509Certificate(all[0] ?? ""), all.length);
}

function readChain(text: string, problems: Problem[]): readonly X509Certificate[] {
  const blocks = text.length > CERT_CHARS_MAX ? [] : pemBlocks(text);
  const chain: X509Certificate[] = [];
  for (const block of blocks) {
    try {
      chain.push(readOne(block));
    } catch {
      const message = `expected an X.509 certificate in PEM as number ${chain.length + 1}`;
      problems.push({ path: "cert", message });
      return [];
    }
  }
  if (text.length > CERT_CHARS_MAX) {
    const message = `expected at most ${CERT_CHARS_MAX} characters`;
    problems.push({ path: "cert", message, received: String(text.length) });
  } else if (chain.length === 0) {
    const message = "expected a certificate in PEM, which begins -----BEGIN CERTIFICATE-----";
    problems.push({ path: "cert", message });
  }
  return chain;
}

/** @throws Error also where a key or a time in it cannot be read */
export function readOne(block: string): X509Certificate {
  const one = new X509Certificate(block);
  const times = [one.validFrom, one.validTo].map((time) => Date.parse(time));
  if (one.publicKey === undefined || times.some(Number.isNaN)) throw new Error("Unreadable");
  return one;
}

function readKey(text: string, problems: Problem[]): KeyObject | null {
  const problem = (message: string) => {
    problems.push({ path: "key", message });
    return null;
  };
  if (text.length > KEY_CHARS_MAX) {
    return problem(`expected at most ${KEY_CHARS_MAX} characters`);
  }
  if (/ENCRYPTED/.test(text)) return problem("expected a key that is not encrypted");
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    return problem("expected a private key in PEM, such as -----BEGIN PRIVATE KEY-----");
  }
  const kind = keyKindOf(key);
  if (kind === null) {
    return problem(`expected RSA of at least ${RSA_BITS_MIN} bits, or ECDSA on P-256 to P-521`);
  }
  return key;
}

function leafProblems(facts: CertificateFacts, nowMs: number): Problem[] {
  const problems: Problem[] = [];
  const { names, notAfterMs, notBeforeMs } = facts;
  const problem = (message: string, received: string) =>
    problems.push({ path: "cert", message, received });
  if (names.length === 0) {
    problem("expected DNS names in subjectAltName, which browsers look at", "none");
  } else if (names.length > NAMES_MAX) {
    problem(`expected at most ${NAMES_MAX} DNS names`, String(names.length));
  }
  if (notAfterMs <= nowMs) {
    problem("expected a certificate that has not ended", new Date(notAfterMs).toISOString());
  }
  if (notAfterMs <= notBeforeMs) {
    problem("expected an end after the beginning", new Date(notBeforeMs).toISOString());
  }
  return problems;
}

/** Each certificate after the first must have issued the one before it (RFC 8446 4.4.2). */
function chainProblems(chain: readonly X509Certificate[]): Problem[] {
  const problems: Problem[] = [];
  for (const [i, one] of chain.entries()) {
    const next = chain[i + 1];
    if (next === undefined || isIssuedBy(one, next)) continue;
    const message = `expected certificate ${i + 2} to be the issuer of certificate ${i + 1}`;
    problems.push({ path: "cert", message, received: wordsOf(next.subject) });
  }
  return problems;
}

function isIssuedBy(one: X509Certificate, issuer: X509Certificate): boolean {
  return one.checkIssued(issuer) && one.verify(issuer.publicKey);
}

function factsOf(leaf: X509Certificate, chain: number): CertificateFacts {
  return {
    names: dnsNames(leaf.subjectAltName ?? ""),
    issuer: wordsOf(leaf.issuer),
    keyKind: keyKindOf(leaf.publicKey) ?? "unknown",
    serial: leaf.serialNumber.toLowerCase(),
    fingerprint: leaf.fingerprint256.replaceAll(":", "").toLowerCase(),
    notBeforeMs: Date.parse(leaf.validFrom),
    notAfterMs: Date.parse(leaf.validTo),
    isSelfSigned: isIssuedBy(leaf, leaf),
    chain,
  };
}

/** Of `DNS:www.shop.example, IP Address:192.0.2.1`; names that need quoting are no host names. */
function dnsNames(subjectAltName: string): readonly string[] {
  const all = [...subjectAltName.matchAll(/(?:^|, )DNS:([^,"]+)/g)];
  return [...new Set(all.map(([, name = ""]) => name.trim().toLowerCase().replace(/\.$/, "")))];
}

/** The common name and organisation of `CN=...\nO=...`. */
export function wordsOf(distinguished: string): string {
  const lines = distinguished.split("\n");
  const of = (type: string) => lines.find((line) => line.startsWith(`${type}=`))?.slice(3);
  const organisation = lines.find((line) => line.startsWith("O="))?.slice(2);
  return [of("CN"), organisation].filter((part) => part !== undefined).join(", ") || "unnamed";
}

/** Null: a kind that is too weak, or that browsers do not take. */
function keyKindOf(key: KeyObject): string | null {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === "rsa" && modulusLength !== undefined) {
    return modulusLength < RSA_BITS_MIN ? null : `RSA ${modulusLength}`;
  }
  return key.asymmetricKeyType === "ec" ? (CURVES[namedCurve ?? ""] ?? null) : null;
}

function isServable(pair: { readonly cert: string; readonly key: string }): boolean {
  try {
    createSecureContext({ cert: pair.cert, key: pair.key });
    return true;
  } catch {
    return false;
  }
}
