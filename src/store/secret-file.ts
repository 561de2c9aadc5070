import { open, rename } from "node:fs/promises";
import { diskFault } from "./disk-fault.ts";

/**
 * Writes a file that only its owner can read, whole: temporary file, fsync, rename. Each part is asked for
 * once the one before is written, and others have their turn of the loop in between.
 *
 * @throws Fault of the disk
 */
export async function writeSecretFile(path: string, parts: Iterable<Uint8Array>): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, "w", 0o600);
    try {
      await file.chmod(0o600);
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    throw diskFault(error, path);
  }
}
