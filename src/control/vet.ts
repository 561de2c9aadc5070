import type { Problem } from "../base/result.ts";
import type { Network } from "../model/network.ts";
import type { Site } from "../model/site.ts";
import { ownAddresses, within } from "../policy/snapshot/mod.ts";
import { parseAddress, vetAddress } from "../wire/ip/mod.ts";

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
  let names: ReadonlySet<string> | null = null;
  const notOurs = (host: string, path: string) => {
    names ??= new Set(network.customers.flatMap(({ sites }) => sites.flatMap(siteNames)));
    if (!names.has(host) && !within(host, network.zone)) return;
    const message = "expected a name apart from those that this network answers for";
    problems.push({ path, message, received: host });
  };
  for (const [c, customer] of network.customers.entries()) {
    const webhook = customer.addressWebhook;
    // As of a receiver of logs: a name is vetted by what it resolves to, when it is called.
    if (webhook !== undefined && parseAddress(hostOf(webhook)) !== null) {
      vet(hostOf(webhook), `customers.${c}.addressWebhook`, portOf(webhook));
    }
    for (const [z, { transfer }] of customer.zones.entries()) {
      for (const [t, to] of (transfer?.to ?? []).entries()) {
        const host = to.slice(0, to.lastIndexOf(":")).replace(/^\[|\]$/g, "");
        vet(host, `customers.${c}.zones.${z}.transfer.to.${t}`);
      }
    }
    for (const [s, site] of customer.sites.entries()) {
      const at = `customers.${c}.sites.${s}`;
      const sitePort = site.port ?? (site.scheme === "https" ? 443 : 80);
      const to = site.logs?.to;
      // A name is vetted by what it resolves to, by the cache that connects.
      if (to !== undefined && parseAddress(hostOf(to)) !== null) {
        vet(hostOf(to), `${at}.logs.to`, portOf(to));
      }
      vet(site.steering.fallback, `${at}.steering.fallback`);
      for (const [o, origin] of site.origins.entries()) {
        const port = origin.port ?? sitePort;
        const { host } = origin;
        vet(origin.v4, `${at}.origins.${o}.${host === undefined ? "v4" : "host"}`, port);
        vet(origin.v6, `${at}.origins.${o}.${host === undefined ? "v6" : "host"}`, port);
        if (host !== undefined) notOurs(host, `${at}.origins.${o}.host`);
        for (const key of ["exporter", "loadUrl"] as const) {
          const url = origin[key];
          if (url === undefined) continue;
          vet(hostOf(url), `${at}.origins.${o}.${key}`, portOf(url));
        }
      }
    }
  }
  return problems;
}

function siteNames({ hostname, cache }: Site): string[] {
  return [hostname, ...cache.aliases];
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[|\]$/g, "");
}

function portOf(url: string): number {
  const { port, protocol } = new URL(url);
  const usual = protocol === "https:" ? 443 : 80;
  return port === "" ? usual : Number(port);
}
