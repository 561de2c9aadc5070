import { queueMs } from "./nearest-unloaded.ts";

/** A server that can be given client groups. Servers are in the order of their ids. */
export interface Server {
  readonly id: string;
  /** Demand per second at which it is at load 1. */
  readonly capacity: number;
  /** Its load without the demand of any group here: measured, less what is carried. */
  readonly bare: number;
  /** Column of its round-trip times. */
  readonly column: number;
}

export interface AllocateInput {
  readonly servers: readonly Server[];
  /** By group, in the order in which they choose. */
  readonly demand: Float64Array;
  /** By group: index of the server that it has, or -1. */
  readonly had: Int32Array;
  /** By group: 1 if it moved lately, and needs twice the reason to move again. */
  readonly lately: Uint8Array;
  /** By group: the server may be used; null if all may. */
  readonly may: ((group: number, server: number) => boolean) | null;
  readonly by: ByLoad | ByCost;
}

/** The lowest load; a group keeps its server while that is within `margin` of the lowest. */
export interface ByLoad {
  readonly kind: "load";
  readonly margin: number;
}

/** The lowest `rtt_ms + queue(load)`; a group keeps its server while it costs little more. */
export interface ByCost {
  readonly kind: "cost";
  /** Group by column, ms. */
  readonly rttMs: Float64Array;
  readonly columns: number;
}

export interface Allocation {
  /** By group: index of its server, or -1 where it may use none. */
  readonly server: Int32Array;
  /** By server: demand given. */
  readonly given: Float64Array;
  /** By server: load with that. */
  readonly load: Float64Array;
}

/** A cache is kept while its cost is within this of the best: ms, and share of the best. */
const KEEP_COST_MS = 2;
const KEEP_COST_SHARE = 0.05;
/** And differences of load up to this are not worth moving for. */
export const KEEP_LOAD = 0.07;
/**
 * Nor, to a server that is nearer too, those up to this: two loads measured 2 % wrong are as far
 * apart. Without it groups between two alike servers go to and fro.
 */
const NOISE_LOAD = 0.03;
/** From this load on a server is left as easily by those who moved lately as by all. */
const FULL_LOAD = 0.9;
/** Rounds of improvement at most; few are needed when little has changed. */
const ROUNDS_MAX = 12;
/** Less is no gain: keeps rounding from moving anybody. */
const LEAST_GAIN = 1e-9;

/**
 * Gives every client group a server, starting from what it has, so that little moves when little
 * changes (Maggs and Sitaraman, "Algorithmic Nuggets in Content Delivery", 2015: a stable, incremental
 * allocation). Groups without a server choose first, then all in turn look for a better one, given
 * where the others are now, until nobody gains more than keeping is worth. Each move lowers one
 * common sum (a potential game), so rounds end; as `queue` prices what one more request costs all,
 * the end is near the lowest sum of latencies under the capacities.
 */
export function allocate(input: AllocateInput): Allocation {
  return new Allocating(input).run();
}

class Allocating {
  readonly #in: AllocateInput;
  readonly #server: Int32Array;
  readonly #given: Float64Array;
  readonly #load: Float64Array;
  readonly #perDemand: Float64Array;
  /** Groups that nobody has been told of: they move for any gain. */
  readonly #fresh: Uint8Array;

  constructor(input: AllocateInput) {
    this.#in = input;
    this.#server = Int32Array.from(input.had);
    this.#given = new Float64Array(input.servers.length);
    this.#load = Float64Array.from(input.servers, (s) => s.bare);
    this.#perDemand = Float64Array.from(input.servers, (s) => 1 / Math.max(s.capacity, 1e-9));
    this.#fresh = new Uint8Array(input.had.length);
  }

  run(): Allocation {
    const groups = this.#server.length;
    const { may } = this.#in;
    for (let g = 0; g < groups; g++) {
      const s = this.#server[g]!;
      if (s >= 0 && (may === null || may(g, s))) this.#give(g, s);
      else {
        this.#server[g] = -1;
        this.#fresh[g] = 1;
      }
    }
    for (let g = 0; g < groups; g++) {
      if (this.#fresh[g] === 1) this.#give(g, this.#best(g, -1));
    }
    for (let round = 0; round < ROUNDS_MAX; round++) {
      let moved = 0;
      for (let g = 0; g < groups; g++) if (this.#improve(g)) moved++;
      if (moved === 0) break;
    }
    return { server: this.#server, given: this.#given, load: this.#load };
  }

  #give(g: number, s: number): void {
    this.#server[g] = s;
    if (s < 0) return;
    const demand = this.#in.demand[g]!;
    this.#given[s] = this.#given[s]! + demand;
    this.#load[s] = this.#load[s]! + demand * this.#perDemand[s]!;
  }

  #take(g: number): void {
    const s = this.#server[g]!;
    const demand = this.#in.demand[g]!;
    this.#given[s] = this.#given[s]! - demand;
    this.#load[s] = this.#load[s]! - demand * this.#perDemand[s]!;
  }

  #improve(g: number): boolean {
    const own = this.#server[g]!;
    if (own < 0) return false;
    const best = this.#best(g, own);
    if (best < 0 || !this.#worthMoving(g, own, best)) return false;
    this.#take(g);
    this.#give(g, best);
    return true;
  }

  #worthMoving(g: number, own: number, best: number): boolean {
    const { by } = this.#in;
    const load = this.#load[own]!;
    const other = this.#loadWith(g, best);
    if (by.kind === "load") {
      return load > other + this.#keep(g) * by.margin + LEAST_GAIN;
    }
    const cost = this.#rtt(g, own) + queueMs(load);
    const otherCost = this.#rtt(g, best) + queueMs(other);
    if (this.#fresh[g] === 1) return cost > otherCost + LEAST_GAIN;
    // Loads are measured with errors, and near capacity a small one would be worth many ms.
    const keep = this.#keep(g);
    const keeping = this.#rtt(g, own) + queueMs(load - keep * KEEP_LOAD);
    if (keeping > otherCost * (1 + keep * KEEP_COST_SHARE) + keep * KEEP_COST_MS) return true;
    // Who is dominated pays more than the best: whoever does not need not look.
    const dearer = cost > otherCost || (cost === otherCost && load > other);
    return dearer && this.#isDominated(g, own);
  }

  #isDominated(g: number, own: number): boolean {
    const { servers, may } = this.#in;
    for (let s = 0; s < servers.length; s++) {
      if (s === own || (may !== null && !may(g, s))) continue;
      if (this.#beats(g, s, own)) return true;
    }
    return false;
  }

  /**
   * True if the other is lower in both, in load by more than noise; or as far away (a neighbour in
   * the same pop) and lower in load by more than keeping is worth.
   */
  #beats(g: number, other: number, own: number): boolean {
    const gap = this.#load[own]! - this.#loadWith(g, other);
    const gapMs = this.#rtt(g, own) - this.#rtt(g, other);
    const keep = this.#keep(g);
    return gapMs > 0 ? gap > keep * NOISE_LOAD : gapMs === 0 && gap > keep * KEEP_LOAD;
  }

  /** How many times what keeping is worth counts for a group. Nobody is held where it is full. */
  #keep(g: number): number {
    if (this.#fresh[g] === 1) return 0;
    const full = this.#load[this.#server[g]!]! >= FULL_LOAD;
    return full ? 1 : 1 + this.#in.lately[g]!;
  }

  #loadWith(g: number, s: number): number {
    return this.#load[s]! + this.#in.demand[g]! * this.#perDemand[s]!;
  }

  #rtt(g: number, s: number): number {
    const { by, servers } = this.#in;
    return by.kind === "load" ? 0 : by.rttMs[g * by.columns + servers[s]!.column]!;
  }

  /** The best server for a group with its demand added there; -1 if it may use none. */
  #best(g: number, except: number): number {
    const { servers, may, by } = this.#in;
    let best = -1;
    let bestCost = Number.POSITIVE_INFINITY;
    let bestLoad = Number.POSITIVE_INFINITY;
    let bestRttMs = Number.POSITIVE_INFINITY;
    for (let s = 0; s < servers.length; s++) {
      if (s === except || (may !== null && !may(g, s))) continue;
      const load = this.#loadWith(g, s);
      const rttMs = this.#rtt(g, s);
      const cost = by.kind === "load" ? load : rttMs + queueMs(load);
      // Where both are over capacity, the lower load, then the nearer one; ties stay with the first id.
      if (best >= 0) {
        if (cost > bestCost) continue;
        if (cost === bestCost && load > bestLoad) continue;
        if (cost === bestCost && load === bestLoad && rttMs >= bestRttMs) continue;
      }
      best = s;
      bestCost = cost;
      bestLoad = load;
      bestRttMs = rttMs;
    }
    return best;
  }
}
