import { linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileName, hashKey } from "../src/edge/cache/disk-name.ts";
import { DiskTier, type ObjectMeta, sealMeta } from "../src/edge/cache/mod.ts";

export interface IndexFigures {
  readonly entries: number;
  /** From a start to the first object read from its file, its bytes checked. */
  readonly firstHitMs: number;
  /** From a start to all files known, also those that nobody asked for. */
  readonly loadMs: number;
  /** Of it, this process's own CPU: what is left of it where the machine has other work. */
  readonly loadCpuMs: number;
  /** The longest time that requests waited meanwhile, after the first hit. */
  readonly longestTurnMs: number;
  /** Memory of the index: all its columns, with their room to grow. */
  readonly bytesPerEntry: number;
}

const WHOLE_BYTES_MAX = 1024 * 1024;
const BODY_BYTES = 10_000;
const KEY = "customer www.example /asked-for-first";

/**
 * A restart of the disk tier over a folder with so many files. All but the one that is asked for first are names of
 * a few files: a restart looks at names alone. The file system has them in memory, as after a restart of the process.
 */
export async function measureIndex(entries: number): Promise<IndexFigures> {
  const dir = mkdtempSync(join(tmpdir(), "turnpike-bench-"));
  try {
    await writeFirst(dir);
    writeNames(dir, entries - 1);
    return await measureRestart(dir);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function openDisk(dir: string): DiskTier {
  return new DiskTier({
    ...{ dir, bytesMax: Number.MAX_SAFE_INTEGER, wholeBytesMax: WHOLE_BYTES_MAX },
    nowMs: () => Date.now(),
  });
}

async function writeFirst(dir: string): Promise<void> {
  const disk = openDisk(dir);
  const meta: ObjectMeta = sealMeta({
    ...{ key: KEY, customer: "customer", site: "www.example", path: "/asked-for-first" },
    ...{ vary: [], variant: "", status: 200, fields: [["content-type", "image/png"]] },
    ...{ etag: null, lastModified: null, lastModifiedMs: null, receivedMs: 0 },
    bodyBytes: BODY_BYTES,
    freshness: {
      ...{ lifetimeMs: 1000, from: "max-age", initialAgeMs: 0 },
      ...{ alwaysValidate: false, onErrorMs: 0 },
    },
  });
  disk.write(meta, new Uint8Array(BODY_BYTES));
  await disk.stop();
}

function writeNames(dir: string, count: number): void {
  const folders = new Set<string>();
  for (let i = 0; i < count; i++) {
    const keyHash = hashKey(String(i));
    const fileBytes = 1_000 + ((i * 7919) % 100_000);
    const storedSec = 1_790_000_000 + ((i * 31) % 86_400);
    const variantHash = keyHash.slice(0, 16);
    const name = fileName({ keyHash, variantHash, fileBytes, storedSec, customer: i % 100 });
    const folder = join(dir, keyHash.slice(0, 2));
    // File systems allow a file tens of thousands of names.
    const file = join(folder, "file");
    if (!folders.has(folder)) {
      folders.add(folder);
      mkdirSync(folder, { recursive: true });
      writeFileSync(file, "");
    }
    linkSync(file, join(folder, name));
  }
}

async function measureRestart(dir: string): Promise<IndexFigures> {
  const startedMs = performance.now();
  const before = process.cpuUsage();
  const disk = openDisk(dir);
  const first = await disk.read(KEY, () => null);
  if (first?.kind !== "whole") throw new Error("Cannot measure a restart: its file was not found");
  const firstHitMs = performance.now() - startedMs;
  let [turnMs, longestTurnMs] = [performance.now(), 0];
  while (disk.isReading) {
    await new Promise((resolve) => setImmediate(resolve));
    const nowMs = performance.now();
    longestTurnMs = Math.max(longestTurnMs, nowMs - turnMs);
    turnMs = nowMs;
  }
  const loadMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(before);
  await disk.stop();
  return {
    entries: disk.count,
    firstHitMs: Math.round(firstHitMs),
    loadMs: Math.round(loadMs),
    loadCpuMs: Math.round((user + system) / 1000),
    longestTurnMs: Math.round(longestTurnMs),
    bytesPerEntry: Math.round(disk.indexBytes / disk.count),
  };
}
