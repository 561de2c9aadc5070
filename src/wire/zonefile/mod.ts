/**
 * Master files (RFC 1035 5.1) between text and records: $ORIGIN, $TTL (RFC 2308 4), $GENERATE within
 * a bound, $INCLUDE only where the caller gives the text; times with units, parentheses, quotes,
 * escapes, comments. Every problem has its line and column. Not here: what a zone may hold, and
 * files: whoever reads them gives their text.
 */
export { formatZoneFile } from "./format.ts";
export { type MasterRecord, parseZoneFile, type ZoneFileOptions } from "./parse.ts";
