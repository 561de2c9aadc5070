import {
  createHash,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from "node:crypto";
import { assert } from "../../base/assert.ts";
import {
  base64url,
  certificateRequest,
  type PublicJwk,
  thumbprintInput,
} from "../../wire/acme/mod.ts";

/** A new P-256 key: PEM, PKCS #8. */
export function newKey(): string {
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return privateKey.export({ type: "pkcs8", format: "pem" }).toString();
}

/** The key of an account: signs requests, and what challenges are answered with. */
export class AccountKey {
  readonly jwk: PublicJwk;
  readonly thumbprint: string;
  readonly #key: KeyObject;

  constructor(pem: string) {
    this.#key = createPrivateKey(pem);
    const { x, y } = this.#key.export({ format: "jwk" });
    assert(x !== undefined && y !== undefined, "An account's key is of P-256");
    this.jwk = { crv: "P-256", kty: "EC", x, y };
    this.thumbprint = createHash("sha256").update(thumbprintInput(this.jwk)).digest("base64url");
  }

  /** ES256 (RFC 7518 3.4), in base64url. */
  sign(input: string): string {
    const options = { key: this.#key, dsaEncoding: "ieee-p1363" as const };
    return sign("sha256", Buffer.from(input), options).toString("base64url");
  }
}

/** A request for a certificate for this name and key, DER in base64url. */
export function requestFor(host: string, keyPem: string): string {
  const key = createPrivateKey(keyPem);
  const { x = "", y = "" } = key.export({ format: "jwk" });
  const spki = spkiOf(Buffer.from(x, "base64url"), Buffer.from(y, "base64url"));
  const { info, signed } = certificateRequest([host], spki);
  return base64url(signed(sign("sha256", info, key)));
}

/** SubjectPublicKeyInfo of a P-256 point: always the same head (RFC 5480 2). */
function spkiOf(x: Buffer, y: Buffer): Uint8Array {
  const head = "3059301306072a8648ce3d020106082a8648ce3d03010703420004";
  return Buffer.concat([Buffer.from(head, "hex"), x, y]);
}
