import { readFile } from "node:fs/promises";
import { z } from "zod";
import type { ZoneKeySet } from "../model/zone-keys.ts";
import { writeSecretFile } from "./secret-file.ts";

const zoneKeySet = z.object({
  digest: z.string(),
  keys: z.array(
    z.object({
      zone: z.string().min(1),
      algorithm: z.union([z.literal(13), z.literal(15)]),
      state: z.enum(["prepared", "active", "retiring"]),
      publicKey: z.string(),
      privateKey: z.string(),
    }),
  ),
});

/** A name server's own copy of its keys; null when there is none that can be read. */
export async function readZoneKeys(path: string): Promise<ZoneKeySet | null> {
  try {
    return zoneKeySet.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return null;
  }
}

/**
 * Replaces the copy whole. Only its owner can read it.
 *
 * @throws Fault of the disk
 */
export async function writeZoneKeys(path: string, set: ZoneKeySet): Promise<void> {
  await writeSecretFile(path, JSON.stringify(set));
}
