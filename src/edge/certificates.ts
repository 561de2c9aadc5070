import { type EdgeCertificate, OF_NETWORK } from "../model/certificate.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { chooseCertificates } from "../policy/certificates/mod.ts";
import { siteOfHost } from "../policy/snapshot/mod.ts";
import type { NamedTls } from "./named-tls.ts";

/** Customers' certificates, as this node has them. */
export interface CertificateSource {
  list(): readonly EdgeCertificate[];
  onChange(listener: () => void): () => void;
}

/**
 * What to show for `c.<zone>`, and for each host of the snapshot that has a certificate of its own
 * customer's, in the hosts' order. Names of nobody here get none.
 */
export function namedTls(
  snapshot: Snapshot | null,
  held: readonly EdgeCertificate[],
  nowMs: number,
): readonly NamedTls[] {
  if (snapshot === null || held.length === 0) return [];
  const hosts: (readonly [string, string])[] = [[`c.${snapshot.zone}`, OF_NETWORK]];
  for (const [host, { site }] of siteOfHost(snapshot)) {
    const customer = snapshot.sites[site]?.customer;
    if (customer !== undefined) hosts.push([host, customer]);
  }
  const chosen = chooseCertificates(hosts, held, nowMs);
  return [...chosen].map(([serverName, { id, cert, key }]) => ({ serverName, id, cert, key }));
}
