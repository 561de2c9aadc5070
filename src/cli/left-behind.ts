import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { NodeFile } from "../model/node-file.ts";

/**
 * What processes of a node left in folders that no process of this start has, such as those of workers
 * beyond a number that was lowered. To be called before any is started.
 *
 * Batches of site's logs are moved to where the node's cache, or its keeper, sends them from; their names
 * are of one start of one process, so none meets another.
 *
 * @param running folders of data of those that are to be started
 * @returns folders with usage
 */
export function adoptLeft(file: NodeFile, running: readonly string[]): string[] {
  const crew = join(file.data, "crew");
  const all = [file.data, ...namesIn(crew).map((name) => join(crew, name))];
  const idle = all.filter((data) => !running.includes(data));
  if (file.roles.includes("edge")) {
    const to = logsOf(file.data);
    for (const data of idle) if (data !== file.data) moveLogs(logsOf(data), to);
  }
  const spools = idle.map((data) => join(data, "node", "spool"));
  return spools.filter((dir) => namesIn(dir).length > 0);
}

function logsOf(data: string): string {
  return join(data, "node", "cache", "logs");
}

function moveLogs(from: string, to: string): void {
  for (const site of namesIn(from)) {
    mkdirSync(join(to, site), { recursive: true });
    for (const name of namesIn(join(from, site))) {
      const target = join(to, site, name);
      if (!existsSync(target)) renameSync(join(from, site, name), target);
    }
  }
}

function namesIn(dir: string): string[] {
  return existsSync(dir) ? readdirSync(dir) : [];
}
