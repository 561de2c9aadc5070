import type { Problem } from "../base/result.ts";
import type { Network } from "../model/network.ts";
import { ownAddresses } from "../policy/snapshot/mod.ts";
import { vetAddress } from "../wire/ip/mod.ts";

/**
 * Addresses that customers give us to connect to: none that is loopback, private or special unless
 * the network file allows it, and none that leads back to our own nodes (RFC 8586 names the loop).
 * Every role that connects vets again, on the address connected to.
 */
export function vetNetwork(network: Network): Problem[] {
  const rules = { allowPrivate: network.allowPrivateOrigins, ranges: network.allowOriginRanges };
  const own = ownAddresses({ ...network, nodes: network.nodes.map((node) => node.addresses) });
  const problems: Problem[] = [];
  const vet = (address: string | undefined, path: string, port?: number) => {
    if (address === undefined) return;
    const reason = vetAddress(address, rules);
    if (reason !== null) {
      const message = `expected a public address (or allowPrivateOrigins): it is ${reason}`;
      problems.push({ path, message, received: address });
    } else if (port !== undefined && own(address, port)) {
      const message = "expected a server of the customer's: this is a node of the network";
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
          const { hostname, port: named, protocol } = new URL(url);
          const usual = protocol === "https:" ? 443 : 80;
          const asked = named === "" ? usual : Number(named);
          vet(hostname.replace(/^\[|\]$/g, ""), `${at}.origins.${o}.${key}`, asked);
        }
      }
    }
  }
  return problems;
}
