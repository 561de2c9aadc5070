import { mkdir, open, readdir, readFile, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { bad, type Problem, type Result } from "../base/result.ts";
import type { Snapshot } from "../model/snapshot.ts";
import { diskFault } from "./disk-fault.ts";

/** How many snapshots stay on a node's disk: the newest, and older ones to fall back to. */
const KEPT = 3;
const NAME = /^snapshot-(\d{10,})\.json$/;

/**
 * Makes a snapshot the newest on disk, durably: it is written beside, synced, renamed, and the
 * folder synced; so a crash at any moment leaves this one whole or the older ones untouched.
 *
 * @throws Fault `store-full`
 */
export async function writeSnapshot(dir: string, snapshot: Snapshot): Promise<void> {
  const name = `snapshot-${String(snapshot.number).padStart(10, "0")}.json`;
  const beside = join(dir, `.${name}.tmp`);
  try {
    await mkdir(dir, { recursive: true });
    const file = await open(beside, "w", 0o600);
    try {
      await file.writeFile(`${JSON.stringify(snapshot)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(beside, join(dir, name));
    await syncFolder(dir);
  } catch (error) {
    await unlink(beside).catch(() => {});
    throw diskFault(error, `cannot write snapshot ${snapshot.number}`);
  }
  await prune(dir);
}

/**
 * The newest snapshot on disk that `verify` accepts. Newer ones that cannot be read are passed
 * over and reported, one problem or more each, with the file's name as the path.
 */
export async function readLatestSnapshot(
  dir: string,
  verify: (value: unknown) => Result<Snapshot>,
): Promise<{ readonly snapshot: Snapshot | null; readonly problems: readonly Problem[] }> {
  const problems: Problem[] = [];
  for (const { name, number } of await listed(dir)) {
    const read = await readOne(join(dir, name), verify);
    if (read.ok && read.value.number === number) return { snapshot: read.value, problems };
    if (read.ok) {
      const received = String(read.value.number);
      problems.push({ path: name, message: `expected snapshot ${number} in this file`, received });
    } else {
      for (const p of read.problems) problems.push({ ...p, path: joined(name, p.path) });
    }
  }
  return { snapshot: null, problems };
}

async function readOne(
  path: string,
  verify: (value: unknown) => Result<Snapshot>,
): Promise<Result<Snapshot>> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    return bad([{ path: "", message: `expected a readable file: ${(error as Error).message}` }]);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const received = `${text.length} characters that are not whole JSON`;
    return bad([{ path: "", message: "expected a whole snapshot", received }]);
  }
  return verify(value);
}

/** Newest first. A missing folder is an empty one. */
async function listed(dir: string): Promise<{ name: string; number: number }[]> {
  const names = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names
    .flatMap((name) => {
      const number = NAME.exec(name)?.[1];
      return number === undefined ? [] : [{ name, number: Number(number) }];
    })
    .sort((a, b) => b.number - a.number);
}

async function prune(dir: string): Promise<void> {
  for (const { name } of (await listed(dir)).slice(KEPT)) {
    await unlink(join(dir, name)).catch(() => {});
  }
}

async function syncFolder(dir: string): Promise<void> {
  const folder = await open(dir, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function joined(name: string, path: string): string {
  return path === "" ? name : `${name}: ${path}`;
}
