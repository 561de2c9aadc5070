import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { Rng } from "../base/rng.ts";
import type { EdgeCertificateSet } from "../model/certificate.ts";
import { masterKey, seal, unseal } from "./sealed.ts";
import { writeSecretFile } from "./secret-file.ts";

const certificateSet = z.object({
  digest: z.string(),
  certificates: z.array(
    z.object({
      id: z.string(),
      customer: z.string(),
      name: z.string(),
      names: z.array(z.string()),
      notBeforeMs: z.number(),
      notAfterMs: z.number(),
      cert: z.string(),
      key: z.string(),
    }),
  ),
});

const NAME = "certificates of a cache";

/** A cache's own copy of the certificates, sealed with a master key of this node. */
export interface CertificateFile {
  readonly path: string;
  readonly masterPath: string;
  readonly rng: Rng;
}

/** Null when there is none that can be read. */
export async function readCertificates(file: CertificateFile): Promise<EdgeCertificateSet | null> {
  try {
    const sealed = await readFile(file.path);
    const plain = unseal(masterKey(file.masterPath, file.rng, false), NAME, sealed);
    return certificateSet.parse(JSON.parse(Buffer.from(plain).toString()));
  } catch {
    return null;
  }
}

/**
 * Replaces the copy whole. Only its owner can read it.
 *
 * @throws Fault of the disk
 */
export async function writeCertificates(
  file: CertificateFile,
  set: EdgeCertificateSet,
): Promise<void> {
  const { path, masterPath, rng } = file;
  const secret = Buffer.from(JSON.stringify(set));
  await writeSecretFile(path, seal(masterKey(masterPath, rng, true), { name: NAME, secret, rng }));
}
