import { createPrivateKey, createPublicKey, diffieHellman, hkdfSync } from "node:crypto";
import type { Rng } from "../base/rng.ts";
import { seal, unseal } from "./sealed.ts";

const SECRET_BYTES = 32;
/** RFC 8410 7: what stands before the 32 octets of an X25519 private key in PKCS #8. */
const PKCS8_HEAD = Buffer.from("302e020100300506032b656e04220420", "hex");
const SPKI_BYTES = 44;
const NAME = "box";

/** The public key (SPKI) of a secret of 32 octets. */
export function boxKey(secret: Uint8Array): Uint8Array {
  return createPublicKey(privateOf(secret)).export({ type: "spki", format: "der" });
}

/**
 * Seals octets to whoever holds the secret of an X25519 public key: a key pair for this message alone,
 * HKDF-SHA-256 over what both share, then an envelope of AES-256-GCM.
 *
 * @throws Error when `to` is no X25519 public key in SPKI
 */
export function sealTo(to: Uint8Array, o: { readonly secret: Uint8Array; readonly rng: Rng }) {
  const own = o.rng.bytes(SECRET_BYTES);
  const from = boxKey(own);
  const master = sharedKey(own, { of: to, from, to });
  return Buffer.concat([from, seal(master, { name: NAME, secret: o.secret, rng: o.rng })]);
}

/** @throws Error when it was sealed to another, or an octet was changed */
export function openBox(secret: Uint8Array, box: Uint8Array): Uint8Array {
  const from = box.subarray(0, SPKI_BYTES);
  const master = sharedKey(secret, { of: from, from, to: boxKey(secret) });
  return unseal(master, NAME, box.subarray(SPKI_BYTES));
}

function sharedKey(
  secret: Uint8Array,
  o: { readonly of: Uint8Array; readonly from: Uint8Array; readonly to: Uint8Array },
): Uint8Array {
  if (o.of.length !== SPKI_BYTES) throw new Error("Expected an X25519 key");
  const publicKey = createPublicKey({ key: Buffer.from(o.of), format: "der", type: "spki" });
  if (publicKey.asymmetricKeyType !== "x25519") throw new Error("Expected an X25519 key");
  const shared = diffieHellman({ privateKey: privateOf(secret), publicKey });
  const salt = Buffer.concat([o.from, o.to]);
  return new Uint8Array(hkdfSync("sha256", shared, salt, "turnpike box 1", SECRET_BYTES));
}

function privateOf(secret: Uint8Array) {
  return createPrivateKey({
    key: Buffer.concat([PKCS8_HEAD, secret]),
    format: "der",
    type: "pkcs8",
  });
}
