/** Numbers of DNSSEC (IANA "DNS Parameters" and "DNSSEC Algorithm Numbers"). */
export const SECURE = {
  DS: 43,
  RRSIG: 46,
  NSEC: 47,
  DNSKEY: 48,
  CDS: 59,
  CDNSKEY: 60,
  /** In a bitmap: this name does not exist (RFC 9824 2). Never a question. */
  NXNAME: 128,
  /** ECDSA P-256 with SHA-256 (RFC 6605), and Ed25519 (RFC 8080). */
  P256: 13,
  ED25519: 15,
  /** SHA-256 digests in DS (RFC 4509). */
  DIGEST_SHA256: 2,
  /** Zone key and secure entry point: the one key of a zone does both (RFC 4034 2.1.1). */
  KEY_FLAGS: 257,
} as const;
