import { rmSync } from "node:fs";
import { join } from "node:path";
import { listenFault } from "../base/listen-fault.ts";
import { makeCrewFolder } from "../edge/mod.ts";
import { type NodeFile, splitHostPort } from "../model/node-file.ts";

/**
 * Which of its node's processes a child is; it is told so at its start. `names`: it does whatever else
 * the node does.
 */
export interface ChildCrew {
  readonly part: "keeper" | "worker" | "names";
  /** What all of them have in common. */
  readonly folder: string;
  /** Where the keeper has what a cache of one process would have. */
  readonly cacheDir: string;
  /** Of a worker, from 1; the first begins log files anew. 0 of others. */
  readonly number: number;
}

/** A child of a node: its name, what it runs, and what it is among several. */
export interface CrewMember {
  readonly name: string;
  readonly file: NodeFile;
  readonly crew?: ChildCrew;
}

/**
 * A node whose cache has several processes (`cache.workers`), the keeper first: it is on the way of
 * misses. HTTP and HTTPS come to all workers, HTTP/3 to the first. Whatever else the node does has a
 * process of its own. Objects in memory are held by the workers and by the keeper, each under its part
 * of the cap.
 */
export function crewOf(file: NodeFile): { members: readonly CrewMember[]; remove(): void } {
  const folder = makeCrewFolder();
  const { workers, memoryMiB } = file.cache;
  const common = { folder, cacheDir: join(file.data, "node", "cache") };
  // All of them are shown together, by their supervisor.
  const { metrics: _, ...listen } = file.listen;
  // UDP has no connections that the kernel could leave with the socket that took them.
  const byTcp = { ...listen, http3: false };
  const part = (name: string, memory: number, diskMiB: number): NodeFile => ({
    ...file,
    listen,
    roles: ["edge"],
    data: join(file.data, "crew", name),
    cache: { workers, memoryMiB: Math.max(1, Math.floor(memory)), diskMiB },
  });
  const members: CrewMember[] = [
    {
      name: `${file.name}/cache`,
      file: part("keeper", memoryMiB / 2, file.cache.diskMiB),
      crew: { ...common, part: "keeper", number: 0 },
    },
  ];
  for (let i = 1; i <= workers; i++) {
    const worker = part(String(i), memoryMiB / 2 / workers, 0);
    members.push({
      name: `${file.name}/cache-${i}`,
      file: i === 1 ? worker : { ...worker, listen: byTcp },
      crew: { ...common, part: "worker", number: i },
    });
  }
  const roles = file.roles.filter((role) => role !== "control" && role !== "edge");
  if (roles.length > 0) {
    const crew = { ...common, part: "names", number: 0 } as const;
    members.push({ name: file.name, file: { ...file, listen, roles }, crew });
  }
  return { members, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/**
 * Workers share their ports by SO_REUSEPORT, with whoever of this user asks for that: a second start
 * of the same node would take half of its connections. Throws Fault `port-in-use`.
 */
export async function expectFreePorts(file: NodeFile): Promise<void> {
  for (const where of [...file.listen.http, ...(file.listen.https ?? [])]) {
    const { host: hostname, port } = splitHostPort(where);
    try {
      await Bun.serve({ hostname, port, fetch: () => new Response() }).stop(true);
    } catch (cause) {
      throw listenFault(cause, where);
    }
  }
}
