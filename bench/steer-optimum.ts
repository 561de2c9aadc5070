import { waitMs } from "../src/policy/steering/mod.ts";

/** Who wants how much, how far it is, and what there is: demand and capacity in the same unit. */
export interface Problem {
  readonly demand: Float64Array;
  /** Group by server, ms. */
  readonly rttMs: readonly Float64Array[];
  readonly capacity: Float64Array;
}

/** What a server's load costs its clients: their waiting too, or only that it may not exceed 1. */
export type Cost = "rtt-and-wait" | "rtt-under-capacity";

const ROUNDS = 600;
/** What the model of waiting takes per request, ms. */
const SERVICE_MS = waitMs(0.5);

/**
 * A lower bound of the mean latency that any assignment can have, fractional ones too (so the real
 * optimum lies between this and whatever was found). Lagrange: give each server a price per unit of
 * demand; let every group go where latency plus price is least, and every server take what suits it
 * at that price. What that costs, for any prices, is at most the optimum. Prices climb by subgradient.
 */
export function lowerBoundMs(problem: Problem, cost: Cost, start?: Float64Array): number {
  const { demand, rttMs, capacity } = problem;
  const total = demand.reduce((a, b) => a + b, 0);
  const price = Float64Array.from(start ?? new Float64Array(capacity.length));
  let best = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const asked = new Float64Array(capacity.length);
    let bound = 0;
    for (let g = 0; g < demand.length; g++) {
      const row = rttMs[g]!;
      let least = Number.POSITIVE_INFINITY;
      let at = 0;
      for (let s = 0; s < price.length; s++) {
        const value = row[s]! + price[s]!;
        if (value >= least) continue;
        least = value;
        at = s;
      }
      asked[at] = asked[at]! + demand[g]!;
      bound += demand[g]! * least;
    }
    const step = 60 / (1 + round / 8);
    for (let s = 0; s < price.length; s++) {
      const offered = offer(price[s]!, capacity[s]!, cost);
      bound += offered.value;
      const gap = (asked[s]! - offered.taken) / capacity[s]!;
      price[s] = Math.max(0, price[s]! + step * Math.max(-1, Math.min(1, gap)));
    }
    best = Math.max(best, bound / total);
  }
  return best;
}

/** What a server takes at a price, and min over D of (waiting of D) - price * D. */
function offer(price: number, capacity: number, cost: Cost): { taken: number; value: number } {
  if (cost === "rtt-under-capacity") return { taken: capacity, value: -price * capacity };
  // price = S / (1 - l)^2 - S, what one more request costs all.
  const load = 1 - 1 / Math.sqrt(1 + price / SERVICE_MS);
  const taken = load * capacity;
  return { taken, value: taken * (waitMs(load) - price) };
}

export interface Quality {
  readonly meanRttMs: number;
  readonly p95RttMs: number;
  /** Round trip and waiting; infinite when a server is over capacity. */
  readonly meanMs: number;
  readonly highestLoad: number;
  readonly overCapacity: number;
}

/** What an assignment (group -> server) means for clients. */
export function qualityOf(problem: Problem, server: ArrayLike<number>): Quality {
  const { demand, rttMs, capacity } = problem;
  const given = new Float64Array(capacity.length);
  for (let g = 0; g < demand.length; g++) given[server[g]!] = given[server[g]!]! + demand[g]!;
  const load = given.map((d, s) => d / capacity[s]!);
  const total = demand.reduce((a, b) => a + b, 0);
  const rows = Array.from(demand, (d, g) => ({ d, rtt: rttMs[g]![server[g]!]! }));
  const mean = rows.reduce((sum, { d, rtt }) => sum + d * rtt, 0) / total;
  const waiting = load.reduce((sum, l, s) => sum + (given[s] === 0 ? 0 : given[s]! * waitMs(l)), 0);
  rows.sort((a, b) => a.rtt - b.rtt);
  let below = 0;
  const p95 = rows.find(({ d }) => {
    below += d;
    return below >= 0.95 * total;
  });
  return {
    meanRttMs: mean,
    p95RttMs: p95?.rtt ?? 0,
    meanMs: mean + waiting / total,
    highestLoad: Math.max(...load),
    overCapacity: load.filter((l) => l > 1).length,
  };
}
