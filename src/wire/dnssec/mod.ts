/**
 * DNSSEC as octets: canonical forms and the data that is signed (RFC 4034 3.1.8.1, 6), DNSKEY, DS
 * and key tags (RFC 4034 2, 5, appendix B), NSEC and its bitmaps (4.1.2), and the names of compact
 * denial (RFC 9824). Pure: hashing and signing come in as functions. Not here: which records stand
 * at a name, when a signature is renewed, and keys at rest.
 */
export { canonicalSet, concat, type WholeName, wholeData, wholeName } from "./canonical.ts";
export { SECURE } from "./codes.ts";
export { dnskeyData, dsData, keyTag } from "./key.ts";
export { nextName, nsecData, typeBitmap } from "./nsec.ts";
export { countLabels, type SignatureTerms, signatureHead } from "./signature.ts";
