import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WORDS_FILE } from "./crew.ts";
import { SEED, WORDS_BYTES } from "./words.ts";

const NAME = /^turnpike-(\d+)-/;

/**
 * A folder for what the processes of one node have in common: of this user alone, in memory where the
 * machine has such a file system. Those of starters that were killed are removed.
 */
export function makeCrewFolder(within = existsSync("/dev/shm") ? "/dev/shm" : tmpdir()): string {
  for (const name of readdirSync(within)) {
    const pid = NAME.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    try {
      rmSync(join(within, name), { recursive: true, force: true });
    } catch {
      // Somebody else's.
    }
  }
  const folder = mkdtempSync(join(within, `turnpike-${process.pid}-`));
  const words = new Uint32Array(WORDS_BYTES / 4);
  crypto.getRandomValues(words.subarray(SEED, SEED + 1));
  writeFileSync(join(folder, WORDS_FILE), words, { mode: 0o600 });
  return folder;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (fault) {
    return (fault as { readonly code?: string }).code !== "ESRCH";
  }
}
