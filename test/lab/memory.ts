import { closeSync, openSync, readFileSync, readSync } from "node:fs";

const PAGE = 4096;
const ENTRY = 8;
/** Octets read at a time; what is looked for may lie across the end of one. */
const CHUNK_PAGES = 1024;

/**
 * Which of these octets are somewhere in a process's memory, as a dump of it would have them. Reads
 * the pages that it has (proc(5): maps, pagemap, mem), and needs to be its parent's user.
 */
export function foundInMemory(pid: number, wanted: readonly Buffer[]): ReadonlySet<Buffer> {
  const found = new Set<Buffer>();
  const longest = Math.max(...wanted.map((one) => one.length));
  const memory = openSync(`/proc/${pid}/mem`, "r");
  const pages = openSync(`/proc/${pid}/pagemap`, "r");
  const chunk = Buffer.alloc(CHUNK_PAGES * PAGE + longest);
  try {
    for (const [from, to] of areasOf(pid)) {
      let kept = 0;
      for (const { at, count } of presentRuns(pages, from, to)) {
        if (at === null) kept = 0;
        else {
          const had = readOr0(memory, chunk.subarray(kept, kept + count * PAGE), at);
          const seen = chunk.subarray(0, kept + had);
          for (const one of wanted) if (seen.includes(one)) found.add(one);
          kept = Math.min(longest, seen.length);
          seen.copy(chunk, 0, seen.length - kept);
        }
      }
    }
  } finally {
    closeSync(memory);
    closeSync(pages);
  }
  return found;
}

/** What can be written, which is where data is. */
function areasOf(pid: number): [from: number, to: number][] {
  return readFileSync(`/proc/${pid}/maps`, "utf8")
    .split("\n")
    .map((line) => /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line))
    .filter((match) => match !== null)
    .map(([, from = "", to = ""]) => [Number.parseInt(from, 16), Number.parseInt(to, 16)]);
}

/** Runs of pages that are there; null where one is not. */
function* presentRuns(
  pages: number,
  from: number,
  to: number,
): Generator<{ at: number | null; count: number }> {
  for (let at = from; at < to; at += CHUNK_PAGES * PAGE) {
    const many = Math.min(CHUNK_PAGES, (to - at) / PAGE);
    const entries = Buffer.alloc(many * ENTRY);
    readOr0(pages, entries, (at / PAGE) * ENTRY);
    let begin = -1;
    for (let i = 0; i <= many; i++) {
      // Bit 63: in memory.
      const isThere = i < many && (entries[i * ENTRY + 7]! & 0x80) !== 0;
      if (isThere && begin < 0) begin = i;
      if (isThere || begin < 0) continue;
      yield { at: at + begin * PAGE, count: i - begin };
      begin = -1;
      if (i < many) yield { at: null, count: 0 };
    }
    if ((entries[(many - 1) * ENTRY + 7]! & 0x80) === 0) yield { at: null, count: 0 };
  }
}

/** The process lives on: what was there may be gone. */
function readOr0(file: number, into: Buffer, at: number): number {
  try {
    return readSync(file, into, 0, into.length, at);
  } catch {
    return 0;
  }
}
