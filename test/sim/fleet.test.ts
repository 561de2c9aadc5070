// A fleet, its clients and their resolvers from a seed, in made-up time: what the allocation promises
// holds over time and with answers that are cached. TURNPIKE_SIM=full is the size of the issue.
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { hash32 } from "../../src/base/rng.ts";
import type { Assignment } from "../../src/model/assignment.ts";
import { Fleet, type Weather } from "./fleet.ts";
import { buildWorld, type WorldSize } from "./world.ts";

const FULL = process.env.TURNPIKE_SIM === "full";
/** What `npm test` has time for. */
const SMALL_SIZE: WorldSize = {
  seed: 11,
  pops: 10,
  nodesPerPop: 2,
  groups: 300,
  origins: 4,
  resolvers: 8,
  use: 0.5,
  ttlSec: 20,
};
const SIZE: WorldSize = FULL
  ? {
      seed: 11,
      pops: 50,
      nodesPerPop: 1,
      groups: 10_000,
      origins: 6,
      resolvers: 2,
      use: 0.5,
      ttlSec: 20,
    }
  : SMALL_SIZE;
/** Resolvers: one in ten keeps answers five times as long as it may. Loads are read 2 % wrong. */
const CLIENTS = { overstay: 0.1, noise: 0.02 };
const DAY_SEC = FULL ? 600 : 400;

const world = buildWorld(SIZE);
const evidence: Record<string, unknown> = { size: SIZE };

interface Sky {
  demand: (group: number, sec: number) => number;
  cost: (target: string) => number;
}

/** A fleet that has lived a little: loads wobbled, and it has come to rest. */
function agedFleet(sky: Partial<Sky> = {}, at = world) {
  const now: Sky = { demand: () => 1, cost: () => 1, ...sky };
  const dead = new Set<string>();
  const weather: Weather = {
    demandOf: (group, sec) => now.demand(group, sec),
    costOf: (target) => now.cost(target),
    dead,
  };
  const fleet = new Fleet({ world: at, weather, ...CLIENTS });
  const { demand, cost } = now;
  run(fleet, 30);
  now.demand = (group, sec) => demand(group, sec) * (1 + 0.12 * Math.sin(sec / 6));
  run(fleet, 30);
  now.demand = demand;
  now.cost = cost;
  run(fleet, 20);
  return { fleet, now, dead };
}

/** Ticks; what each moved, and the highest load of a live server that was seen. */
function run(fleet: Fleet, seconds: number, dead: ReadonlySet<string> = new Set()) {
  const edges: number[] = [];
  const origins: number[] = [];
  let highest = 0;
  for (let i = 0; i < seconds; i++) {
    const before = fleet.assignment;
    fleet.tick();
    const moved = fleet.moved(before, fleet.assignment);
    edges.push(moved.edges);
    origins.push(moved.origins);
    for (const [id, load] of fleet.load) if (!dead.has(id)) highest = Math.max(highest, load);
  }
  return { edges, origins, highest };
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

describe("a fleet over time", () => {
  test("a change of all demand by 5 % moves less than 1 % of clients", () => {
    const { fleet, now } = agedFleet();
    const before = fleet.assignment;
    now.demand = () => 1.05;
    const during = run(fleet, 30);
    const moved = fleet.moved(before, fleet.assignment);
    evidence.movedByFivePercent = moved;
    expect(moved.edges).toBeLessThan(0.01);
    expect(moved.origins).toBeLessThan(0.01);
    expect(during.highest).toBeLessThan(1);
  });

  test("at rest nobody moves, however noisy measurements are and however long answers are kept", () => {
    const { fleet } = agedFleet();
    const { edges, origins } = run(fleet, 120);
    evidence.movedAtRestIn120Sec = { edges: sum(edges), origins: sum(origins) };
    expect(sum(edges)).toBeLessThan(0.01);
    expect(sum(origins)).toBeLessThan(0.01);
  });

  test("settles within three ticks of seeing servers die, and nothing swings back", () => {
    const { fleet, dead } = agedFleet();
    const first = fleet.assignment;
    for (const id of ["node/node-1", "node/node-5", "www.shop.example/origin-1"]) dead.add(id);
    let seen = fleet.assignment;
    const { edges, origins } = run(fleet, 60, dead);
    const toldAt = edges.findIndex((share) => share > 0);
    const early = sum(edges.slice(0, toldAt + 3)) + sum(origins.slice(0, toldAt + 3));
    const late = sum(edges.slice(toldAt + 3)) + sum(origins.slice(toldAt + 3));
    evidence.deaths = { earlyShare: early, lateShare: late };
    expect(toldAt).toBeLessThan(5);
    expect(late).toBeLessThan(0.1 * early);
    seen = fleet.assignment;
    dead.clear();
    const back = run(fleet, 90);
    expect(back.highest).toBeLessThan(1);
    expect(returned(first, seen, fleet.assignment)).toBeGreaterThan(0);
  });

  test("does not swing after a step: nobody goes to and fro, and less than 3 % back", () => {
    const { fleet, now } = agedFleet();
    now.demand = () => 1.25;
    const lastLeft = new Map<string, { server: string; sec: number }>();
    const back = new Map<string, number>();
    let moves = 0;
    for (let i = 0; i < 120; i++) {
      const before = fleet.assignment;
      fleet.tick();
      for (const [group, id] of Object.entries(fleet.assignment.edges)) {
        const had = before.edges[group];
        if (had === undefined || had === id) continue;
        moves++;
        const left = lastLeft.get(group);
        if (left?.server === id && fleet.sec - left.sec < 60) {
          back.set(group, (back.get(group) ?? 0) + 1);
        }
        lastLeft.set(group, { server: had, sec: fleet.sec });
      }
    }
    const often = [...back.values()].filter((times) => times > 1).length;
    evidence.swings = { moves, back: back.size, often, groups: SIZE.groups };
    expect(often).toBe(0);
    expect(back.size / SIZE.groups).toBeLessThan(0.03);
  });

  test("a day of demand, with deaths, puts no server over capacity while there is room", () => {
    const { fleet, now, dead } = agedFleet();
    const start = fleet.sec;
    now.demand = (group, sec) => {
      const lon = world.snapshot.groups[group]?.lon ?? (group * 360) / SIZE.groups;
      return 1 + 0.35 * Math.sin((2 * Math.PI * (sec - start)) / DAY_SEC + (lon * Math.PI) / 180);
    };
    let over = 0;
    let hours = 0;
    let projectedOver = 0;
    for (let i = 0; i < DAY_SEC; i++) {
      if (i === DAY_SEC / 2) dead.add("node/node-3");
      const before = fleet.load;
      fleet.tick();
      for (const [id, load] of before) {
        if (dead.has(id)) continue;
        hours++;
        if (load > 1) over++;
      }
      for (const load of Object.values(fleet.assignment.projected)) if (load > 1) projectedOver++;
    }
    evidence.day = { serverSeconds: hours, over, projectedOver, wrong: fleet.wrong };
    expect(projectedOver).toBe(0);
    expect(over / hours).toBeLessThan(0.0005);
    expect(fleet.wrong).toBe(0);
  });

  test("capacities that are a third wrong are found out by measuring, and nothing overflows", () => {
    const cost = (target: string) => (hash32(target) % 2 === 0 ? 1.33 : 0.75);
    const { fleet } = agedFleet({ cost });
    const { edges, highest } = run(fleet, 60);
    evidence.wrongCapacities = { highest, moved: sum(edges) };
    expect(highest).toBeLessThan(1);
    expect(sum(edges)).toBeLessThan(0.05);
  });

  test("shedding by watermarks comes to rest between them, and does not swing after a step", () => {
    // All want the first, which has a quarter of the capacity: it keeps what lies below its limit.
    const chain = [{ filter: "failover" }, { filter: "shed", target: 0.6, limit: 1 }];
    const shedding = buildWorld({ ...SMALL_SIZE, resolvers: 12, steering: { chain } });
    const { fleet, now, dead } = agedFleet({}, shedding);
    const firstLoads = (seconds: number) => {
      const loads: number[] = [];
      for (let i = 0; i < seconds; i++) {
        fleet.tick();
        loads.push(fleet.load.get("www.shop.example/origin-0") ?? 0);
      }
      return loads;
    };
    now.demand = () => 1.25;
    const step = firstLoads(SMALL_SIZE.ttlSec);
    // Answers of one second end together a TTL later: what is left of the step fades from TTL to TTL.
    const after = firstLoads(5 * SMALL_SIZE.ttlSec);
    const rest = firstLoads(2 * SMALL_SIZE.ttlSec);
    const spreadOf = (loads: readonly number[]) => Math.max(...loads) - Math.min(...loads);
    const highestAfter = Math.max(...after);
    const [early, late] = [spreadOf([...step, ...after]), spreadOf(rest)];
    evidence.shed = { highestInStep: Math.max(...step), highestAfter, early, late };
    expect(highestAfter).toBeLessThan(1);
    expect(Math.min(...rest)).toBeGreaterThan(0.6);
    expect(late).toBeLessThan(0.07);
    expect(late).toBeLessThan(early / 3);
    dead.add("www.shop.example/origin-1");
    expect(run(fleet, 40, dead).highest).toBeLessThan(1);
    expect(fleet.wrong).toBe(0);
  });

  test("weights are corrected until answers are split as wanted, and stay so", () => {
    // Some client prefixes ask a hundred times as much as others, and each keeps to its server.
    const splitting = buildWorld({ ...SMALL_SIZE, steering: { preset: "sticky" } });
    const { fleet } = agedFleet({}, splitting);
    const ids = splitting.snapshot.origins.map((o) => o.id);
    const worst = (seconds: number) => {
      const sums = new Map(ids.map((id) => [id, 0]));
      for (let i = 0; i < seconds; i++) {
        fleet.tick();
        for (const id of ids) sums.set(id, sums.get(id)! + (fleet.answers[id] ?? 0));
      }
      const total = sum([...sums.values()]);
      return Math.max(...[...sums.values()].map((n) => Math.abs(n / total - 1 / ids.length)));
    };
    const drift = worst(60);
    run(fleet, 500);
    const factors = () => ids.map((id) => fleet.assignment.trims?.factor[id] ?? 1);
    const before = factors();
    const rest = worst(100);
    const change = Math.max(...factors().map((factor, i) => Math.abs(factor - before[i]!)));
    evidence.split = { drift, rest, factors: factors(), change };
    expect(rest).toBeLessThan(Math.min(0.03, drift));
    expect(change).toBeLessThan(0.05);
    for (const factor of factors()) expect(Math.abs(Math.log2(factor))).toBeLessThanOrEqual(1);
  });

  test("with all origins dead every question is still answered", () => {
    const { fleet, dead } = agedFleet();
    for (const origin of world.snapshot.origins) dead.add(origin.id);
    run(fleet, 40, dead);
    expect(fleet.wrong).toBe(0);
    dead.clear();
    run(fleet, 40);
    expect(Object.keys(fleet.assignment.origins["www.shop.example"] ?? {}).length).toBeGreaterThan(
      0,
    );
    const { TURNPIKE_EVIDENCE } = process.env;
    if (TURNPIKE_EVIDENCE) writeFileSync(TURNPIKE_EVIDENCE, JSON.stringify(evidence));
  });
});

/** How many client groups have their first server again. */
function returned(first: Assignment, then: Assignment, last: Assignment): number {
  return Object.keys(first.edges).filter(
    (group) => then.edges[group] !== first.edges[group] && last.edges[group] === first.edges[group],
  ).length;
}
