/**
 * What a site's rules say of a request: which of them match, and what they ask for together. Patterns
 * without backtracking, keys, redirects, CORS, access by prefix and country, token buckets, signed
 * addresses, lifetimes by status, compression and error pages, each a pure function. Not here: the
 * rules' shape (model/rules) and who carries them out (edge/hot). Clock, secrets and HMAC come in.
 */
export { type AccessVerdict, clientAddress, compileAccess } from "./access.ts";
export { Buckets, bucketName, type Limit } from "./bucket.ts";
export {
  CODINGS,
  type Coding,
  encodedTag,
  forbidsTransforming,
  mayCompress,
  negotiate,
  variesByEncoding,
} from "./compress.ts";
export { CORS_FIELDS, corsFields, preflightFields } from "./cors.ts";
export { editedField, editFields, givenNames } from "./edits.ts";
export { errorPageFor, fillPage } from "./error-page.ts";
export { compileGlob } from "./glob.ts";
export {
  cookiesWithout,
  cookieValue,
  cookieValues,
  deviceClass,
  type KeyClient,
  keyedCookies,
  keyedPath,
  keyPart,
  keyParts,
} from "./key.ts";
export type { AddressForm, RuleRequest } from "./match.ts";
export { rulePath, rulePaths, ruleQuery } from "./path.ts";
export { type Chosen, type Plan, SiteRules } from "./plan.ts";
export { redirectTarget } from "./redirect.ts";
export {
  checkToken,
  type Grant,
  type Hmac,
  SECRET_BYTES_MIN,
  type SignReason,
  signToken,
  TOKEN_NAME,
  takeToken,
} from "./token.ts";
export { ttlFor } from "./ttl.ts";
