import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { Rng } from "../base/rng.ts";
import type { SigningKeySet } from "../model/signing-keys.ts";
import { masterKey, seal, unseal } from "./sealed.ts";
import { writeSecretFile } from "./secret-file.ts";

const signingKeySet = z.object({
  digest: z.string(),
  keys: z.array(z.object({ customer: z.string(), name: z.string(), secret: z.string() })),
});

const NAME = "signing keys of a cache";

/** A cache's own copy of the keys, sealed with a master key of this node. */
export interface SigningKeyFile {
  readonly path: string;
  readonly masterPath: string;
  readonly rng: Rng;
}

/** Null when there is none that can be read. */
export async function readSigningKeys(file: SigningKeyFile): Promise<SigningKeySet | null> {
  try {
    const sealed = await readFile(file.path);
    const plain = unseal(masterKey(file.masterPath, file.rng, false), NAME, sealed);
    return signingKeySet.parse(JSON.parse(Buffer.from(plain).toString()));
  } catch {
    return null;
  }
}

/**
 * Replaces the copy whole. Only its owner can read it.
 *
 * @throws Fault of the disk
 */
export async function writeSigningKeys(file: SigningKeyFile, set: SigningKeySet): Promise<void> {
  const { path, masterPath, rng } = file;
  const secret = Buffer.from(JSON.stringify(set));
  await writeSecretFile(path, seal(masterKey(masterPath, rng, true), { name: NAME, secret, rng }));
}
