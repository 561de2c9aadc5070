import { createSign, generateKeyPairSync, randomBytes } from "node:crypto";

/**
 * A self-signed X.509 certificate (RFC 5280) for the demo's caches, built here because a bare
 * machine has no tool for it: ECDSA P-256, two days, the given names as subjectAltName.
 */
export function selfSigned(
  names: readonly string[],
  now: Date,
): { readonly cert: string; readonly key: string } {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const spki = publicKey.export({ type: "spki", format: "der" });
  const ecdsaSha256 = sequence(oid("2a8648ce3d040302"));
  const subject = sequence(
    set(sequence(oid("550403"), tagged(0x0c, Buffer.from("Turnpike demo")))),
  );
  const day = 86_400_000;
  const serial = randomBytes(9);
  serial[0] = 1;
  const altNames = sequence(...names.map((name) => tagged(0x82, Buffer.from(name))));
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.of(2))),
    tagged(0x02, serial),
    ecdsaSha256,
    subject,
    sequence(utc(new Date(now.getTime() - day)), utc(new Date(now.getTime() + day))),
    subject,
    spki,
    tagged(0xa3, sequence(sequence(oid("551d11"), tagged(0x04, altNames)))),
  );
  const signature = createSign("sha256").update(body).sign(privateKey);
  const der = sequence(body, ecdsaSha256, tagged(0x03, Buffer.concat([Buffer.of(0), signature])));
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
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
