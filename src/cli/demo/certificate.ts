import { createPrivateKey, createSign, generateKeyPairSync, randomBytes } from "node:crypto";
import {
  bitString,
  octetString,
  oid,
  sequence,
  set,
  subjectAltName,
  tagged,
  text,
} from "../../wire/der/mod.ts";

const DAY_MS = 86_400_000;

/** PEM texts. */
export interface IssuedPair {
  readonly cert: string;
  readonly key: string;
}

/** Who signs a certificate, by its name and key. */
export interface Authority extends IssuedPair {
  readonly subject: string;
}

/**
 * A self-signed X.509 certificate (RFC 5280) for the demo's caches, built here because a bare
 * machine has no tool for it: ECDSA P-256, two days, the given names as subjectAltName.
 */
export function selfSigned(names: readonly string[], now: Date): IssuedPair {
  const from = new Date(now.getTime() - DAY_MS);
  return issue({ subject: "Turnpike demo", names, from, days: 2 });
}

/**
 * A certificate signed by `by`, or by its own key; with ECDSA P-256 keys, and for an authority where
 * it names nothing.
 */
export function issue(o: {
  readonly subject: string;
  readonly names: readonly string[];
  readonly from: Date;
  readonly days: number;
  readonly by?: Authority;
  /** Whose certificate it is, where its key is not made here: DER of SubjectPublicKeyInfo. */
  readonly spki?: Uint8Array;
  /** Says by which key it is signed (RFC 5280 4.2.1.1). */
  readonly authorityKey?: Uint8Array;
}): Authority {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = o.spki ?? publicKey.export({ type: "spki", format: "der" });
  const ecdsaSha256 = sequence(oid("2a8648ce3d040302"));
  const serial = randomBytes(9);
  serial[0] = 1;
  const extensions =
    o.names.length > 0
      ? [subjectAltName(o.names)]
      : [sequence(oid("551d13"), TRUE, octetString(sequence(TRUE)))];
  if (o.authorityKey !== undefined) {
    const identifier = sequence(tagged(0x80, o.authorityKey));
    extensions.push(sequence(oid("551d23"), octetString(identifier)));
  }
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.of(2))),
    tagged(0x02, serial),
    ecdsaSha256,
    commonName(o.by?.subject ?? o.subject),
    sequence(utc(o.from), utc(new Date(o.from.getTime() + o.days * DAY_MS))),
    commonName(o.subject),
    spki,
    tagged(0xa3, sequence(...extensions)),
  );
  const signer = o.by === undefined ? privateKey : createPrivateKey(o.by.key);
  const signature = createSign("sha256").update(body).sign(signer);
  const der = Buffer.from(sequence(body, ecdsaSha256, bitString(signature)));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    subject: o.subject,
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function commonName(name: string): Uint8Array {
  return sequence(set(sequence(oid("550403"), text(0x0c, name))));
}

const TRUE = Buffer.of(1, 1, 0xff);

function utc(date: Date): Uint8Array {
  const digits = date.toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return text(0x17, `${digits}Z`);
}
