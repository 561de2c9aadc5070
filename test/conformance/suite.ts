import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert } from "../../src/base/assert.ts";
import { silentLog } from "../../src/base/log.ts";
import { realClock } from "../../src/base/real/clock.ts";
import { seededRng } from "../../src/base/rng.ts";
import { LocalBus } from "../../src/bus/mod.ts";
import { NO_ASSIGNMENT } from "../../src/model/assignment.ts";
import { NO_HEALTH } from "../../src/model/health.ts";
import type { Snapshot } from "../../src/model/snapshot.ts";
import { noUsage } from "../../src/model/usage.ts";
import { startAsAsked } from "../stories/edge-crew.ts";
import { snapshotOf } from "../stories/edge-stage.ts";

const HERE = import.meta.dir;
const SITE = "www.conformance.example";
const ORIGIN = "127.94.0.1";
const EDGE = "127.94.9.1";
const PARENT = "127.94.9.2";

export interface Outcome {
  readonly kind: "required" | "optimal" | "check";
  /** `dependency`: a test that it builds on did not pass. `setup`: its own preparation did not. */
  readonly outcome: "pass" | "fail" | "dependency" | "setup" | "harness";
  readonly words?: string;
}

/** By the suite's test id. */
export type Outcomes = Readonly<Record<string, Outcome>>;

/** Installs what the lock in this folder names, once. Null, or why that cannot be done. */
export function install(): string | null {
  const lock = readFileSync(join(HERE, "package-lock.json"), "utf8");
  const stamp = join(HERE, "node_modules", ".turnpike-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return null;
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const done = spawnSync("npm", args, { cwd: HERE, encoding: "utf8", timeout: 90_000 });
  if (done.status !== 0) return "npm ci could not install the suite";
  writeFileSync(stamp, lock);
  return null;
}

/**
 * Runs the suite through an edge as it is shipped, with the suite's server as the one origin of a
 * site behind caches. `ids` narrows it; with `tiers` the edge asks another one.
 */
export async function runSuite(
  ids?: readonly string[],
  o: { readonly dump?: boolean; readonly tiers?: boolean } = {},
): Promise<Outcomes> {
  const dump = o.dump === true;
  const dir = mkdtempSync(join(tmpdir(), "turnpike-conformance-"));
  const server = await startServer(dir);
  try {
    const edges = await startSiteEdges(dir, server.port, o.tiers === true);
    try {
      return await runClient(edges[0]!.httpPort, ids, dump);
    } finally {
      for (const edge of edges) await edge.stop();
    }
  } finally {
    server.child.kill();
    await server.ended;
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Node, and never the npm that the suite brings. */
function node(args: readonly string[], cwd: string, env: Readonly<Record<string, string>>) {
  return spawn("node", args, {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function startServer(dir: string) {
  const server = join(HERE, "node_modules/http-cache-tests/server/server.mjs");
  const child = node(["--import", join(HERE, "loopback.mjs"), server], dir, {
    CONFORMANCE_HOST: ORIGIN,
    npm_config_protocol: "http",
    npm_config_port: "0",
    npm_config_pidfile: join(dir, "server.pid"),
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString();
    const port = /Listening on http:\/\/[\d.]+:(\d+)\//.exec(said)?.[1];
    if (port !== undefined) resolve(Number(port));
  });
  void ended.then(() => reject(new Error(`The suite's server ended: ${said}`)));
  return { child, ended, port: await promise };
}

/** The one that clients ask, and its parent where there are tiers. */
async function startSiteEdges(dir: string, originPort: number, tiers: boolean) {
  const plain = snapshotOf([
    {
      ...{ hostname: SITE, customer: "suite", port: originPort, front: "caches" },
      origins: [{ name: "o1", v4: ORIGIN, port: originPort }],
    },
  ]);
  if (!tiers) return [await startSiteEdge({ name: "edge-1", address: EDGE, dir }, () => plain)];
  let snapshot = plain;
  const parent = await startSiteEdge({ name: "mid-1", address: PARENT, dir }, () => snapshot);
  const [node] = plain.nodes;
  snapshot = {
    ...plain,
    ports: { ...plain.ports, http: parent.httpPort },
    pops: [{ name: "here", parent: "mid" }, { name: "mid" }],
    nodes: [node!, { ...node!, index: 1, id: "node/mid-1", name: "mid-1", pop: 1, v4: PARENT }],
  };
  return [await startSiteEdge({ name: "edge-1", address: EDGE, dir }, () => snapshot), parent];
}

function startSiteEdge(
  at: { readonly name: string; readonly address: string; readonly dir: string },
  snapshot: () => Snapshot,
) {
  const bus = new LocalBus();
  bus.respond("purge.since", () => ({ latest: 0, purges: [] }));
  return startAsAsked({
    node: at.name,
    listen: { hosts: [at.address], http: 0 },
    dataDir: join(at.dir, at.name),
    tierKeys: () => [{ madeMs: 0, secret: new Uint8Array(32) }],
    memoryBytesMax: 64 * 1024 * 1024,
    diskBytesMax: 256 * 1024 * 1024,
    feed: {
      snapshot,
      health: () => NO_HEALTH,
      assignment: () => NO_ASSIGNMENT,
      onSnapshot: () => () => {},
      onHealth: () => () => {},
    },
    bus,
    meter: { of: () => noUsage() },
    clock: realClock,
    rng: seededRng(1),
    log: silentLog,
  });
}

async function runClient(port: number, ids: readonly string[] | undefined, dump: boolean) {
  const child = node([join(HERE, "client.mjs")], HERE, {
    CONFORMANCE_EDGE: `${EDGE}:${port}`,
    CONFORMANCE_SITE: SITE,
    ...(ids === undefined ? {} : { CONFORMANCE_IDS: ids.join(",") }),
    ...(dump ? { CONFORMANCE_DUMP: "1" } : {}),
  });
  const said = await output(child);
  if (dump) process.stderr.write(said);
  const last = said.trimEnd().split("\n").at(-1) ?? "";
  return JSON.parse(last) as Outcomes;
}

async function output(child: ChildProcess): Promise<string> {
  let said = "";
  child.stdout!.on("data", (chunk: Buffer) => {
    said += chunk.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  assert(code === 0, "The suite's client ends by itself");
  return said;
}
