import { SECURE } from "./codes.ts";

/**
 * The data of a DNSKEY or CDNSKEY record (RFC 4034 2.1). `publicKey` is x and y for P-256 (RFC
 * 6605 4), the 32 octets for Ed25519 (RFC 8080 3).
 *
 * @example dnskeyData(SECURE.P256, publicKey)
 */
export function dnskeyData(algorithm: number, publicKey: Uint8Array): Uint8Array {
  const flags = SECURE.KEY_FLAGS;
  return Uint8Array.from([flags >> 8, flags & 255, 3, algorithm, ...publicKey]);
}

/**
 * The key tag of a DNSKEY's data (RFC 4034 appendix B).
 *
 * @example keyTag(dnskeyData(SECURE.ED25519, publicKey))
 */
export function keyTag(dnskey: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < dnskey.length; i++) sum += (i & 1) === 1 ? dnskey[i]! : dnskey[i]! << 8;
  sum += (sum >> 16) & 0xffff;
  return sum & 0xffff;
}

/**
 * The data of a DS or CDS record with a SHA-256 digest (RFC 4034 5.1.4, RFC 4509). `owner` is the
 * zone's name, whole and in lower case.
 *
 * @example dsData(encodeName("shop.example")!, dnskey, sha256)
 */
export function dsData(
  owner: Uint8Array,
  dnskey: Uint8Array,
  sha256: (data: Uint8Array) => Uint8Array,
): Uint8Array {
  const hashed = new Uint8Array(owner.length + dnskey.length);
  hashed.set(owner);
  hashed.set(dnskey, owner.length);
  const tag = keyTag(dnskey);
  return Uint8Array.from([
    tag >> 8,
    tag & 255,
    dnskey[3]!,
    SECURE.DIGEST_SHA256,
    ...sha256(hashed),
  ]);
}
