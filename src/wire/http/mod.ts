/**
 * HTTP's header fields as values: dates, Cache-Control and its targeted kin, validators, Vary, ranges,
 * Cache-Status, CDN-Loop, what caches of one network tell each other, hop-by-hop fields, the
 * canonical host and target of a request, and the framing of responses and of WebSockets' messages.
 * Strings and bytes in, plain values out: no sockets, no clock, no Request or Response. What the
 * fields mean for a cache is decided in policy/caching. Nothing here keeps state.
 */
export { readCodings, readWeights } from "./accept.ts";
export { trimBlanks } from "./blanks.ts";
export { type CacheControl, NO_CACHE_CONTROL, parseCacheControl } from "./cache-control.ts";
export { type CacheStatus, writeCacheStatus, writeName } from "./cache-status.ts";
export { countLoops, writeCdnLoop } from "./cdn-loop.ts";
export { ChunkDecoder } from "./chunked.ts";
export { formatHttpDate, parseHttpDate } from "./date.ts";
export { parseDeltaSec } from "./delta.ts";
export { listsStrongly, matchesStrongly, matchesWeakly } from "./etag.ts";
export { connectionOptions, isHopByHop } from "./hop-by-hop.ts";
export { canonicalHost, splitUrl, type Target } from "./host.ts";
export { acceptedLanguages, prefersLanguage } from "./language.ts";
export { splitList } from "./list.ts";
export {
  type ByteRange,
  type ContentRange,
  parseContentRange,
  parseRange,
  parseRanges,
} from "./range.ts";
export {
  FIELDS_MAX,
  type Framing,
  type HeadFault,
  parseResponseHead,
  type ResponseHead,
} from "./response-head.ts";
export {
  EMPTY_SHA256,
  type Hashes,
  type SigV4Key,
  type SigV4Request,
  s3Path,
  signV4,
} from "./sigv4.ts";
export { parseStrings } from "./strings.ts";
export { parseTargeted } from "./targeted.ts";
export {
  readTierMark,
  readTierTold,
  TIER_FIELD,
  type TierMark,
  type TierTold,
  writeTierMark,
  writeTierTold,
} from "./tier-mark.ts";
export { parseVary } from "./vary.ts";
export {
  closePayload,
  FrameReader,
  NO_CLOSE,
  NO_CODE,
  OPCODE,
  writeFrame,
} from "./web-socket.ts";
