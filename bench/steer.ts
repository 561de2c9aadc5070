// How good and how dear steering is. Good: client latency of the allocation beside a lower bound of
// the optimum and beside simpler rules, for 50 pops and 10,000 client groups. Dear: a decision, and a
// site decided anew, at 10, 1,000 and 100,000 sites. TURNPIKE_RTT names a folder of recorded data.
import { NO_ASSIGNMENT } from "../src/model/assignment.ts";
import { NO_HEALTH } from "../src/model/health.ts";
import type { Snapshot } from "../src/model/snapshot.ts";
import { assign, distanceKm, queueMs } from "../src/policy/steering/mod.ts";
import { median } from "./result.ts";
import { type CostResult, costs, formatCosts } from "./steer-cost.ts";
import { lowerBoundMs, type Problem, type Quality, qualityOf } from "./steer-optimum.ts";
import { type Planet, readPlanet } from "./steer-planet.ts";
import { compiled, targetAt } from "./steer-world.ts";

const SIZE = { pops: 50, groups: 10_000 };
/** Demand over all capacity. */
const USE = 0.6;

export interface SteerResult {
  readonly bench: "steer";
  readonly data: string;
  readonly size: typeof SIZE & { readonly use: number };
  readonly boundMs: { readonly rttAndWait: number; readonly rttUnderCapacity: number };
  readonly quality: readonly (Quality & { readonly name: string; readonly aboveBound: number })[];
  /** Share of demand that another assignment moves. */
  readonly moved: Readonly<Record<string, number>>;
  readonly assignMs: number;
  readonly costs: CostResult;
}

interface Stage {
  readonly planet: Planet;
  readonly problem: Problem;
  readonly snapshot: Snapshot;
}

export async function bench(o: { readonly log: (line: string) => void }): Promise<SteerResult> {
  const stage = makeStage(process.env.TURNPIKE_RTT ?? "");
  o.log(`${SIZE.pops} pops, ${SIZE.groups} client groups: ${stage.planet.source}`);
  const live = liveThrough(stage, o.log);
  o.log("looking for lower bounds");
  const prices = pricesOf(stage, live.aged);
  const rttAndWait = lowerBoundMs(stage.problem, "rtt-and-wait", prices);
  const rttUnderCapacity = lowerBoundMs(stage.problem, "rtt-under-capacity");
  const named: [string, ArrayLike<number>][] = [
    ["turnpike, from nothing", live.fresh],
    ["turnpike, after a day", live.aged],
    ["geography only", byDistance(stage.planet)],
    ["round robin", Array.from({ length: SIZE.groups }, (_, g) => g % SIZE.pops)],
    ["strict lowest load", byLoad(stage.problem)],
  ];
  const quality = named.map(([name, server]) => {
    const found = qualityOf(stage.problem, server);
    return { name, ...found, aboveBound: found.meanMs / rttAndWait - 1 };
  });
  const boundMs = { rttAndWait, rttUnderCapacity };
  const { moved, assignMs } = live;
  const size = { ...SIZE, use: USE };
  const data = stage.planet.source;
  return { bench: "steer", data, size, boundMs, quality, moved, assignMs, costs: costs(o.log) };
}

function makeStage(folder: string): Stage {
  const planet = readPlanet(folder, SIZE);
  const total = planet.demand.reduce((a, b) => a + b, 0);
  const shares = planet.pops.map((_, i) => 0.5 + ((i * 7) % 11) / 11);
  const unit = total / USE / shares.reduce((a, b) => a + b, 0);
  const capacity = Float64Array.from(shares, (share) => share * unit);
  const file = {
    zone: "cdn.example",
    pops: planet.pops.map((_, i) => ({ name: `p${i}` })),
    nodes: planet.pops.map((_, i) => ({
      name: nodeName(i),
      pop: `p${i}`,
      roles: ["edge"],
      addresses: { v4: `10.0.0.${i + 1}` },
      capacity: capacity[i],
    })),
    clientGroups: planet.groups.map((_, g) => ({
      name: `g${g}`,
      prefixes: [`11.${g >> 8}.${g & 255}.0/24`],
      rttMs: Object.fromEntries(Array.from(planet.rttMs[g]!, (ms, i) => [`p${i}`, ms])),
    })),
  };
  const { demand, rttMs } = planet;
  return { planet, problem: { demand, rttMs, capacity }, snapshot: compiled(file, {}) };
}

function nodeName(i: number): string {
  return `n${String(i).padStart(2, "0")}`;
}

/**
 * From nothing to a first assignment, then a day of 96 quarter hours in which demand swings with the
 * sun, and the first hour again; then 5 % more of everything.
 */
function liveThrough({ snapshot, planet, problem }: Stage, log: (line: string) => void) {
  let previous = NO_ASSIGNMENT;
  const taken: number[] = [];
  const tick = (atMs: number, factor: (group: number) => number) => {
    const loads = new Float64Array(SIZE.pops);
    const edges: Record<string, number> = {};
    for (let g = 0; g < SIZE.groups; g++) {
      edges[`g${g}`] = planet.demand[g]! * factor(g);
      const had = Number(previous.edges[`g${g}`]?.slice("node/n".length) ?? -1);
      if (had >= 0) loads[had] = loads[had]! + edges[`g${g}`]! / problem.capacity[had]!;
    }
    const targets = Object.fromEntries(
      Array.from(loads, (load, i) => `node/${nodeName(i)}|${load}`).map((text) => {
        const [id = "", load = ""] = text.split("|");
        return [id, targetAt(id, Number(load))];
      }),
    );
    const health = { ...NO_HEALTH, number: previous.number + 1, targets };
    const start = performance.now();
    const demand = { sites: {}, edges };
    previous = assign({ snapshot, health, demand, previous, atMs });
    taken.push(performance.now() - start);
    return serversOf(previous.edges);
  };
  const QUARTER_MS = 900_000;
  const fresh = tick(0, () => 1);
  log("living through a day");
  for (let quarter = 1; quarter <= 96; quarter++) {
    tick(quarter * QUARTER_MS, (g) => {
      const hour = quarter / 4 + planet.groups[g]!.lon / 15;
      return 1 - 0.5 * Math.cos((hour * Math.PI) / 12);
    });
  }
  for (let quarter = 97; quarter <= 99; quarter++) tick(quarter * QUARTER_MS, () => 1);
  const aged = serversOf(previous.edges);
  const same = tick(100 * QUARTER_MS, () => 1);
  const more = tick(101 * QUARTER_MS, () => 1.05);
  const share = (a: readonly number[], b: readonly number[]) => {
    const all = planet.demand.reduce((x, y) => x + y, 0);
    return planet.demand.reduce((sum, d, g) => (a[g] === b[g] ? sum : sum + d), 0) / all;
  };
  const moved = { "nothing changed": share(aged, same), "5 % more demand": share(same, more) };
  return { fresh, aged, moved, assignMs: median(taken.slice(5)) };
}

function serversOf(edges: Readonly<Record<string, string>>): number[] {
  return Array.from({ length: SIZE.groups }, (_, g) => {
    return Number(edges[`g${g}`]!.slice("node/n".length));
  });
}

/** What loads cost with an assignment: where the search for a bound begins. */
function pricesOf({ problem }: Stage, server: readonly number[]): Float64Array {
  const given = new Float64Array(SIZE.pops);
  for (let g = 0; g < SIZE.groups; g++) given[server[g]!] = given[server[g]!]! + problem.demand[g]!;
  return given.map((d, s) => queueMs(Math.min(0.99, d / problem.capacity[s]!)));
}

function byDistance(planet: Planet): number[] {
  return planet.groups.map((home) => {
    const km = planet.pops.map((pop) => distanceKm(home, pop));
    return km.indexOf(Math.min(...km));
  });
}

function byLoad({ demand, capacity }: Problem): number[] {
  const load = new Float64Array(capacity.length);
  return Array.from(demand, (d) => {
    let least = 0;
    for (let s = 1; s < load.length; s++) if (load[s]! < load[least]!) least = s;
    load[least] = load[least]! + d / capacity[least]!;
    return least;
  });
}

export function format(r: SteerResult): string {
  const ms = (n: number) => (Number.isFinite(n) ? n.toFixed(2) : "over capacity").padStart(14);
  const percent = (n: number) =>
    (Number.isFinite(n) ? `${(100 * n).toFixed(2)} %` : "-").padStart(9);
  const { rttAndWait, rttUnderCapacity } = r.boundMs;
  const lines = [
    `steer: ${r.size.pops} pops, ${r.size.groups} client groups, demand ${r.size.use} of capacity`,
    `data: ${r.data}`,
    "",
    `${"".padEnd(24)} rtt+wait, mean  above bound      rtt, mean       rtt, p95  highest load  over`,
    ...r.quality.map((q) =>
      [
        q.name.padEnd(24),
        ms(q.meanMs),
        percent(q.aboveBound).padStart(13),
        ms(q.meanRttMs),
        ms(q.p95RttMs),
        q.highestLoad.toFixed(2).padStart(13),
        String(q.overCapacity).padStart(5),
      ].join(" "),
    ),
    `${"lower bound".padEnd(24)} ${ms(rttAndWait)} ${"".padStart(13)} ${ms(rttUnderCapacity)}`,
    "",
    "The bound is Lagrangian: no assignment, not even a fractional one, has a lower mean. Its rtt is",
    "that of the cheapest assignment under the capacities if waiting cost nothing.",
    "",
    ...Object.entries(r.moved).map(([what, share]) => `moved, ${what}: ${percent(share).trim()}`),
    `whole allocation: ${r.assignMs.toFixed(1)} ms`,
    "",
    ...formatCosts(r.costs),
    "",
  ];
  return lines.join("\n");
}

if (import.meta.main) {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  process.stdout.write(format(await bench({ log })));
  process.exit(0);
}
