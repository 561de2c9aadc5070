import { hash32, type Rng, seededRng } from "../../src/base/rng.ts";
import { type Assignment, NO_ASSIGNMENT } from "../../src/model/assignment.ts";
import type { Decision } from "../../src/model/decision.ts";
import { type Health, NO_HEALTH, type TargetHealth } from "../../src/model/health.ts";
import type { NodeStats } from "../../src/model/messages.ts";
import { assign, pick, type SteerAsk, steer } from "../../src/policy/steering/mod.ts";
import { DemandMeter } from "../../src/probe/judge/demand.ts";
import type { World } from "./world.ts";

/** What happens from outside, by second; each may be changed between ticks. */
export interface Weather {
  /** Demand of a group over its average: the hour of the day, a crowd. */
  demandOf(group: number, sec: number): number;
  /** Real load of a target over what its capacity says: 1 where capacities are known well. */
  costOf(target: string): number;
  readonly dead: Set<string>;
}

export interface FleetOptions {
  readonly world: World;
  readonly weather: Weather;
  /** Share of resolvers that keep an answer five times as long as they may. */
  readonly overstay: number;
  /** Relative error of each second's load measurement. */
  readonly noise: number;
}

/** A name that is answered: all caches, or one site's origins. */
interface Name {
  readonly ask: SteerAsk;
  /** Ids of all that could be answered. */
  readonly targets: readonly string[];
  /** By resolver: the server answered last, and when that answer ends. */
  readonly server: (string | null)[];
  readonly until: Float64Array;
  readonly decided: Map<number, Decision>;
}

const OVERSTAY = 5;
/** Seconds until checks say that a server is down, or up again. */
const DETECT_SEC = 2;

/**
 * A fleet in one process and in made-up time: every second resolvers whose answers ended ask
 * `steer()` and `pick()`, traffic goes where their answers lead, loads are measured from that, and
 * `assign()` runs on what was measured and on the demand that name servers counted.
 */
export class Fleet {
  readonly world: World;
  sec = 0;
  health: Health = NO_HEALTH;
  assignment: Assignment = NO_ASSIGNMENT;
  /** Answers that named nobody, or somebody known to be down while another was up. */
  wrong = 0;
  /** Answers of the last second by target. */
  answers: Record<string, number> = {};
  /** Real load by target, of the last second. */
  readonly load = new Map<string, number>();
  readonly #o: FleetOptions;
  readonly #rng: Rng;
  readonly #groupOf: number[] = [];
  readonly #ttl: Float64Array;
  readonly #names: readonly [Name, Name];
  readonly #meter = new DemandMeter();
  readonly #capacity: ReadonlyMap<string, number>;
  readonly #known = new Map<string, { down: boolean; sinceSec: number }>();

  constructor(o: FleetOptions) {
    this.#o = o;
    this.world = o.world;
    this.#rng = seededRng(o.world.size.seed + 1);
    for (const [g, n] of o.world.resolvers.entries()) {
      for (let i = 0; i < n; i++) this.#groupOf.push(g);
    }
    const { ttlSec } = o.world.size;
    const stays = () => (this.#rng.float() < o.overstay ? ttlSec * OVERSTAY : ttlSec);
    this.#ttl = Float64Array.from(this.#groupOf, stays);
    this.#names = [this.#name({ for: "edges" }), this.#name({ for: "origins", site: 0 })];
    const { nodes, origins } = o.world.snapshot;
    this.#capacity = new Map([...nodes, ...origins].map((t) => [t.id, t.capacity]));
    this.#meter.setSnapshot(o.world.snapshot);
    this.#measure();
  }

  #name(ask: SteerAsk): Name {
    const size = this.#groupOf.length;
    // Answers end at different seconds from the first on.
    const until = Float64Array.from(this.#ttl, (ttl) => this.#rng.float() * ttl);
    const { nodes, origins } = this.world.snapshot;
    const targets = (ask.for === "edges" ? nodes : origins).map((t) => t.id);
    return { ask, targets, server: Array(size).fill(null), until, decided: new Map() };
  }

  /** One second. */
  tick(): void {
    this.sec++;
    this.answers = {};
    const lookups: Record<string, number>[] = [{}, {}];
    for (const [i, name] of this.#names.entries()) this.#resolve(name, lookups[i]!);
    this.#meter.take(statsOf(lookups, this.sec, this.answers));
    this.#measure();
    const demand = this.#meter.demand(this.sec * 1000);
    const { snapshot } = this.world;
    const atMs = this.sec * 1000;
    const previous = this.assignment;
    this.assignment = assign({ snapshot, health: this.health, demand, previous, atMs });
    for (const name of this.#names) name.decided.clear();
  }

  #resolve(name: Name, lookups: Record<string, number>): void {
    const { snapshot } = this.world;
    for (const [r, group] of this.#groupOf.entries()) {
      if (name.until[r]! > this.sec) continue;
      let decision = name.decided.get(group);
      if (decision === undefined) {
        const view = { snapshot, health: this.health, assignment: this.assignment };
        decision = steer(view, name.ask, { group, family: 4, brief: true });
        name.decided.set(group, decision);
      }
      // A draw that sticks is by the client's prefix: one for each group here.
      const sticks = decision.choices[0]?.stick !== undefined;
      const seed = sticks ? hash32(`prefix-${group}`) : Math.floor(this.#rng.float() * 2 ** 32);
      const choice = pick(decision.choices, seed);
      if (choice !== null) this.answers[choice.id] = (this.answers[choice.id] ?? 0) + 1;
      this.#judge(name, choice?.id ?? null);
      name.server[r] = choice?.id ?? null;
      name.until[r] = this.sec + this.#ttl[r]!;
      const group_ = snapshot.groups[group]!.name;
      lookups[group_] = (lookups[group_] ?? 0) + 1;
    }
  }

  #judge(name: Name, id: string | null): void {
    const state = (target: string) => this.health.targets[target]?.state;
    const down = id === null || state(id) === "down";
    if (down && name.targets.some((target) => state(target) === "up")) this.wrong++;
    if (id === null) this.wrong++;
  }

  /** Where traffic goes now, and what checks make of it. */
  #measure(): void {
    this.load.clear();
    for (const id of this.#capacity.keys()) this.load.set(id, 0);
    const { weather, noise } = this.#o;
    const perResolver = 1 / this.world.size.ttlSec;
    for (const name of this.#names) {
      for (const [r, id] of name.server.entries()) {
        if (id === null || weather.dead.has(id)) continue;
        const demand = perResolver * weather.demandOf(this.#groupOf[r]!, this.sec);
        const load = (demand / this.#capacity.get(id)!) * weather.costOf(id);
        this.load.set(id, this.load.get(id)! + load);
      }
    }
    const targets: Record<string, TargetHealth> = {};
    for (const [id, load] of this.load) {
      const seen = load * (1 + noise * (2 * this.#rng.float() - 1));
      targets[id] = targetOf(id, { load: seen, down: this.#isDown(id) });
    }
    const atMs = this.sec * 1000;
    this.health = { ...NO_HEALTH, number: this.health.number + 1, atMs, targets };
  }

  #isDown(id: string): boolean {
    const dead = this.#o.weather.dead.has(id);
    const known = this.#known.get(id) ?? { down: false, sinceSec: this.sec };
    if (known.down === dead) known.sinceSec = this.sec;
    else if (this.sec - known.sinceSec >= DETECT_SEC) known.down = dead;
    this.#known.set(id, known);
    return known.down;
  }

  /** Share of all demand whose server differs between two assignments: of caches, of the site. */
  moved(before: Assignment, after: Assignment): { edges: number; origins: number } {
    const { snapshot, traffic } = this.world;
    const all = traffic.reduce((a, b) => a + b, 0);
    const hostname = snapshot.sites[0]!.hostname;
    const share = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>) =>
      snapshot.groups.reduce((sum, { name, index }) => {
        const differs = a[name] !== undefined && b[name] !== undefined && a[name] !== b[name];
        return differs ? sum + traffic[index]! : sum;
      }, 0) / all;
    return {
      edges: share(before.edges, after.edges),
      origins: share(before.origins[hostname] ?? {}, after.origins[hostname] ?? {}),
    };
  }
}

function statsOf(
  lookups: readonly Record<string, number>[],
  sec: number,
  answers: Readonly<Record<string, number>>,
): NodeStats {
  const [edgeLookups = {}, first = {}] = lookups;
  const none = { answers, edge: {}, fetches: {} };
  const at = { node: "node-0", atMs: sec * 1000, snapshot: 1 };
  return { ...at, ...none, lookups: { "www.shop.example": first }, edgeLookups };
}

function targetOf(id: string, o: { load: number; down: boolean }): TargetHealth {
  return {
    id,
    state: o.down ? "down" : "up",
    sinceMs: 0,
    young: false,
    v4Up: !o.down,
    v6Up: false,
    load: o.load,
    loadKnown: true,
    loadFrom: "cpu",
    sources: [],
    views: [],
  };
}
