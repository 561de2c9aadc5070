import type { EdgeCertificate, EdgeCertificateSet } from "../../model/certificate.ts";
import { CERTIFICATES_COPY } from "../../store/certificates-disk.ts";
import { ASK_MS, follow, SecretFeed, type SecretWorld } from "./secret-feed.ts";

/** Certificates fetched with one word of the bus at most. */
const FETCHED_AT_ONCE = 100;

/**
 * The certificates of a cache: from its copy on disk, then as control has them. Of those that are new
 * it fetches the keys, sealed to this node's own.
 */
export function startCertificates(world: SecretWorld): Promise<Certificates> {
  const { bus, box } = world;
  const fetchSome = async (ids: readonly string[]): Promise<readonly EdgeCertificate[]> => {
    const word = await bus.request("certificates.get", { ids, sealTo: box.sealTo }, ASK_MS);
    return box.open(word) as EdgeCertificate[];
  };
  return follow(world, Certificates, {
    ...{ file: "certificates", copy: CERTIFICATES_COPY, none: { digest: "", certificates: [] } },
    ask: async ({ digest: have, certificates }) => {
      const index = await bus.request("certificates.index", { have }, ASK_MS);
      if (index === null) return null;
      const held = new Map(certificates.map((one) => [one.id, one]));
      const missing = index.ids.filter((id) => !held.has(id));
      for (let i = 0; i < missing.length; i += FETCHED_AT_ONCE) {
        const some = await fetchSome(missing.slice(i, i + FETCHED_AT_ONCE));
        for (const one of some) held.set(one.id, one);
      }
      const all = index.ids.map((id) => held.get(id));
      const found = all.filter((one) => one !== undefined);
      // Another change came meanwhile: the next turn has it whole.
      return found.length < all.length ? null : { digest: index.digest, certificates: found };
    },
    describe: (set) => ["Customers' certificates changed", { held: set.certificates.length }],
  });
}

export class Certificates extends SecretFeed<EdgeCertificateSet> {
  list(): readonly EdgeCertificate[] {
    return this.set.certificates;
  }
}
