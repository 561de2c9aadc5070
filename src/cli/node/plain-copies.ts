import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../../base/log.ts";
import type { Rng } from "../../base/rng.ts";
import { type CopyKind, readSealedCopy, writeSealedCopy } from "../../store/sealed-copy.ts";
import { ZONE_EXTRAS_COPY } from "../../store/zone-extras-disk.ts";
import { ZONE_KEYS_COPY } from "../../store/zone-keys-disk.ts";

interface PlainWorld {
  readonly dataDir: string;
  readonly rng: Rng;
  readonly log: Log;
}

/**
 * Name servers once kept keys that sign zones and TSIG keys in the open, as `<name>.json`. After an
 * upgrade these are sealed, where there is no sealed copy yet, and removed, whatever the node does now.
 */
export async function sealPlainCopies(world: PlainWorld): Promise<void> {
  await sealPlain("zone-keys", ZONE_KEYS_COPY, world);
  await sealPlain("zone-extras", ZONE_EXTRAS_COPY, world);
}

async function sealPlain<T extends object>(
  name: string,
  copy: CopyKind<T>,
  { dataDir, rng, log }: PlainWorld,
): Promise<void> {
  const at = (ending: string) => join(dataDir, `${name}.${ending}`);
  const file = { path: at("sealed"), masterPath: at("secret"), rng };
  try {
    const plain = await readPlain(at("json"), copy);
    // What is sealed is newer: the plain one was written by an older version only.
    if (plain !== null && (await readSealedCopy(file, copy)) === null) {
      await writeSealedCopy(file, copy, plain);
    }
    // A kill while it was written left a part.
    const gone = [await remove(at("json")), await remove(at("json.tmp"))];
    if (gone.includes(true)) log.info("Keys that lay in the open are sealed now", { name });
  } catch (error) {
    log.error("Keys lie on disk in the open and cannot be sealed", { name, error });
  }
}

/** Null when there is none that can be read. */
async function readPlain<T>(path: string, { shape }: CopyKind<T>): Promise<T | null> {
  try {
    return shape.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return null;
  }
}

/** Overwrites it first: what was in a removed file stays on disk for long. True when there was one. */
async function remove(path: string): Promise<boolean> {
  try {
    const file = await open(path, "r+");
    try {
      await file.writeFile(Buffer.alloc((await file.stat()).size));
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return false;
  }
  await rm(path);
  return true;
}
