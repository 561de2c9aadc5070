/**
 * Keys of signed zones. Each signs both the keys and the data of its zone (a combined signing key);
 * a roll goes through the states in this order:
 *
 *     state      published  signs the keys  signs the data  is in DS and CDS
 *     prepared   yes        yes             no              no
 *     active     yes        yes             yes             yes
 *     retiring   yes        yes             no              no longer
 */
export type ZoneKeyState = "prepared" | "active" | "retiring";

/** 13 is ECDSA P-256 (RFC 6605), 15 is Ed25519 (RFC 8080). */
export type ZoneKeyAlgorithm = 13 | 15;

/** Travels only from control to name servers: never in a snapshot, a log or an API's answer. */
export interface ZoneKey {
  /** Lower case, without the final dot. */
  readonly zone: string;
  readonly algorithm: ZoneKeyAlgorithm;
  readonly state: ZoneKeyState;
  /** As a DNSKEY holds it, in base64. */
  readonly publicKey: string;
  /** PKCS #8 in DER, in base64. */
  readonly privateKey: string;
}

export interface ZoneKeySet {
  /** Changes when anything in `keys` does. */
  readonly digest: string;
  readonly keys: readonly ZoneKey[];
}

/** What name servers see of keys: those of now, and word when they change. */
export interface ZoneKeyFeed {
  keys(): readonly ZoneKey[];
  onKeys(listener: () => void): () => void;
}
