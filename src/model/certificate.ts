/** Whose a certificate of the network itself is: `c.<zone>` is everybody's. */
export const OF_NETWORK = "";

/** A customer's certificate with its key, as caches need it. Never in a snapshot, a log or an answer. */
export interface EdgeCertificate {
  /** Changes when anything of it does: 32 hex digits. */
  readonly id: string;
  /** Or OF_NETWORK. */
  readonly customer: string;
  /** What it is called in the API. */
  readonly name: string;
  /** DNS names it is for, lower case; the first label of one may be `*`. */
  readonly names: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** PEM: the certificate itself, then those that lead to its authority. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

/** All that a cache may need; the digest changes when anything of it does. */
export interface EdgeCertificateSet {
  readonly digest: string;
  readonly certificates: readonly EdgeCertificate[];
}

export interface CertificateIndex {
  readonly digest: string;
  /** Of each certificate of the set. */
  readonly ids: readonly string[];
}
