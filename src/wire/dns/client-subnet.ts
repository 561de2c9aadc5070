import { clearHostBits, type Family } from "../ip/mod.ts";
import { FAULT, type WireFault } from "./wire-fault.ts";

/** EDNS Client Subnet (RFC 7871 6). `address` is 4 or 16 bytes; host bits are zero. */
export interface ClientSubnet {
  readonly family: Family;
  readonly address: Uint8Array;
  readonly sourceBits: number;
  readonly scopeBits: number;
}

/**
 * Reads the option's data. As RFC 7871 7.1.2 and 6 demand: a known family, lengths within it, as
 * many octets as the source length needs, and no bit set after it.
 */
export function decodeClientSubnet(data: Uint8Array): ClientSubnet | WireFault {
  if (data.length < 4) return FAULT.CLIENT_SUBNET;
  const code = (data[0]! << 8) | data[1]!;
  const sourceBits = data[2]!;
  const scopeBits = data[3]!;
  // Family 0 with no address is what some clients send to say "no subnet" (RFC 7871 7.1.2 has /0).
  const family: Family = code === 2 ? 6 : 4;
  if (code !== 1 && code !== 2 && !(code === 0 && sourceBits === 0)) return FAULT.CLIENT_SUBNET;
  const size = family === 4 ? 4 : 16;
  if (sourceBits > size * 8 || scopeBits > size * 8) return FAULT.CLIENT_SUBNET;
  if (data.length !== 4 + ((sourceBits + 7) >> 3)) return FAULT.CLIENT_SUBNET;
  const address = new Uint8Array(size);
  address.set(data.subarray(4));
  const last = address[(sourceBits - 1) >> 3] ?? 0;
  if ((sourceBits & 7) !== 0 && (last & (0xff >> (sourceBits & 7))) !== 0) {
    return FAULT.CLIENT_SUBNET;
  }
  return { family, address, sourceBits, scopeBits };
}

/** The option's data. Bits after the source length are left out. */
export function encodeClientSubnet(subnet: ClientSubnet): Uint8Array {
  const address = Uint8Array.from(subnet.address);
  clearHostBits(address, subnet.sourceBits);
  const kept = address.subarray(0, (subnet.sourceBits + 7) >> 3);
  const family = subnet.family === 4 ? 1 : 2;
  return Uint8Array.from([0, family, subnet.sourceBits, subnet.scopeBits, ...kept]);
}
