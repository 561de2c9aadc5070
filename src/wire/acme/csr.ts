import { bitString, oid, sequence, set, subjectAltName, tagged } from "../der/mod.ts";

const ECDSA_SHA256 = sequence(oid("2a8648ce3d040302"));
const EXTENSION_REQUEST = "2a864886f70d01090e";
const VERSION_1 = tagged(0x02, Uint8Array.of(0));

/** A certificate request whose signature is missing (PKCS #10, RFC 2986). */
export interface UnsignedCsr {
  /** DER; signed with ECDSA and SHA-256. */
  readonly info: Uint8Array;
  /** DER of the whole. @param signature DER of ECDSA-Sig-Value */
  readonly signed: (signature: Uint8Array) => Uint8Array;
}

/**
 * A request for a certificate for these DNS names, with no subject: authorities take what they put there
 * from the names, and a common name has no more than 64 characters.
 *
 * @param spki the public key, DER of SubjectPublicKeyInfo
 */
export function certificateRequest(names: readonly string[], spki: Uint8Array): UnsignedCsr {
  const extensions = sequence(subjectAltName(names));
  const attribute = sequence(oid(EXTENSION_REQUEST), set(extensions));
  const info = sequence(VERSION_1, sequence(), spki, tagged(0xa0, attribute));
  return { info, signed: (signature) => sequence(info, ECDSA_SHA256, bitString(signature)) };
}
