/** What an RRSIG says besides the signature (RFC 4034 3.1). */
export interface SignatureTerms {
  readonly type: number;
  readonly algorithm: number;
  /** Of the owner, without the root and a leading `*`. */
  readonly labels: number;
  readonly originalTtlSec: number;
  /** Seconds since the Unix epoch, modulo 2^32. */
  readonly inceptionSec: number;
  readonly expirationSec: number;
  readonly keyTag: number;
  /** The zone's name, whole, in lower case: never compressed. */
  readonly signer: Uint8Array;
}

/**
 * The data of an RRSIG up to the signature: the first part of what is signed, and of the record.
 *
 * @example sign(concat(signatureHead(terms), canonicalSet(set)))
 */
export function signatureHead(terms: SignatureTerms): Uint8Array {
  const out = new Uint8Array(18 + terms.signer.length);
  const view = new DataView(out.buffer);
  view.setUint16(0, terms.type);
  view.setUint8(2, terms.algorithm);
  view.setUint8(3, terms.labels);
  view.setUint32(4, terms.originalTtlSec);
  view.setUint32(8, terms.expirationSec);
  view.setUint32(12, terms.inceptionSec);
  view.setUint16(16, terms.keyTag);
  out.set(terms.signer, 18);
  return out;
}

/**
 * Labels as an RRSIG counts them (RFC 4034 3.1.3). `name` is whole.
 *
 * @example countLabels(encodeName("*.shop.example")!) // 2
 */
export function countLabels(name: Uint8Array): number {
  const wildcard = name[0] === 1 && name[1] === 0x2a;
  let labels = wildcard ? -1 : 0;
  for (let at = 0; name[at] !== 0; at += name[at]! + 1) labels++;
  return labels;
}
