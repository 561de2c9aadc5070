/**
 * IP addresses and prefixes between text and bytes, which addresses are special, and the table
 * that finds the longest prefix of an address. Not here: sockets, and what a prefix stands for.
 * Everything is immutable once made.
 */
export {
  type Family,
  familyOf,
  formatAddress,
  isMapped,
  parseAddress,
  plainAddress,
} from "./address.ts";
export {
  clearHostBits,
  clientPrefix,
  formatPrefix,
  type Prefix,
  parsePrefix,
  prefixContains,
} from "./prefix.ts";
export { type PrefixAs, parsePrefixAs } from "./prefix-as.ts";
export { compilePrefixBytes, compilePrefixes } from "./prefix-compile.ts";
export {
  openPrefixes,
  type PrefixBytes,
  type PrefixEntry,
  type PrefixTable,
} from "./prefix-table.ts";
export { type AddressRules, isSpecialPurpose, vetAddress } from "./special.ts";
