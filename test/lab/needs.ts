import { test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const FOLDERS = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** Where a program is, or null. */
export function findProgram(name: string): string | null {
  if (name.startsWith("/")) return existsSync(name) ? name : null;
  for (const folder of FOLDERS) {
    if (folder !== "" && existsSync(join(folder, name))) return join(folder, name);
  }
  return null;
}

/** Why a test that needs these cannot run here, or null. `root`, `netns`, `tmpfs`, or programs. */
export function whyNot(needs: readonly string[]): string | null {
  const absent = needs.filter((need) => !has(need));
  return absent.length === 0 ? null : `no ${absent.join(", ")}`;
}

function has(need: string): boolean {
  if (need === "root") return process.getuid?.() === 0;
  if (need === "netns") return works(["unshare", "-n", "true"]) && findProgram("ip") !== null;
  if (need === "tmpfs") return works(["unshare", "-m", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
  return findProgram(need) !== null;
}

function works(command: readonly string[]): boolean {
  const program = findProgram(command[0]!);
  return program !== null && spawnSync(program, command.slice(1)).status === 0;
}

/** A test that is skipped, with the reason in its name, where what it needs is not there. */
export function testWith(
  needs: readonly string[],
  name: string,
  run: () => Promise<void>,
  limitSec = 120,
): void {
  const why = whyNot(needs);
  if (why === null) test(name, run, limitSec * 1000);
  else test.skip(`${name} [skipped: ${why}]`, run);
}
