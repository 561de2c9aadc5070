import { appendFile, mkdir, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Log } from "../../base/log.ts";
import type { QueryLogEntry } from "../../dns/mod.ts";

const FLUSH_MS = 500;

/**
 * Writes lookups as JSON lines, twice a second. A file that has reached its size is kept as `FILE.1`
 * and begun anew, so that two of them are the most that is ever on the disk. What cannot be written
 * is told and left out: nobody waits for this log.
 */
export function startLookupLog(o: {
  readonly file: string;
  readonly bytesMax: number;
  readonly log: Log;
}): { add(entry: QueryLogEntry): void; stop(): Promise<void> } {
  let lines: string[] = [];
  let writing: Promise<void> = mkdir(dirname(o.file), { recursive: true }).then(() => {});
  const flush = () => {
    if (lines.length === 0) return;
    const text = `${lines.join("\n")}\n`;
    lines = [];
    writing = writing
      .then(() => append(o, text))
      .catch((error: unknown) => o.log.warn("Cannot write the query log", { file: o.file, error }));
  };
  const timer = setInterval(flush, FLUSH_MS);
  return {
    add: (entry) => lines.push(JSON.stringify(entry)),
    stop: async () => {
      clearInterval(timer);
      flush();
      await writing;
    },
  };
}

async function append(o: { file: string; bytesMax: number }, text: string): Promise<void> {
  const size = await stat(o.file).then(
    (found) => found.size,
    () => 0,
  );
  if (size > 0 && size + text.length > o.bytesMax) await rename(o.file, `${o.file}.1`);
  await appendFile(o.file, text);
}
