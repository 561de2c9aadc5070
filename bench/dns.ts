// DNS over UDP: our name server as shipped beside the peers that are installed. The figure is CPU
// time at the server per answer; servers on one core, dnsperf on another, in turn, round by round.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createWriteStream, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { decodeMessage, encodeMessage, isWireFault, makeQuery } from "../src/wire/dns/mod.ts";
import { type Peer, peers, signingPeers, versionOf } from "./dns-peers.ts";
import { cpuUs, rssBytes } from "./dns-process.ts";
import { compileWorld, type DnsWorld, hostnames } from "./dns-world.ts";
import type { BenchCase, BenchFigure, BenchOptions, BenchResult } from "./result.ts";

const NAMES = 1000;
/** The size at which the cost of a query may be 1.15 of that at one name. */
const MANY = 100_000;
/** Names and client prefixes. */
const SIZES = [
  [1, 0],
  [1000, 1000],
  [MANY, MANY],
] as const;
/** At most; it ends when every name has been asked twice. */
const WARM_UP_SEC = 20;
const READY_MS_MAX = 60_000;
/** With one core only, both sides share it. */
const SERVER_CORE = "0";
const LOAD_CORE = availableParallelism() > 1 ? "1" : "0";
/** Client subnet 20.1.2.0/24: one of the prefixes of the large world. */
const SUBNET = "8:0001180014" + "0102";

interface Subject {
  readonly name: string;
  readonly ours: boolean;
  readonly port: number;
  readonly child: ChildProcess;
  readonly queries: string;
  readonly flags: readonly string[];
}

interface Load {
  readonly answers: number;
  readonly failed: number;
  readonly perSec: number;
}

/** Runs the bench; whoever calls has installed the peers. Needs Linux, taskset and dnsperf. */
export async function bench(o: BenchOptions): Promise<BenchResult> {
  if (spawnSync("dnsperf", ["-h"]).error !== undefined) {
    return { bench: "dns", rounds: o.rounds, cases: [], missing: ["all: no dnsperf to load with"] };
  }
  const dir = mkdtempSync(join(tmpdir(), "turnpike-bench-dns-"));
  const started: Subject[] = [];
  const missing: string[] = [];
  try {
    const one = await besidePeers(o, { dir, started, missing });
    await end(started.splice(0));
    const two = await growth(o, { dir, started });
    await end(started.splice(0));
    const three = await signed(o, { dir, started, missing });
    return { bench: "dns", rounds: o.rounds, cases: [one, two, three], missing };
  } finally {
    await end(started);
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Stage {
  readonly dir: string;
  readonly started: Subject[];
}

async function besidePeers(
  o: BenchOptions,
  stage: Stage & { readonly missing: string[] },
): Promise<BenchCase> {
  const { dir, started } = stage;
  const queries = join(dir, "queries-1000.txt");
  writeFileSync(queries, queryFile(NAMES));
  const ours = { names: NAMES, prefixes: 0 };
  started.push(await startOurs(dir, ours, { name: "turnpike", ours: true, queries, flags: [] }));
  for (const [i, peer] of peers(NAMES).entries()) {
    await startPeer(peer, { ...stage, port: 25_300 + i, queries, flags: [] });
  }
  const figures = await measure(o, started);
  const load = `dnsperf, ${NAMES} names, A, no EDNS`;
  return { name: "A over UDP, 1000 names", load, goalRatio: 0.95, figures };
}

/** Answers that were signed before: ours when first asked, a peer's when it loaded the zone. */
async function signed(
  o: BenchOptions,
  stage: Stage & { readonly missing: string[] },
): Promise<BenchCase> {
  const { dir, started } = stage;
  const queries = join(dir, "queries-signed.txt");
  writeFileSync(queries, queryFile(NAMES));
  const ours = { names: NAMES, prefixes: 0, signed: true };
  const flags = ["-D"];
  const about = { name: "turnpike, signed", ours: true, queries, flags };
  started.push(await startOurs(dir, ours, about));
  for (const [i, peer] of signingPeers(NAMES).entries()) {
    await startPeer(peer, { ...stage, port: 25_310 + i, queries, flags });
  }
  const figures = await measure(o, started);
  const load = `dnsperf, ${NAMES} names, A, EDNS with DO; ECDSA P-256`;
  return { name: "signed A over UDP, 1000 names", load, goalRatio: 1, figures };
}

/** Starts a peer if it is installed; what keeps it from running is noted. */
async function startPeer(
  peer: Peer,
  o: Stage & {
    readonly missing: string[];
    readonly port: number;
    readonly queries: string;
    readonly flags: readonly string[];
  },
): Promise<void> {
  const { dir, started, missing, port, queries, flags } = o;
  const name = versionOf(peer);
  if (name === null) {
    missing.push(`${peer.name}: not installed`);
    return;
  }
  const own = join(dir, `${peer.name}-${port}`);
  try {
    const args = peer.prepare(own, port);
    const child = spawnPinned(peer.binary, args, join(dir, `${peer.name}-${port}.out`));
    const subject = { name, ours: false, port, child, queries, flags };
    started.push(subject);
    await ready(subject);
  } catch (error) {
    missing.push(`${peer.name}: ${String(error)}`);
    const at = started.findIndex((one) => one.name === name);
    await end(started.splice(at, 1));
  }
}

/** Ours against ours: what many names and client prefixes cost; the largest over the smallest. */
async function growth(o: BenchOptions, stage: Stage): Promise<BenchCase> {
  const { dir, started } = stage;
  for (const [names, prefixes] of SIZES) {
    const queries = join(dir, `queries-${names}.txt`);
    writeFileSync(queries, queryFile(names));
    const name = `turnpike, ${names} names, ${prefixes} prefixes`;
    const flags = prefixes > 0 ? ["-E", SUBNET] : [];
    o.log(`starting ${name}`);
    started.push(
      await startOurs(dir, { names, prefixes }, { name, ours: names === MANY, queries, flags }),
    );
  }
  const figures = await measure(o, started);
  const load = "dnsperf, A; client subnet where there are prefixes";
  const sizes = SIZES.map(([names]) => names);
  return { name: "many names and client prefixes", load, goalRatio: 1.15, figures, sizes };
}

/** Names in a mixed order that is the same each time. */
function queryFile(names: number): string {
  const all = hostnames(names);
  const order = all.map((_, i) => all[Number((BigInt(i) * 7919n) % BigInt(names))]!);
  return `${order.map((name) => `${name} A`).join("\n")}\n`;
}

function spawnPinned(binary: string, args: readonly string[], out: string): ChildProcess {
  const child = spawn("taskset", ["-c", SERVER_CORE, binary, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const file = createWriteStream(out);
  child.stderr!.pipe(file);
  if (!binary.includes("bun")) child.stdout!.pipe(file);
  return child;
}

async function startOurs(
  dir: string,
  world: DnsWorld,
  about: Pick<Subject, "name" | "ours" | "queries" | "flags">,
): Promise<Subject> {
  const script = join(import.meta.dir, "dns-server.ts");
  const file = join(dir, `snapshot-${world.names}-${world.prefixes}-${world.signed === true}.json`);
  writeFileSync(file, JSON.stringify(compileWorld(world)));
  const args = [script, file, ...(world.signed === true ? ["signed"] : [])];
  const child = spawnPinned(process.execPath, args, "/dev/null");
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout!.once("data", (line: Buffer) => resolve(Number(line)));
    child.once("exit", (code) => reject(new Error(`our server ended with ${code}`)));
  });
  const subject = { ...about, port, child };
  await ready(subject);
  return subject;
}

/** Asks until an answer comes. */
async function ready(subject: Subject): Promise<void> {
  const answered = Promise.withResolvers<void>();
  const socket = await Bun.udpSocket({
    connect: { hostname: "127.0.0.1", port: subject.port },
    socket: {
      // Nobody listens yet.
      error: () => {},
      data: (_socket, data) => {
        const message = decodeMessage(data);
        if (!isWireFault(message) && message.answers.length > 0) answered.resolve();
      },
    },
  });
  const query = encodeMessage(makeQuery(1, hostnames(1)[0]!, 1))!;
  const timer = setInterval(() => socket.send(query), 50);
  const limit = setTimeout(() => answered.reject(new Error("it did not answer")), READY_MS_MAX);
  subject.child.once("exit", (code) => answered.reject(new Error(`it ended with ${code}`)));
  try {
    await answered.promise;
  } finally {
    clearInterval(timer);
    clearTimeout(limit);
    socket.close();
  }
}

async function measure(o: BenchOptions, subjects: readonly Subject[]): Promise<BenchFigure[]> {
  const figures = subjects.map((subject) => ({
    name: subject.name,
    ours: subject.ours,
    cpuUs: [] as number[],
    perSec: [] as number[],
    rssBytes: null as number | null,
    failed: 0,
  }));
  for (const subject of subjects) await warmUp(subject);
  for (let round = 1; round <= o.rounds; round++) {
    for (const [i, subject] of subjects.entries()) {
      const figure = figures[i]!;
      const before = cpuUs(subject.child.pid!);
      const load = await dnsperf(subject, o.seconds);
      const us = (cpuUs(subject.child.pid!) - before) / load.answers;
      figure.cpuUs.push(us);
      figure.perSec.push(load.perSec);
      figure.failed += load.failed;
      figure.rssBytes = rssBytes(subject.child.pid!);
      o.log(`round ${round}: ${subject.name}: ${us.toFixed(2)} us, ${load.perSec | 0} a second`);
    }
  }
  return figures;
}

/** Every name twice, and a second at least, so that no first time is measured. */
async function warmUp(subject: Subject): Promise<void> {
  await dnsperf(subject, 1);
  await dnsperf(subject, WARM_UP_SEC, ["-n", "2"]);
}

async function dnsperf(
  subject: Subject,
  seconds: number,
  more: readonly string[] = [],
): Promise<Load> {
  const where = ["-s", "127.0.0.1", "-p", String(subject.port), "-d", subject.queries];
  const how = ["-l", String(seconds), "-c", "8", "-q", "100", "-t", "1", ...subject.flags, ...more];
  const child = spawn("taskset", ["-c", LOAD_CORE, "dnsperf", ...where, ...how], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  let text = "";
  for await (const part of child.stdout) text += part;
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  const answers = number(/Queries completed:\s+(\d+)/);
  const good = number(/NOERROR (\d+)/);
  const failed = number(/Queries lost:\s+(\d+)/) + answers - (Number.isNaN(good) ? 0 : good);
  return { answers, failed, perSec: number(/Queries per second:\s+([\d.]+)/) };
}

async function end(subjects: readonly Subject[]): Promise<void> {
  await Promise.all(
    subjects.map(async ({ child }) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 3000);
      await exited;
      clearTimeout(timer);
    }),
  );
}

if (import.meta.main) {
  const { formatResult } = await import("./table.ts");
  const log = (line: string) => process.stderr.write(`${line}\n`);
  process.stdout.write(`${formatResult(await bench({ rounds: 5, seconds: 3, only: "", log }))}\n`);
  process.exit(0);
}
