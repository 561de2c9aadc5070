import { readFile } from "node:fs/promises";
import { z } from "zod";
import { type ServerExtrasSet, tsigUse } from "../model/zone-extras.ts";
import { TSIG_ALGORITHMS } from "../wire/dns/mod.ts";
import { writeSecretFile } from "./secret-file.ts";

const extrasSet = z.object({
  digest: z.string(),
  tsig: z.array(
    z.object({
      name: z.string(),
      customer: z.string(),
      use: tsigUse,
      algorithm: z.enum(TSIG_ALGORITHMS),
      secret: z.string(),
    }),
  ),
  challenges: z.array(
    z.object({
      customer: z.string(),
      name: z.string(),
      value: z.string(),
      expiresMs: z.number(),
    }),
  ),
  caa: z.array(z.string()).default([]),
});

/** A name server's own copy of TSIG keys and challenges; null when there is none that can be read. */
export async function readZoneExtras(path: string): Promise<ServerExtrasSet | null> {
  try {
    return extrasSet.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return null;
  }
}

/** Replaces the copy whole. @throws Fault of the disk */
export async function writeZoneExtras(path: string, set: ServerExtrasSet): Promise<void> {
  await writeSecretFile(path, JSON.stringify(set));
}
