// Random worlds, each decided and checked: TURNPIKE_WORLDS says how many (a few thousand by default).
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { type Rng, seededRng } from "../../src/base/rng.ts";
import { type Assignment, type Demand, NO_ASSIGNMENT } from "../../src/model/assignment.ts";
import type { Decision, Verdict } from "../../src/model/decision.ts";
import { type Health, NO_HEALTH, type TargetHealth } from "../../src/model/health.ts";
import type { Snapshot, SnapshotOrigin, SnapshotStep } from "../../src/model/snapshot.ts";
import { steeringPreset } from "../../src/model/steering.ts";
import {
  assign,
  chainOf,
  pick,
  queueMs,
  SHELVES,
  type SteerAsk,
  steer,
} from "../../src/policy/steering/mod.ts";
import { healthOf, SMALL, snapshotOf } from "../fixtures/network.ts";

const WORLDS = Number(process.env.TURNPIKE_WORLDS ?? 4000);
const HOSTNAME = "www.shop.example";
const BASE = baseSnapshot();
const EDGES = BASE.nodes.map((node) => node.id);

/** Five origins, four caches in three pops; worlds differ in everything else. */
function baseSnapshot(): Snapshot {
  const file = structuredClone(SMALL) as Record<string, unknown> & typeof SMALL;
  file.pops.push({ name: "sin" });
  for (const [i, pop] of ["fra", "sin"].entries()) {
    const node = structuredClone(file.nodes[0]!);
    Object.assign(node, { name: `more-${i}`, pop, addresses: { v4: `192.0.2.${5 + i}` } });
    file.nodes.push(node);
  }
  for (const [i, name] of ["d", "e"].entries()) {
    file.customers[0]!.sites[0]!.origins.push({ name, v4: `192.0.2.${14 + i}` });
  }
  return snapshotOf(file);
}

interface World {
  readonly snapshot: Snapshot;
  readonly health: Health;
  readonly demand: Demand;
  readonly previous: Assignment;
}

function oneOf<T>(rng: Rng, values: readonly T[]): T {
  return values[Math.floor(rng.float() * values.length)]!;
}

function randomSteps(rng: Rng): SnapshotStep[] {
  const { origins, groups } = BASE;
  const some = (list: readonly { index: number }[]) =>
    list.filter(() => rng.float() < 0.5).map((item) => item.index);
  const rules = () => [{ groups: some(groups), origins: some(origins) }];
  const makers: (() => SnapshotStep)[] = [
    () => ({ filter: "allowed", rules: rules() }),
    () => ({ filter: "map", rules: rules(), strict: rng.float() < 0.2 }),
    () => ({ filter: "lowest-load" }),
    () => ({ filter: "nearest-unloaded" }),
    () => ({ filter: "latency", bandMs: rng.float() * 100 }),
    () => ({ filter: "geographic", bias: [[0, rng.float() * 198 - 99]] }),
    () => ({ filter: "weighted" }),
    () => ({ filter: "failover", order: some(origins) }),
    () => ({ filter: "sticky" }),
    () => ({ filter: "shed", target: rng.float(), limit: rng.float() + 0.5 }),
    () => ({ filter: "first", n: 1 + Math.floor(rng.float() * 3) }),
  ];
  return Array.from({ length: 1 + Math.floor(rng.float() * 4) }, () => oneOf(rng, makers)());
}

function randomWorld(rng: Rng): World {
  const chain = rng.float() < 0.5 ? { chain: randomSteps(rng) } : {};
  const site = {
    ...BASE.sites[0]!,
    preset: oneOf(rng, steeringPreset.options),
    margin: oneOf(rng, [0, 0, 0.05]),
    allDown: oneOf(rng, ["all", "none"] as const),
    ...chain,
  };
  const origins = BASE.origins.map((origin): SnapshotOrigin => {
    const forced = rng.float() < 0.9 ? "auto" : oneOf(rng, ["up", "down", "drain"] as const);
    const weight = rng.float() < 0.9 ? 0.1 + rng.float() * 5 : 0;
    const capacity = 50 + rng.float() * 2000;
    const lat = rng.float() * 180 - 90;
    return { ...origin, forced, weight, capacity, pop: origin.index % 3, lat, lon: lat * 2 };
  });
  const groups = BASE.groups.map((group) => ({ ...group, lat: rng.float() * 90, lon: 10 }));
  const snapshot: Snapshot = { ...BASE, sites: [site], origins, groups };
  const targets: Record<string, Partial<TargetHealth>> = {};
  for (const { id } of [...origins, ...BASE.nodes]) {
    if (rng.float() < 0.05) continue;
    const state = oneOf(rng, ["up", "up", "up", "down", "draining", "unknown"] as const);
    const fine = rng.float() < 0.5 ? Math.floor(rng.float() * 6) / 5 : rng.float() * 1.3;
    targets[id] = { state, load: fine };
  }
  const rttMs: Record<string, Record<string, number>> = {};
  for (const { name } of BASE.groups) {
    if (rng.float() < 0.2) continue;
    rttMs[name] = Object.fromEntries(BASE.pops.map((p) => [p.name, Math.ceil(rng.float() * 250)]));
  }
  const perGroup = () => Object.fromEntries(BASE.groups.map((g) => [g.name, rng.float() * 400]));
  const busy = rng.float() < 0.5;
  const demand = { sites: busy ? { [HOSTNAME]: perGroup() } : {}, edges: busy ? perGroup() : {} };
  return { snapshot, health: { ...healthOf(targets), rttMs }, demand, previous: NO_ASSIGNMENT };
}

function isUp(world: World, id: string): boolean {
  const forced = world.snapshot.origins.find((o) => o.id === id)?.forced ?? "auto";
  if (forced !== "auto") return forced === "up";
  const state = world.health.targets[id]?.state ?? "unknown";
  return state === "up" || state === "unknown";
}

/** Every reason is true of the world it was given for. */
function checkReasons(world: World, decision: Decision): void {
  for (const candidate of decision.reasons) {
    const first = candidate.verdicts[0] as Verdict;
    expect(first.kept).toBe(isUp(world, candidate.id));
    const dropped = candidate.verdicts.some((v) => !v.kept);
    const chosen = decision.choices.some((c) => c.id === candidate.id);
    if (!decision.allDown) expect(chosen).toBe(!dropped);
    for (const verdict of candidate.verdicts) checkReason(world, candidate, verdict);
  }
}

function checkReason(world: World, of: Decision["reasons"][number], verdict: Verdict): void {
  const target = world.health.targets[of.id];
  const forced = world.snapshot.origins.find((o) => o.id === of.id)?.forced ?? "auto";
  const holds: Partial<Record<Verdict["reason"], boolean>> = {
    healthy: target?.state === "up",
    unmeasured: (target?.state ?? "unknown") === "unknown",
    down: target?.state === "down",
    "forced-up": forced === "up",
    "forced-down": forced === "down",
    draining: forced === "drain" || target?.state === "draining",
    "weight-zero": world.snapshot.origins.find((o) => o.id === of.id)?.weight === 0,
    "over-limit": of.load >= 0.5,
  };
  expect(holds[verdict.reason] ?? true).toBe(true);
}

/** The rules of DESIGN section 3 for the presets, without memory. */
function checkPreset(world: World, decision: Decision, edges: boolean): void {
  const { snapshot } = world;
  const steps = edges ? [{ filter: "nearest-unloaded" }] : chainOf(snapshot.sites[0]);
  const only = steps.length === 1 ? steps[0]!.filter : null;
  const kept = decision.reasons.filter((c) => c.verdicts.every((v) => v.kept));
  const first = kept.find((c) => c.id === decision.choices[0]?.id);
  if (decision.allDown || first === undefined) return;
  if (only === "lowest-load") {
    for (const c of kept) expect(c.projected).toBeGreaterThanOrEqual(first.projected - 1e-9);
  }
  if (only !== "nearest-unloaded") return;
  const rtt = (c: typeof first) => c.rttMs ?? 100;
  const cost = (c: typeof first) => rtt(c) + queueMs(c.projected);
  for (const c of kept) {
    expect(cost(c)).toBeGreaterThanOrEqual(cost(first) - 1e-9);
    const noWorse = rtt(c) <= rtt(first) && c.projected <= first.projected;
    const better = rtt(c) < rtt(first) || c.projected < first.projected;
    expect(noWorse && better).toBe(false);
  }
}

/** A site's own cache name stays in the pop that the client group has. */
function checkShelf(
  { snapshot }: World,
  shelf: number | undefined,
  of: { readonly group: number; readonly assignment: Assignment; readonly decision: Decision },
): void {
  const own = of.assignment.edges[snapshot.groups[of.group]!.name];
  if (own === undefined) return;
  const nodeOf = (id: string | undefined) => snapshot.nodes.find((node) => node.id === id)!;
  const first = of.decision.choices[0]!;
  const holds = of.assignment.shelves?.[snapshot.pops[nodeOf(own).pop]!.name];
  const wanted = shelf === undefined ? undefined : holds?.caches[holds.at[shelf]!];
  expect(first.id).toBe(wanted ?? own);
  expect(nodeOf(first.id).pop).toBe(nodeOf(own).pop);
}

function checkWorld(world: World, rng: Rng): void {
  const { snapshot, health } = world;
  const fresh = { snapshot, health, assignment: NO_ASSIGNMENT };
  const assignment = assign({ ...world, atMs: 1000 });
  expect(assign({ ...world, atMs: 1000 })).toEqual(assignment);
  const shelf = Math.floor(rng.float() * SHELVES);
  const asks: SteerAsk[] = [{ for: "origins", site: 0 }, { for: "edges" }, { for: "edges", shelf }];
  for (const ask of asks) {
    const ids = ask.for === "edges" ? EDGES : snapshot.origins.map((o) => o.id);
    const group = Math.floor(rng.float() * 3);
    for (const view of [fresh, { ...fresh, assignment }]) {
      const decision = steer(view, ask, { group });
      expect(steer(view, ask, { group })).toEqual(decision);
      checkReasons(world, decision);
      const up = ids.some((id) => isUp(world, id));
      if (decision.choices.length > 0 && !decision.allDown) {
        for (const choice of decision.choices) expect(isUp(world, choice.id)).toBe(true);
        expect(decision.choices.some((c) => c.weight > 0)).toBe(true);
        const drawn = pick(decision.choices, Math.floor(rng.float() * 2 ** 32));
        expect(drawn!.weight).toBeGreaterThan(0);
      }
      const plain = ask.for === "edges" || snapshot.sites[0]!.chain === undefined;
      if (plain && ask.for === "edges") expect(decision.allDown).toBe(!up);
      if (view === fresh) checkPreset(world, decision, ask.for === "edges");
      else if (ask.for === "edges") checkShelf(world, ask.shelf, { group, assignment, decision });
    }
    const given = ask.for === "edges" ? assignment.edges : (assignment.origins[HOSTNAME] ?? {});
    for (const id of Object.values(given)) expect(isUp(world, id)).toBe(true);
  }
}

test(
  "no random world sends a client to a down server, breaks a preset's rule or lies about why",
  () => {
    const started = Date.now();
    for (let seed = 1; seed <= WORLDS; seed++) {
      const rng = seededRng(seed * 2654435761);
      const world = randomWorld(rng);
      try {
        checkWorld(world, rng);
      } catch (error) {
        throw new Error(`World ${seed}: ${(error as Error).message}`, { cause: error });
      }
    }
    const { TURNPIKE_EVIDENCE } = process.env;
    const figures = { worlds: WORLDS, seconds: Math.round((Date.now() - started) / 1000) };
    if (TURNPIKE_EVIDENCE) writeFileSync(TURNPIKE_EVIDENCE, JSON.stringify(figures));
  },
  60 * 60_000,
);

test("nothing measured at all still gives an answer", () => {
  const view = { snapshot: BASE, health: NO_HEALTH, assignment: NO_ASSIGNMENT };
  expect(steer(view, { for: "edges" }, { group: 0 }).choices.length).toBe(EDGES.length);
});
