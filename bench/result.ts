/** What a bench measured, ours beside the peers: printed as a table and written as JSON. */

/** One server under one load. CPU is time at the server per answered query or request. */
export interface BenchFigure {
  /** `turnpike`, or a peer with its version: `nginx 1.22.1`. */
  readonly name: string;
  readonly ours: boolean;
  /** CPU microseconds at the server per answer, user + system of all its processes: one a round. */
  readonly cpuUs: readonly number[];
  /** Answers per second as the load generator saw them: one a round. */
  readonly perSec: readonly number[];
  /** Resident memory after the last round, bytes; null where it was not read. */
  readonly rssBytes: number | null;
  /** It is no peer: what ours stands on, alone. No ratio is held against it. */
  readonly reference?: true;
  /** Answers that were missing or wrong, over all rounds. */
  readonly failed: number;
}

/** One workload, such as `A, 1000 names, UDP`, with everybody who was put through it. */
export interface BenchCase {
  readonly name: string;
  readonly load: string;
  /** The goal of performance.md for our median CPU over the best peer's, or null. */
  readonly goalRatio: number | null;
  readonly figures: readonly BenchFigure[];
  /** Where figures are of growing sizes: how many things each had. */
  readonly sizes?: readonly number[];
}

/** How our cost grew over cases that differ in size alone. */
export interface BenchGrowth {
  readonly name: string;
  readonly sizes: readonly number[];
  /** Our median of each size. */
  readonly cpuUs: readonly number[];
  readonly exponents: readonly number[];
}

export interface BenchResult {
  /** `dns`, `edge`. */
  readonly bench: string;
  readonly rounds: number;
  readonly cases: readonly BenchCase[];
  /** Peers that could not be measured here, and why: `knot: not installed`. */
  readonly missing: readonly string[];
  readonly growth?: readonly BenchGrowth[];
}

/** What a bench is asked to do. `log` takes progress lines for a person. */
export interface BenchOptions {
  readonly rounds: number;
  readonly seconds: number;
  /** Only cases whose name has this text; dns and edge ask. */
  readonly only: string;
  log(line: string): void;
}

/**
 * The middle value; the mean of the two middle ones of an even count; NaN of nothing.
 *
 * @example median([3, 1, 2]) // 2
 */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[half]!;
  return (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Our median CPU over the lowest peer's; null without a peer or without us. */
export function ratioToBest(one: BenchCase): number | null {
  const peers = one.figures.filter((f) => !f.ours && f.reference !== true && f.cpuUs.length > 0);
  const ours = one.figures.find((f) => f.ours && f.cpuUs.length > 0);
  if (ours === undefined || peers.length === 0) return null;
  return median(ours.cpuUs) / Math.min(...peers.map((f) => median(f.cpuUs)));
}

/** Medians of a figure's rounds; null where it has none. */
export function summarize(figure: BenchFigure): {
  readonly cpuUsMedian: number | null;
  readonly perSecMedian: number | null;
} {
  const of = (values: readonly number[]) => (values.length === 0 ? null : median(values));
  return { cpuUsMedian: of(figure.cpuUs), perSecMedian: of(figure.perSec) };
}

/**
 * From each size to the next, the power of the size that the cost grew by: 0 is none, 1 in proportion.
 * Empty where a case has no sizes.
 */
export function growthExponents({ figures, sizes = [] }: BenchCase): number[] {
  const costs = figures.map((figure) => median(figure.cpuUs));
  return exponentsOf(costs, sizes);
}

/** The same over cases of one size each; null where one of them was not measured. */
export function growthOf(
  name: string,
  of: { readonly sizes: readonly number[]; readonly cases: readonly (BenchCase | undefined)[] },
): BenchGrowth | null {
  const ours = of.cases.map((one) => one?.figures.find((f) => f.ours && f.cpuUs.length > 0));
  if (ours.some((figure) => figure === undefined)) return null;
  const cpuUs = ours.map((figure) => median(figure!.cpuUs));
  return { name, sizes: of.sizes, cpuUs, exponents: exponentsOf(cpuUs, of.sizes) };
}

function exponentsOf(costs: readonly number[], sizes: readonly number[]): number[] {
  return sizes.slice(1).map((size, i) => {
    return Math.log(costs[i + 1]! / costs[i]!) / Math.log(size / sizes[i]!);
  });
}
