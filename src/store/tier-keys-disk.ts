import { z } from "zod";
import type { TierKeySet } from "../model/tiers.ts";
import { readSealedCopy, type SealedCopy, writeSealedCopy } from "./sealed-copy.ts";

const shape = z.object({
  digest: z.string(),
  keys: z.array(z.object({ madeMs: z.number(), secret: z.string() })),
});

const name = "keys of caches among themselves";

/** The keys in this file, as control or a cache keeps them; null when there are none to be read. */
export function readTierKeys(file: SealedCopy): Promise<TierKeySet | null> {
  return readSealedCopy(file, { name, shape });
}

/** Replaces the file whole. @throws Fault of the disk */
export function writeTierKeys(file: SealedCopy, set: TierKeySet): Promise<void> {
  return writeSealedCopy(file, name, set);
}
