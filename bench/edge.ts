// Cache hits over HTTP: our edge as shipped beside the caches that are installed. The figure is CPU time
// at the server per answered request; servers on one core, wrk or h2load on another, in turn, round
// by round. Every server has fetched every object from one and the same origin before.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { selfSigned } from "../src/cli/demo/certificate.ts";
import { engineOptions } from "../src/cli/engine-options.ts";
import { cpuUs, rssBytes } from "./dns-process.ts";
import { type Load, readH2load, readWrk } from "./edge-load.ts";
import { peers, startBare } from "./edge-peers.ts";
import type { BenchCase, BenchFigure, BenchOptions, BenchResult } from "./result.ts";

/**
 * What the origin has: so many objects of that many bytes, asked for by that many connections. Of
 * none there are as many as there are requests: each is a miss. A server is warm after `warmUp`
 * answers, however long the machine takes for them: a runtime that compiles what it runs often has
 * threads at work until then, which were a third of all CPU for misses at 2,300 a second.
 */
const FOLDERS = {
  k10: { objects: 0, bytes: 10_240, connections: 32, warmUp: 60_000 },
  k1: { objects: 1000, bytes: 1024, connections: 64, warmUp: 300_000 },
  k100: { objects: 200, bytes: 102_400, connections: 32, warmUp: 60_000 },
  m10: { objects: 8, bytes: 10_000_000, connections: 8, warmUp: 300 },
} as const;
type Folder = keyof typeof FOLDERS;
const ADDRESS = "127.83.0.1";
const ORIGIN = "127.83.1.1";
const HOST = "www.shop-7.example.cdn.example";
const SERVER_CORE = "0";
const LOAD_CORE = availableParallelism() > 1 ? "1" : "0";
const PIN = ["taskset", "-c", SERVER_CORE];
const READY_MS_MAX = 20_000;
const MEMORY_BYTES = 512 * 1024 * 1024;
/** One step of a warm-up, and how many of them there are at most. */
const WARM_UP_SEC = 3;
const WARM_UP_STEPS_MAX = 4;

let loads = 0;

interface Subject {
  readonly name: string;
  readonly ours: boolean;
  /** It is the runtime alone, which has only these. */
  readonly only?: readonly Folder[];
  readonly http: number;
  readonly https: number | null;
  readonly child: ChildProcess;
}

interface Workload {
  readonly name: string;
  readonly load: string;
  readonly goalRatio: number | null;
  readonly tool: "wrk" | "h2load";
  readonly tls: boolean;
  readonly folder: Folder;
  /** Of each connection over HTTP/2, at once. */
  readonly streams?: number;
}

const STREAMS = 10;

const WORKLOADS: readonly Workload[] = [
  {
    name: "hit 1 KB, HTTP/1.1",
    load: "wrk, 64 connections",
    goalRatio: 0.8,
    tool: "wrk",
    tls: false,
    folder: "k1",
  },
  {
    name: "hit 1 KB, HTTP/2 + TLS",
    load: "h2load, 32 connections, 10 streams",
    goalRatio: 0.4,
    tool: "h2load",
    tls: true,
    folder: "k1",
  },
  // What a request costs over HTTP/2 hangs on how many come in one segment.
  ...[1, 32].map(
    (streams): Workload => ({
      name: `hit 1 KB, HTTP/2 + TLS, ${streams === 1 ? "1 stream" : `${streams} streams`}`,
      load: `h2load, 32 connections, ${streams === 1 ? "1 stream" : `${streams} streams`}`,
      goalRatio: null,
      tool: "h2load",
      tls: true,
      folder: "k1",
      streams,
    }),
  ),
  {
    name: "hit 100 KB, HTTP/1.1",
    load: "wrk, 32 connections",
    goalRatio: 0.7,
    tool: "wrk",
    tls: false,
    folder: "k100",
  },
  {
    name: "hit 100 KB, HTTP/1.1 + TLS",
    load: "wrk, 32 connections",
    goalRatio: 0.55,
    tool: "wrk",
    tls: true,
    folder: "k100",
  },
  {
    name: "hit 100 KB, HTTP/2 + TLS",
    load: "h2load, 32 connections, 10 streams",
    goalRatio: 0.7,
    tool: "h2load",
    tls: true,
    folder: "k100",
  },
  {
    name: "hit 10 MB, HTTP/1.1",
    load: "wrk, 8 connections",
    goalRatio: 1.05,
    tool: "wrk",
    tls: false,
    folder: "m10",
  },
  {
    name: "miss 10 KB, HTTP/1.1",
    load: "wrk, 32 connections",
    goalRatio: 1.2,
    tool: "wrk",
    tls: false,
    folder: "k10",
  },
];

/** Runs the bench; whoever calls has installed the peers. Needs Linux, taskset, wrk and h2load. */
export async function bench(o: BenchOptions): Promise<BenchResult> {
  const lacking = ["wrk", "h2load"].filter((tool) => spawnSync(tool, ["-h"]).error !== undefined);
  if (lacking.length > 0) {
    const missing = [`all: no ${lacking.join(" and no ")} to load with`];
    return { bench: "edge", rounds: o.rounds, cases: [], missing };
  }
  const dir = mkdtempSync(join(tmpdir(), "turnpike-bench-edge-"));
  const origin = startOrigin();
  const subjects: Subject[] = [];
  const missing: string[] = [];
  try {
    await startAll({ dir, origin: origin.port!, subjects, missing });
    const cases: BenchCase[] = [];
    for (const workload of WORKLOADS.filter(({ name }) => name.includes(o.only)))
      cases.push(await run(workload, { ...o, dir, subjects }));
    return { bench: "edge", rounds: o.rounds, cases, missing };
  } finally {
    await Promise.all(subjects.map(end));
    await origin.stop(true);
    rmSync(dir, { recursive: true, force: true });
  }
}

function startOrigin() {
  const names = Object.keys(FOLDERS) as Folder[];
  const bodies = Object.fromEntries(names.map((name) => [name, "k".repeat(FOLDERS[name].bytes)]));
  return Bun.serve({
    hostname: ORIGIN,
    port: 0,
    fetch(asked) {
      const folder = new URL(asked.url).pathname.split("/")[1]!;
      const headers = {
        "content-type": "image/png",
        "cache-control": "public, max-age=86400",
        etag: '"5f3c-1a2b"',
        "last-modified": "Sun, 01 Nov 2026 10:00:00 GMT",
      };
      return new Response(bodies[folder], { headers });
    },
  });
}

async function startAll(o: {
  readonly dir: string;
  readonly origin: number;
  readonly subjects: Subject[];
  readonly missing: string[];
}): Promise<void> {
  const script = join(import.meta.dir, "edge-server.ts");
  const args = [process.execPath, script, ADDRESS, ORIGIN, String(o.origin), String(MEMORY_BYTES)];
  const env = { BUN_CONFIG_MAX_HTTP_REQUESTS: "65535", ...engineOptions(MEMORY_BYTES) };
  const child = spawn(PIN[0]!, [...PIN.slice(1), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
  const line = await new Promise<string>((resolve) => {
    child.stdout!.once("data", (data: Buffer) => resolve(data.toString()));
  });
  o.subjects.push({ name: "turnpike", ours: true, child, ...JSON.parse(line) });
  const pem = selfSigned([HOST], new Date());
  const [cert, key] = [join(o.dir, "cert.pem"), join(o.dir, "key.pem")];
  writeFileSync(cert, pem.cert);
  writeFileSync(key, pem.key);
  await addBare({ ...o, cert, key });
  for (const [i, peer] of peers.entries()) {
    const version = peer.version();
    if (version === null) {
      o.missing.push(`${peer.name}: not installed`);
      continue;
    }
    const [http, https] = [25_400 + 2 * i, 25_401 + 2 * i];
    const where = { dir: join(o.dir, peer.name), address: ADDRESS, http, https, cert, key };
    const started = peer.start({ ...where, origin: { address: ORIGIN, port: o.origin }, pin: PIN });
    const name = `${peer.name} ${version}`;
    const subject = {
      name,
      ours: false,
      http,
      https: peer.speaksTls ? https : null,
      child: started,
    };
    if (await ready(subject)) o.subjects.push(subject);
    else {
      o.missing.push(`${name}: does not start here`);
      await end(subject);
    }
  }
  for (const subject of o.subjects) await fill(subject);
}

/** What a hit costs in the runtime itself, with nothing of ours. */
async function addBare(o: {
  readonly cert: string;
  readonly key: string;
  readonly subjects: Subject[];
  readonly missing: string[];
}): Promise<void> {
  const only = ["k1", "k100"] as const;
  const at = { address: ADDRESS, http: 25_390, https: 25_391, cert: o.cert, key: o.key };
  const folders = only.map((name) => ({ name, ...FOLDERS[name] }));
  const child = startBare({ ...at, host: HOST, folders, pin: PIN });
  const bare = { name: "bare runtime", ours: false, only, ...at, child };
  if (await ready(bare)) o.subjects.push(bare);
  else o.missing.push(`${bare.name}: does not start here`);
}

async function ready(subject: Subject): Promise<boolean> {
  const until = performance.now() + READY_MS_MAX;
  while (performance.now() < until) {
    if ((await get(subject, "/k1/0").catch(() => 0)) === 200) return true;
    if (subject.child.exitCode !== null) return false;
    await Bun.sleep(50);
  }
  return false;
}

/** Every object is asked for once, so that what is measured are hits. */
async function fill(subject: Subject): Promise<void> {
  for (const [folder, { objects }] of Object.entries(FOLDERS)) {
    if (subject.only?.some((name) => name === folder) === false) continue;
    for (let i = 0; i < objects; i++) await get(subject, `/${folder}/${i}`);
  }
}

function get(subject: Subject, path: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const at = { host: ADDRESS, port: subject.http, path, headers: { host: HOST } };
  request(at, (response) => {
    response.resume().on("end", () => resolve(response.statusCode ?? 0));
  })
    .on("error", reject)
    .end();
  return promise;
}

async function run(
  workload: Workload,
  o: BenchOptions & { readonly dir: string; readonly subjects: readonly Subject[] },
): Promise<BenchCase> {
  const subjects = o.subjects.filter(
    ({ https, only }) =>
      (!workload.tls || https !== null) && only?.includes(workload.folder) !== false,
  );
  const figures = subjects.map(({ name, ours, only }) => ({
    ...{ name, ours, rssBytes: 0, failed: 0, ...(only && { reference: true }) },
    ...{ cpuUs: [] as number[], perSec: [] as number[] },
  }));
  for (const subject of subjects) await warmUp(workload, subject, o);
  for (let round = 0; round < o.rounds; round++) {
    for (const [i, subject] of subjects.entries()) {
      const figure = figures[i]!;
      const before = cpuUs(subject.child.pid!);
      const done = await load(workload, subject, o);
      const spent = cpuUs(subject.child.pid!) - before;
      figure.cpuUs.push(spent / done.answers);
      figure.perSec.push(done.perSec);
      figure.failed += done.failed;
      figure.rssBytes = rssBytes(subject.child.pid!);
      const us = (spent / done.answers).toFixed(2);
      o.log(
        `${workload.name}, round ${round + 1}: ${subject.name} ${us} us, ${Math.round(done.perSec)}/s`,
      );
    }
  }
  const { name, load: how, goalRatio } = workload;
  return { name, load: how, goalRatio, figures: figures as readonly BenchFigure[] };
}

async function warmUp(
  workload: Workload,
  subject: Subject,
  o: { readonly dir: string },
): Promise<void> {
  let answers = 0;
  for (let step = 0; step < WARM_UP_STEPS_MAX; step++) {
    answers += (await load(workload, subject, { ...o, seconds: WARM_UP_SEC })).answers;
    if (answers >= FOLDERS[workload.folder].warmUp) return;
  }
}

async function load(
  workload: Workload,
  subject: Subject,
  o: { readonly dir: string; readonly seconds: number },
): Promise<Load> {
  const port = workload.tls ? subject.https : subject.http;
  const base = `${workload.tls ? "https" : "http"}://${ADDRESS}:${port}`;
  const { objects: count, connections } = FOLDERS[workload.folder];
  if (workload.tool === "h2load") {
    const urls = join(o.dir, "urls.txt");
    const list = Array.from({ length: count }, (_, i) => `${base}/${workload.folder}/${i}`);
    writeFileSync(urls, `${list.join("\n")}\n`);
    const streams = `-m${workload.streams ?? STREAMS}`;
    const args = ["-t1", "-c32", streams, `-D${o.seconds}`, "-i", urls];
    args.push("-H", `:authority: ${HOST}`);
    return readH2load(await output("h2load", args), o.seconds);
  }
  const script = join(o.dir, `${workload.folder}.lua`);
  const { folder } = workload;
  writeFileSync(script, count === 0 ? missLuaOf(folder, `${++loads}`) : luaOf(folder, count));
  const args = ["-t1", `-c${connections}`, `-d${o.seconds}s`, "-s", script, base];
  return readWrk(await output("wrk", args));
}

/** Requests are written once and then sent in turn, so that wrk itself costs little. */
function luaOf(folder: string, count: number): string {
  return `
local requests, at = {}, 0
init = function(args)
  for i = 0, ${count - 1} do
    requests[i] = wrk.format("GET", "/${folder}/" .. i, { ["Host"] = "${HOST}" })
  end
end
request = function() at = (at + 1) % ${count}; return requests[at] end
`;
}

/** Each request is for another object. */
function missLuaOf(folder: string, run: string): string {
  return `
local at = 0
request = function()
  at = at + 1
  return "GET /${folder}/${run}-" .. at .. " HTTP/1.1\\r\\nHost: ${HOST}\\r\\n\\r\\n"
end
`;
}

async function output(command: string, args: readonly string[]): Promise<string> {
  const child = Bun.spawn(["taskset", "-c", LOAD_CORE, command, ...args], {
    stdout: "pipe",
    stderr: "pipe",
  });
  const text = await new Response(child.stdout).text();
  await child.exited;
  return text;
}

async function end(subject: Subject): Promise<void> {
  if (subject.child.exitCode !== null) return;
  const gone = new Promise((resolve) => subject.child.once("exit", resolve));
  subject.child.kill("SIGTERM");
  await gone;
}
