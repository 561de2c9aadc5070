// DNS over UDP: our name server as shipped beside the peers that are installed. The figure is CPU
// time at the server per answer; servers on one core, dnsperf on another, in turn, round by round.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { cookiePeers, peers, signingPeers, subnetPeers } from "./dns-peers.ts";
import { cpuUs, rssBytes } from "./dns-process.ts";
import { end, type Stage, type Subject, startOurs, startPeer, withCookie } from "./dns-subject.ts";
import {
  type BenchCase,
  type BenchFigure,
  type BenchGrowth,
  type BenchOptions,
  type BenchResult,
  growthOf,
} from "./result.ts";

/** The size at which the cost of a query may be 1.15 of that at one name. */
const MANY = 100_000;
const SIZES = [1, 1000, MANY] as const;
const WARM_SEC_LEAST = 2;
/** At most: it ends when all has been asked twice. We make 4,000 signatures a second. */
const WARM_UP_SEC = 40;
/** With one core only, both sides share it. */
const LOAD_CORE = availableParallelism() > 1 ? "1" : "0";
/** Client subnet 20.1.2.0/24: one of the prefixes of the large world. */
const SUBNET = ["-E", "8:00011800140102"];
const DNSSEC_OK = ["-D"];
/** Peers' ports: so many for each case. */
const PORT_FIRST = 25_300;
const PORTS_EACH = 10;

interface Load {
  readonly answers: number;
  readonly failed: number;
  readonly perSec: number;
}

/** One table of figures: what runs for it, started and ended by itself. */
interface Plan extends Pick<BenchCase, "name" | "load" | "goalRatio"> {
  readonly sizes?: readonly number[];
  start(stage: Stage, portFirst: number): Promise<void>;
}

/** Runs the bench; whoever calls has installed the peers. Needs Linux, taskset and dnsperf. */
export async function bench(o: BenchOptions): Promise<BenchResult> {
  if (spawnSync("dnsperf", ["-h"]).error !== undefined) {
    return { bench: "dns", rounds: o.rounds, cases: [], missing: ["all: no dnsperf to load with"] };
  }
  const dir = mkdtempSync(join(tmpdir(), "turnpike-bench-dns-"));
  const stage: Stage = { dir, started: [], missing: [] };
  const cases: BenchCase[] = [];
  try {
    for (const [i, plan] of plans().entries()) {
      if (!plan.name.includes(o.only)) continue;
      o.log(`starting ${plan.name}`);
      await plan.start(stage, PORT_FIRST + i * PORTS_EACH);
      const { name, load, goalRatio, sizes } = plan;
      const figures = await measure(o, stage.started);
      cases.push({ name, load, goalRatio, figures, ...(sizes && { sizes }) });
      await end(stage.started.splice(0));
    }
    return {
      bench: "dns",
      rounds: o.rounds,
      cases,
      missing: stage.missing,
      growth: growths(cases),
    };
  } finally {
    await end(stage.started);
    rmSync(dir, { recursive: true, force: true });
  }
}

function plans(): Plan[] {
  const rest = [withSubnets(), ...SIZES.map(subnets), withCookies(), underChange()];
  return [...SIZES.map(plain), ...SIZES.map(signed), ...rest];
}

const plainName = (names: number) => `A over UDP, ${names} names`;
const signedName = (names: number) => `signed A over UDP, ${names} names`;
const subnetName = (names: number) => `client subnet, ${names} names and prefixes`;

/** The same load at growing sizes. */
function growths(cases: readonly BenchCase[]): BenchGrowth[] {
  const by = (name: string, nameOf: (names: number) => string) =>
    growthOf(name, {
      sizes: SIZES,
      cases: SIZES.map((size) => cases.find((one) => one.name === nameOf(size))),
    });
  const all = [
    by("A, by names", plainName),
    by("signed A, by names", signedName),
    by("client subnet, by names and prefixes", subnetName),
  ];
  return all.filter((one) => one !== null);
}

function plain(names: number): Plan {
  return {
    name: plainName(names),
    load: "dnsperf, A, no EDNS",
    goalRatio: 0.95,
    start: async (stage, port) => {
      await startOurs(stage, { name: "turnpike", names, prefixes: 0 });
      for (const [i, peer] of peers(names).entries()) {
        await startPeer(stage, peer, { port: port + i, names });
      }
    },
  };
}

/** Answers that were signed before: ours when first asked, a peer's when it loaded the zone. */
function signed(names: number): Plan {
  return {
    name: signedName(names),
    load: "dnsperf, A, EDNS with DO; ECDSA P-256",
    goalRatio: 1,
    start: async (stage, port) => {
      const flags = DNSSEC_OK;
      await startOurs(stage, { name: "turnpike, signed", names, prefixes: 0, signed: true, flags });
      for (const [i, peer] of signingPeers(names).entries()) {
        await startPeer(stage, peer, { port: port + i, names, flags });
      }
    },
  };
}

/** Ours against ours: what many names and client prefixes cost; the largest over the smallest. */
function withSubnets(): Plan {
  return {
    name: "many names and client prefixes",
    load: "dnsperf, A; client subnet where there are prefixes",
    goalRatio: 1.15,
    sizes: SIZES,
    start: async (stage) => {
      for (const names of SIZES) {
        const prefixes = names === 1 ? 0 : names;
        const name = `turnpike, ${names} names, ${prefixes} prefixes`;
        const flags = prefixes > 0 ? SUBNET : [];
        await startOurs(stage, { name, ours: names === MANY, names, prefixes, flags });
      }
    },
  };
}

function subnets(names: number): Plan {
  return {
    name: subnetName(names),
    load: "dnsperf, A, EDNS with one client subnet",
    goalRatio: null,
    start: async (stage, port) => {
      await startOurs(stage, { name: "turnpike", names, prefixes: names, flags: SUBNET });
      for (const [i, peer] of subnetPeers(names, names).entries()) {
        await startPeer(stage, peer, { port: port + i, names, flags: SUBNET });
      }
    },
  };
}

/** Each query with a cookie that its server gave: a hash to be verified for each. */
function withCookies(): Plan {
  const names = 1000;
  return {
    name: `cookies, ${names} names`,
    load: "dnsperf, A, EDNS with a server's cookie",
    goalRatio: null,
    start: async (stage, port) => {
      await startOurs(stage, { name: "turnpike", names, prefixes: 0 });
      for (const [i, peer] of cookiePeers(names).entries()) {
        await startPeer(stage, peer, { port: port + i, names });
      }
      for (const [i, subject] of stage.started.entries()) {
        stage.started[i] = await withCookie(subject);
      }
    },
  };
}

/** Ours against ours: what it costs that health changes. */
function underChange(): Plan {
  const world = { names: 1000, prefixes: 0 };
  return {
    name: "under a health change every second, 1000 names",
    load: "dnsperf, A, no EDNS; 2000 web servers",
    goalRatio: null,
    start: async (stage) => {
      const falls = { name: "500 fall or come back", health: "falls" } as const;
      await startOurs(stage, { ...world, ...falls });
      await startOurs(stage, { ...world, name: "2000 loads", health: "loads", ours: false });
      await startOurs(stage, { ...world, name: "none changes", health: "still", ours: false });
    },
  };
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

/** Every name twice, and two seconds at least, so that no first time is measured. */
async function warmUp(subject: Subject): Promise<void> {
  await dnsperf(subject, WARM_SEC_LEAST);
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

if (import.meta.main) {
  const { formatResult } = await import("./table.ts");
  const log = (line: string) => process.stderr.write(`${line}\n`);
  process.stdout.write(`${formatResult(await bench({ rounds: 5, seconds: 1, only: "", log }))}\n`);
  process.exit(0);
}
