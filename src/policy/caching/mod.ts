/**
 * What a shared cache may keep and reuse: RFC 9111 as pure functions, clause by clause. The key, whether
 * a response may be stored and why not, how long it is fresh, its age, how it is revalidated and
 * which variant answers a request. Stricter than the RFC where a mistake would show one user's bytes
 * to another: each such place says so. No storage, no clock: times come in as milliseconds.
 */
export { type Ban, banned, foldBans, groupsOf, tagKey, tagsOf } from "./bans.ts";
export { type CachedResponse, type GivenTtl, type ResponseFacts, readResponse } from "./facts.ts";
export {
  ageMs,
  type Freshness,
  freshnessOf,
  isFresh,
  mayServeOnError,
  mayServeWhileRevalidating,
} from "./freshness.ts";
export {
  invalidatedGroups,
  invalidatedPaths,
  isLocatedHere,
  isRedirectedHere,
  isSafe,
} from "./invalidate.ts";
export {
  cacheKey,
  canonicalPath,
  normalAccept,
  normalEncodings,
  type Variant,
  variantKey,
  variantLanguage,
  variantMatcher,
  variantMatches,
} from "./key.ts";
export {
  covers,
  isStrong,
  type Part,
  partOf,
  partToAsk,
  SLICE_BYTES,
  slice,
  writeRange,
} from "./parts.ts";
export {
  compareHead,
  conditionFields,
  isNotModified,
  mayCut,
  mergeNotModified,
  selects,
} from "./revalidate.ts";
export {
  type CacheRequest,
  isOwnReason,
  type OwnReason,
  ownReasons,
  type StoreReason,
  type StoreVerdict,
  saysNothingOfOthers,
  storable,
} from "./storable.ts";
export { aboutReason, whyNotReport } from "./why-not.ts";
