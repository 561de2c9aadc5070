import type { Log } from "../../base/log.ts";
import type { Rng } from "../../base/rng.ts";
import type { Bus } from "../../bus/mod.ts";
import type { EdgeCertificate, EdgeCertificateSet } from "../../model/certificate.ts";
import type { Feed } from "../../model/feed.ts";
import { readCertificates, writeCertificates } from "../../store/certificates-disk.ts";
import { masterKey } from "../../store/sealed.ts";
import { boxKey, openBox } from "../../store/sealed-box.ts";
import { ASK_MS, SecretFeed } from "./secret-feed.ts";

/** Certificates fetched with one word of the bus at most. */
const FETCHED_AT_ONCE = 100;

/**
 * The certificates of a cache: from its copy on disk, then as control has them. Of those that are new
 * it fetches the keys, sealed to this node's own.
 *
 * @param o paths: of the sealed copy, of the key it is sealed with, and of this node's X25519 secret
 * @throws Fault `store-corrupt` when this node's secret cannot be read, or of the disk
 */
export async function startCertificates(o: {
  readonly path: string;
  readonly masterPath: string;
  readonly boxPath: string;
  readonly feed: Pick<Feed, "onSnapshot">;
  readonly bus: Bus;
  readonly rng: Rng;
  readonly log: Log;
}): Promise<Certificates> {
  const { feed, bus, log, rng } = o;
  const box = masterKey(o.boxPath, rng, true);
  const sealTo = Buffer.from(boxKey(box)).toString("base64");
  const fetchSome = async (ids: readonly string[]): Promise<readonly EdgeCertificate[]> => {
    const { sealed } = await bus.request("certificates.get", { ids, sealTo }, ASK_MS);
    const plain = openBox(box, Buffer.from(sealed, "base64"));
    return JSON.parse(Buffer.from(plain).toString()) as EdgeCertificate[];
  };
  const certificates: Certificates = new Certificates({
    kept: (await readCertificates(o)) ?? { digest: "", certificates: [] },
    ask: async (have) => {
      const index = await bus.request("certificates.index", { have }, ASK_MS);
      if (index === null) return null;
      const held = new Map(certificates.set.certificates.map((one) => [one.id, one]));
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
    keep: (set) => writeCertificates(o, set),
    describe: (set) => ["Customers' certificates changed", { held: set.certificates.length }],
    ...{ feed, log },
  });
  certificates.follow();
  return certificates;
}

export class Certificates extends SecretFeed<EdgeCertificateSet> {
  list(): readonly EdgeCertificate[] {
    return this.set.certificates;
  }
}
