import { DiskIndex, fileName, hashKey } from "../src/edge/cache/disk-index.ts";

export interface IndexFigures {
  readonly entries: number;
  /** From the names in a listing to the first entry found, without the listing itself. */
  readonly loadMs: number;
  /** Of it, this process's own CPU: what is left of it where the machine has other work. */
  readonly loadCpuMs: number;
  /** Memory of the index: all its columns, with their room to grow. */
  readonly bytesPerEntry: number;
}

/** A restart with so many objects on disk: their names are read into the index. */
export function measureIndex(entries: number): IndexFigures {
  const names = Array.from({ length: entries }, (_, i) => {
    const hex = hashKey(String(i));
    const variantHash = hex.slice(0, 16);
    const fileBytes = 1_000 + ((i * 7919) % 100_000);
    const storedSec = 1_790_000_000 + ((i * 31) % 86_400);
    return fileName({ keyHash: hex, variantHash, fileBytes, storedSec, customer: i % 100 });
  });
  const startedMs = performance.now();
  const before = process.cpuUsage();
  const index = new DiskIndex();
  // Only about, as a restart knows it from its first folder.
  index.expect(Math.round(entries * 0.97));
  for (const name of names) index.load(name);
  index.settle();
  index.of(hashKey("0"));
  const loadMs = Math.round(performance.now() - startedMs);
  const { user, system } = process.cpuUsage(before);
  const loadCpuMs = Math.round((user + system) / 1000);
  return { entries, loadMs, loadCpuMs, bytesPerEntry: Math.round(index.memoryBytes / index.count) };
}
