import { parseAddress } from "./address.ts";
import { type Prefix, parsePrefix, prefixContains } from "./prefix.ts";

/**
 * What kind of block it is:
 * - `private`: reaches a machine of the operator's own network or a lab; allowed on request.
 * - `never`: no web server can be there, or it is another notation of an address (a mapped, NAT64
 *   or 6to4 form), which would slip past whoever compares IPv4 addresses.
 */
type SpecialKind = "private" | "never";

/** IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), and multicast. */
const BLOCKS: readonly (readonly [string, SpecialKind, string])[] = [
  ["0.0.0.0/8", "never", "this network"],
  ["10.0.0.0/8", "private", "private use"],
  ["100.64.0.0/10", "private", "shared address space"],
  ["127.0.0.0/8", "private", "loopback"],
  ["169.254.0.0/16", "never", "link-local"],
  ["172.16.0.0/12", "private", "private use"],
  ["192.0.0.0/24", "never", "IETF protocol assignments"],
  ["192.0.2.0/24", "private", "documentation"],
  ["192.31.196.0/24", "never", "AS112"],
  ["192.52.193.0/24", "never", "AMT"],
  ["192.88.99.0/24", "never", "6to4 relay"],
  ["192.168.0.0/16", "private", "private use"],
  ["192.175.48.0/24", "never", "AS112"],
  ["198.18.0.0/15", "private", "benchmarking"],
  ["198.51.100.0/24", "private", "documentation"],
  ["203.0.113.0/24", "private", "documentation"],
  ["224.0.0.0/4", "never", "multicast"],
  ["240.0.0.0/4", "never", "reserved"],
  ["::1/128", "private", "loopback"],
  // Also the unspecified address and the IPv4-compatible form (RFC 4291 2.5.5.1).
  ["::/96", "never", "unspecified or IPv4-compatible"],
  ["::ffff:0:0/96", "never", "IPv4-mapped"],
  ["::ffff:0:0:0/96", "never", "IPv4-translated"],
  ["64:ff9b::/96", "never", "NAT64"],
  ["64:ff9b:1::/48", "never", "NAT64"],
  ["100::/64", "never", "discard-only"],
  ["100:0:0:1::/64", "never", "dummy"],
  ["2001::/23", "never", "IETF protocol assignments"],
  ["2001:db8::/32", "private", "documentation"],
  ["2002::/16", "never", "6to4"],
  ["2620:4f:8000::/48", "never", "AS112"],
  ["3fff::/20", "private", "documentation"],
  ["5f00::/16", "never", "segment routing"],
  ["fc00::/7", "private", "unique local"],
  ["fe80::/10", "never", "link-local"],
  ["fec0::/10", "never", "site-local"],
  ["ff00::/8", "never", "multicast"],
];

interface Block {
  readonly prefix: Prefix;
  readonly kind: SpecialKind;
  readonly title: string;
}

const TABLE: readonly Block[] = BLOCKS.map(([text, kind, title]) => ({
  prefix: parsePrefix(text)!,
  kind,
  title,
}));

function findBlock(address: Uint8Array): Block | null {
  return TABLE.find((block) => prefixContains(block.prefix, address)) ?? null;
}

/**
 * True if the address lies in a special-purpose block, or is no address at all.
 *
 * @example isSpecialPurpose("169.254.169.254")
 */
export function isSpecialPurpose(address: string | Uint8Array): boolean {
  const bytes = typeof address === "string" ? parseAddress(address) : address;
  return bytes === null || findBlock(bytes) !== null;
}

/** What may be connected to besides public addresses. */
export interface AddressRules {
  /** Loopback, private, unique local, documentation and benchmarking blocks too (labs, tests). */
  readonly allowPrivate: boolean;
  /** Prefixes that may be used whatever block they lie in; those that are no prefix are skipped. */
  readonly ranges: readonly string[];
}

/**
 * Null if a customer's server may be at this address, or the reason why not, for people. Link-local
 * addresses (metadata services) and other notations of IPv4 need a range of their own.
 *
 * @example vetAddress("127.0.0.1", { allowPrivate: false, ranges: [] })
 */
export function vetAddress(text: string, rules: AddressRules): string | null {
  const address = parseAddress(text);
  if (address === null) return "not an IP address in plain notation";
  const block = findBlock(address);
  if (block === null) return null;
  for (const range of rules.ranges) {
    const prefix = parsePrefix(range);
    if (prefix !== null && prefixContains(prefix, address)) return null;
  }
  if (block.kind === "private" && rules.allowPrivate) return null;
  return `in a block that is not for public servers (${block.title})`;
}
