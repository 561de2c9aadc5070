import { dirname, posix } from "node:path";
import { readTree, type Source } from "../tidy/source.ts";

const WORKER = /new Worker\(\s*(?:new URL\(\s*)?["']([^"']+)["']/g;

/** Files of src that run in a Worker, from the root: each `new Worker(...)` names one. */
export function findWorkers(root: string): string[] {
  return workersOf(readTree(root).filter((file) => file.path.startsWith("src/")));
}

export function workersOf(files: readonly Source[]): string[] {
  const found = files.flatMap((file) =>
    [...file.code.matchAll(WORKER)].map((match) => {
      const name = match[1]!;
      return name.startsWith(".") ? posix.join(dirname(file.path), name) : name.replace(/^\//, "");
    }),
  );
  return [...new Set(found)].sort();
}
