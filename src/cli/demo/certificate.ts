import { createPrivateKey, createSign, generateKeyPairSync, randomBytes } from "node:crypto";

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
}): Authority {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  const ecdsaSha256 = sequence(oid("2a8648ce3d040302"));
  const serial = randomBytes(9);
  serial[0] = 1;
  const altNames = sequence(...o.names.map((name) => tagged(0x82, Buffer.from(name))));
  const extension =
    o.names.length > 0
      ? sequence(oid("551d11"), tagged(0x04, altNames))
      : sequence(oid("551d13"), TRUE, tagged(0x04, sequence(TRUE)));
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.of(2))),
    tagged(0x02, serial),
    ecdsaSha256,
    commonName(o.by?.subject ?? o.subject),
    sequence(utc(o.from), utc(new Date(o.from.getTime() + o.days * DAY_MS))),
    commonName(o.subject),
    spki,
    tagged(0xa3, sequence(extension)),
  );
  const signer = o.by === undefined ? privateKey : createPrivateKey(o.by.key);
  const signature = createSign("sha256").update(body).sign(signer);
  const der = sequence(body, ecdsaSha256, tagged(0x03, Buffer.concat([Buffer.of(0), signature])));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    subject: o.subject,
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function commonName(name: string): Buffer {
  return sequence(set(sequence(oid("550403"), tagged(0x0c, Buffer.from(name)))));
}

/** One DER value: tag, length, content (X.690 8.1). */
function tagged(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head =
    length < 0x80
      ? [length]
      : length < 0x100
        ? [0x81, length]
        : [0x82, length >>> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...head]), content]);
}

const TRUE = Buffer.of(1, 1, 0xff);

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function set(...parts: readonly Buffer[]): Buffer {
  return tagged(0x31, Buffer.concat(parts));
}

function oid(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, "hex"));
}

function utc(date: Date): Buffer {
  const text = date.toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return tagged(0x17, Buffer.from(`${text}Z`));
}
