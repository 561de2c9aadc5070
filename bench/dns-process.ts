import { readdirSync, readFileSync } from "node:fs";

/** Kernel ticks per second in /proc: 100 on every Linux that Bun runs on. */
const TICKS_PER_SEC = 100;

interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly ticks: number;
  readonly rssPages: number;
}

function readStat(pid: number): ProcessStat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The command's name stands in parentheses and may hold spaces.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    return { pid, parent: Number(fields[1]), ticks, rssPages: Number(fields[21]) };
  } catch {
    return null;
  }
}

/** The process and all its descendants. */
function readTree(root: number): ProcessStat[] {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map((name) => readStat(Number(name)))
    .filter((stat) => stat !== null);
  const tree = all.filter((stat) => stat.pid === root);
  for (const parent of tree) tree.push(...all.filter((stat) => stat.parent === parent.pid));
  return tree;
}

/** User and system time of all threads and children so far, in microseconds. */
export function cpuUs(root: number): number {
  return (readTree(root).reduce((sum, stat) => sum + stat.ticks, 0) * 1e6) / TICKS_PER_SEC;
}

export function rssBytes(root: number): number {
  return readTree(root).reduce((sum, stat) => sum + stat.rssPages, 0) * 4096;
}
