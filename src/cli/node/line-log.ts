import { appendFile, mkdir, rename, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Log } from "../../base/log.ts";
import { STDOUT } from "../../model/access-log.ts";

const FLUSH_MS = 500;
/** What nobody takes, such as a pipe that is full, holds up no end for longer. */
const STOP_MS = 2_000;
/** What may wait for the disk; more is counted and left out. */
const WAITING_CHARS_MAX = 16_777_216;

/**
 * Writes lines twice a second. A file that has reached its size is kept as `FILE.1` and begun anew, so
 * that two of them are the most that is ever on the disk. What cannot be written, or not in time, is
 * told and left out: nobody waits for this log.
 *
 * @param o `file` is `-` for the standard output, which has no size to reach; `print` writes there where
 *   another process does for several
 */
export function startLineLog(o: {
  readonly file: string;
  readonly bytesMax: number;
  readonly log: Log;
  readonly print?: (text: string) => Promise<void>;
}): { add(line: string): void; stop(): Promise<void> } {
  let lines: string[] = [];
  let waiting = 0;
  let left = 0;
  const write = o.file === STDOUT ? (o.print ?? printOut) : (text: string) => append(o, text);
  let writing: Promise<void> =
    o.file === STDOUT
      ? Promise.resolve()
      : mkdir(dirname(o.file), { recursive: true }).then(() => {});
  const flush = () => {
    if (left > 0) o.log.warn("Lines of a log were left out", { file: o.file, lines: left });
    left = 0;
    if (lines.length === 0) return;
    const text = `${lines.join("\n")}\n`;
    lines = [];
    writing = writing
      .then(() => write(text))
      .catch((error: unknown) => o.log.warn("Cannot write a log", { file: o.file, error }))
      .then(() => {
        waiting -= text.length;
      });
  };
  const timer = setInterval(flush, FLUSH_MS);
  return {
    add: (line) => {
      if (waiting + line.length > WAITING_CHARS_MAX) {
        left++;
        return;
      }
      waiting += line.length + 1;
      lines.push(line);
    },
    stop: async () => {
      clearInterval(timer);
      flush();
      const { promise: late, resolve } = Promise.withResolvers<void>();
      const end = setTimeout(resolve, STOP_MS);
      await Promise.race([writing, late]);
      clearTimeout(end);
    },
  };
}

/**
 * Writes to the standard output. Resolved once whoever reads it has taken it; who reads it may go away, and
 * that ends nothing here.
 */
export function printOut(text: string): Promise<void> {
  if (process.stdout.listenerCount("error") === 0) process.stdout.on("error", () => {});
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  process.stdout.write(text, (error) => (error == null ? resolve() : reject(error)));
  return promise;
}

async function append(o: { file: string; bytesMax: number }, text: string): Promise<void> {
  const size = await stat(o.file).then(
    (found) => found.size,
    () => 0,
  );
  if (size > 0 && size + text.length > o.bytesMax) await rename(o.file, `${o.file}.1`);
  await appendFile(o.file, text);
}
