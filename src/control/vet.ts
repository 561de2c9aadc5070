import type { Problem } from "../base/result.ts";
import type { Network } from "../model/network.ts";
import { formatAddress, parseAddress, vetAddress } from "../wire/ip/mod.ts";

/**
 * Addresses that customers give us to connect to: none that is loopback, private or special unless
 * the network file allows it, and none that leads back to our own caches (RFC 8586 names the loop).
 * Every role that connects vets again, on the address connected to.
 */
export function vetNetwork(network: Network): Problem[] {
  const rules = { allowPrivate: network.allowPrivateOrigins, ranges: network.allowOriginRanges };
  const own = ownAddresses(network);
  const problems: Problem[] = [];
  const vet = (address: string | undefined, path: string, port?: number) => {
    if (address === undefined) return;
    const reason = vetAddress(address, rules);
    if (reason !== null) {
      const message = `expected a public address (or allowPrivateOrigins): it is ${reason}`;
      problems.push({ path, message, received: address });
    } else if (port !== undefined && own.has(`${canonical(address)} ${port}`)) {
      const message = "expected a server of the customer's: this is a cache of the network";
      problems.push({ path, message, received: `${address} port ${port}` });
    }
  };
  for (const [c, customer] of network.customers.entries()) {
    for (const [z, { transfer }] of customer.zones.entries()) {
      for (const [t, to] of (transfer?.to ?? []).entries()) {
        const host = to.slice(0, to.lastIndexOf(":")).replace(/^\[|\]$/g, "");
        vet(host, `customers.${c}.zones.${z}.transfer.to.${t}`);
      }
    }
    for (const [s, site] of customer.sites.entries()) {
      const at = `customers.${c}.sites.${s}`;
      const sitePort = site.port ?? (site.scheme === "https" ? 443 : 80);
      vet(site.steering.fallback, `${at}.steering.fallback`);
      for (const [o, origin] of site.origins.entries()) {
        const port = origin.port ?? sitePort;
        vet(origin.v4, `${at}.origins.${o}.v4`, port);
        vet(origin.v6, `${at}.origins.${o}.v6`, port);
        for (const key of ["exporter", "loadUrl"] as const) {
          const url = origin[key];
          if (url === undefined) continue;
          vet(new URL(url).hostname.replace(/^\[|\]$/g, ""), `${at}.origins.${o}.${key}`);
        }
      }
    }
  }
  return problems;
}

function ownAddresses(network: Network): Set<string> {
  const own = new Set<string>();
  for (const { addresses, roles } of network.nodes) {
    if (!roles.includes("edge")) continue;
    for (const address of [addresses.v4, addresses.v6]) {
      if (address === undefined) continue;
      for (const port of [network.ports.http, network.ports.https]) {
        own.add(`${canonical(address)} ${port}`);
      }
    }
  }
  return own;
}

/** IPv6 has many spellings of one address. */
function canonical(address: string): string {
  const bytes = parseAddress(address);
  return bytes === null ? address : formatAddress(bytes);
}
