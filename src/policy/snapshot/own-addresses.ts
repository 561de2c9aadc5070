import {
  formatAddress,
  isSpecialPurpose,
  parseAddress,
  parsePrefix,
  prefixContains,
} from "../../wire/ip/mod.ts";

/** What a network says of its own nodes, and of the ranges that its customers may name. */
export interface OwnNetwork {
  readonly nodes: readonly { readonly v4?: string | undefined; readonly v6?: string | undefined }[];
  readonly ports: { readonly dns: number; readonly http: number; readonly https: number };
  readonly allowOriginRanges: readonly string[];
}

/**
 * Whether a web server that a customer names is a node of the network itself: a request would go
 * round in circles, or come to what only the node's own network should reach (threats H13, T1). Of an
 * address that the operator allows to be used (as on one machine for all) only the public ports count.
 *
 * @returns true for such an address and port
 * @example ownAddresses(network)("8.8.4.4", 80)
 */
export function ownAddresses(own: OwnNetwork): (address: string, port: number) => boolean {
  const ports = new Set([own.ports.dns, own.ports.http, own.ports.https]);
  const anyPort = new Map<string, boolean>();
  for (const { v4, v6 } of own.nodes) {
    for (const address of [v4, v6]) {
      if (address !== undefined) anyPort.set(canonical(address), !isAllowed(own, address));
    }
  }
  return (address, port) => {
    const any = anyPort.get(canonical(address));
    return any !== undefined && (any || ports.has(port));
  };
}

/** Special addresses are in nobody else's reach; of the public ones only those that the operator lists. */
function isAllowed(own: OwnNetwork, text: string): boolean {
  const address = parseAddress(text);
  if (address === null || isSpecialPurpose(address)) return true;
  return own.allowOriginRanges.some((range) => {
    const prefix = parsePrefix(range);
    return prefix !== null && prefixContains(prefix, address);
  });
}

/** IPv6 has many spellings of one address. */
function canonical(address: string): string {
  if (!address.includes(":")) return address;
  const bytes = parseAddress(address);
  return bytes === null ? address : formatAddress(bytes);
}
