import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Lines of one file that no test runs. */
export interface Unrun {
  readonly file: string;
  readonly lines: number;
  readonly unrun: readonly number[];
}

/** Runs tests under Bun and tells which lines of `folders` they leave out. Throws if one fails. */
export function unrunLines(
  root: string,
  o: { readonly tests: readonly string[]; readonly folders: readonly string[] },
): Unrun[] {
  const out = mkdtempSync(join(tmpdir(), "turnpike-lines-"));
  try {
    const report = ["--coverage", "--coverage-reporter=lcov", `--coverage-dir=${out}`];
    // Counting slows tests down, and so may a busy machine.
    const command = ["test", "--timeout=120000", ...report, ...o.tests.map((test) => `./${test}`)];
    const done = spawnSync(process.execPath, command, {
      cwd: root,
      encoding: "utf8",
      timeout: 300_000,
    });
    if (done.status !== 0) throw new Error(`bun test ended with ${done.status}:\n${done.stderr}`);
    return readLcov(readFileSync(join(out, "lcov.info"), "utf8"), o.folders);
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

/** Of an lcov tracefile: SF names a file, each DA a line and how often it was run. */
export function readLcov(text: string, folders: readonly string[]): Unrun[] {
  const parts = text.split("end_of_record").map((part) => part.trim().split("\n"));
  return parts.flatMap((lines) => {
    const file = lines.find((line) => line.startsWith("SF:"))?.slice(3);
    if (file === undefined || !isSource(file, folders)) return [];
    const data = lines.filter((line) => line.startsWith("DA:"));
    const counts = data.map((line) => line.slice(3).split(",").map(Number));
    const unrun = counts.filter(([, count]) => count === 0).map(([line]) => line!);
    return [{ file, lines: counts.length, unrun }];
  });
}

/** Code of these folders, and no test of it. */
export function isSource(file: string, folders: readonly string[]): boolean {
  const inside = folders.some((folder) => file.startsWith(`${folder}/`));
  return inside && !/\.(?:test|fixture)\.ts$/.test(file);
}
