import { z } from "zod";
import type { SigningKeySet } from "../model/signing-keys.ts";
import { readSealedCopy, type SealedCopy, writeSealedCopy } from "./sealed-copy.ts";

const shape = z.object({
  digest: z.string(),
  keys: z.array(z.object({ customer: z.string(), name: z.string(), secret: z.string() })),
});

const name = "signing keys of a cache";

/** A cache's own copy of the keys; null when there is none that can be read. */
export function readSigningKeys(file: SealedCopy): Promise<SigningKeySet | null> {
  return readSealedCopy(file, { name, shape });
}

/** Replaces the copy whole. @throws Fault of the disk */
export function writeSigningKeys(file: SealedCopy, set: SigningKeySet): Promise<void> {
  return writeSealedCopy(file, name, set);
}
