import { type Family, familyOf, formatAddress, isMapped, parseAddress } from "./address.ts";

/** A block of addresses in CIDR form (RFC 4632 3.1). Host bits are zero. */
export interface Prefix {
  readonly family: Family;
  readonly address: Uint8Array;
  readonly bits: number;
}

/**
 * Reads `address/bits`; a bare address is the block of it alone. Host bits are cleared, as people
 * often write the address of a machine in the block. Null when it is no prefix.
 *
 * @example parsePrefix("198.51.100.0/24")
 */
export function parsePrefix(text: string): Prefix | null {
  const slash = text.indexOf("/");
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === null) return null;
  const bitsText = slash < 0 ? String(address.length * 8) : text.slice(slash + 1);
  if (!/^(0|[1-9]\d{0,2})$/.test(bitsText)) return null;
  const bits = Number(bitsText);
  if (bits > address.length * 8) return null;
  clearHostBits(address, bits);
  return { family: familyOf(address), address, bits };
}

/**
 * The block of clients that a prefix names: of IPv4 also where it is written as a part of
 * ::ffff:0:0/96, for no client is ever seen by such an address (`plainAddress`).
 *
 * @example clientPrefix("::ffff:198.51.100.0/120") // 198.51.100.0/24
 */
export function clientPrefix(text: string): Prefix | null {
  const prefix = parsePrefix(text);
  if (prefix === null || prefix.bits < 96 || !isMapped(prefix.address)) return prefix;
  return { family: 4, address: prefix.address.slice(12), bits: prefix.bits - 96 };
}

/** @example formatPrefix({ family: 4, address: new Uint8Array([10, 0, 0, 0]), bits: 8 }) */
export function formatPrefix(prefix: Prefix): string {
  return `${formatAddress(prefix.address)}/${prefix.bits}`;
}

/** True if the block holds the address. Families never match each other. */
export function prefixContains(prefix: Prefix, address: Uint8Array): boolean {
  if (address.length !== prefix.address.length) return false;
  const whole = prefix.bits >> 3;
  for (let i = 0; i < whole; i++) if (address[i] !== prefix.address[i]) return false;
  const rest = prefix.bits & 7;
  if (rest === 0) return true;
  const mask = (0xff << (8 - rest)) & 0xff;
  return (address[whole]! & mask) === (prefix.address[whole]! & mask);
}

/** Sets all bits after the first `bits` to zero, in place. */
export function clearHostBits(address: Uint8Array, bits: number): void {
  for (let i = 0; i < address.length; i++) {
    const kept = Math.min(8, Math.max(0, bits - i * 8));
    address[i] = address[i]! & ((0xff << (8 - kept)) & 0xff);
  }
}
