/**
 * What is said between a client and a certificate authority (ACME, RFC 8555; RFC 9773): signed requests,
 * requests for certificates, and the authority's answers, checked. Who signs, who sends, and what becomes
 * of an order are above.
 */
export {
  type Authorization,
  account,
  authorization,
  type CaChallenge,
  type CaProblem,
  caProblem,
  challenge,
  type Directory,
  directory,
  type Order,
  order,
  problemKind,
  problemWords,
  type RenewalInfo,
  renewalInfo,
  retryAfterMs,
} from "./answers.ts";
export { base64url, base64urlText } from "./base64url.ts";
export { certificateId } from "./certificate-id.ts";
export { certificateRequest, type UnsignedCsr } from "./csr.ts";
export {
  externalBinding,
  keyAuthorization,
  type PublicJwk,
  request,
  type Signer,
  thumbprintInput,
  type Unsigned,
} from "./jws.ts";
