import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Requests in order: keys are numbers from 0. Sizes by key, in bytes; null: all are of size 1. */
export interface Trace {
  readonly name: string;
  readonly keys: Uint32Array;
  readonly sizes: Float64Array | null;
  /** One more than the largest key. */
  readonly objects: number;
  readonly footprintBytes: number;
}

/** All traces of a folder. Those packed by xz need the tool. An object has its first size. */
export function readTraces(folder: string): Trace[] {
  const names = readdirSync(folder).filter((name) => /\.csv(\.xz)?$/.test(name));
  return names.sort().map((name) => {
    const path = join(folder, name);
    const text = name.endsWith(".xz")
      ? execFileSync("xz", ["-dc", path], { encoding: "utf8", maxBuffer: 1 << 30 })
      : readFileSync(path, "utf8");
    return parseTrace(name.replace(/\.csv(\.xz)?$/, ""), text);
  });
}

function parseTrace(name: string, text: string): Trace {
  const [head, ...lines] = text.trimEnd().split("\n");
  const sized = head === "key,size";
  const numbers = new Map<string, number>();
  const sizes: number[] = [];
  const keys = Uint32Array.from(lines, (line) => {
    const [key = "", size = "1"] = line.split(",");
    let number = numbers.get(key);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(key, number);
      sizes.push(Number(size));
    }
    return number;
  });
  return traceOf({ name, keys, sizes: sized ? Float64Array.from(sizes) : null });
}

function traceOf(o: Pick<Trace, "name" | "keys" | "sizes">): Trace {
  const seen = new Set(o.keys);
  let footprintBytes = 0;
  let largest = 0;
  for (const key of seen) {
    footprintBytes += o.sizes?.[key] ?? 1;
    if (key > largest) largest = key;
  }
  return { ...o, objects: largest + 1, footprintBytes };
}

/**
 * Requests by Zipf's law, sizes log-normal (median 12 KB, mean 55 KB) and independent of popularity.
 * `driftEvery`: after so many requests the least popular object becomes the most popular one.
 */
export function zipfTrace(
  name: string,
  o: {
    readonly objects: number;
    readonly requests: number;
    readonly alpha: number;
    readonly seed: number;
    readonly driftEvery?: number;
  },
): Trace {
  const random = randomOf(o.seed);
  const sums = new Float64Array(o.objects);
  let sum = 0;
  for (let rank = 0; rank < o.objects; rank++) sums[rank] = sum += (rank + 1) ** -o.alpha;
  const keys = new Uint32Array(o.requests);
  for (let i = 0; i < o.requests; i++) {
    const shift = o.driftEvery === undefined ? 0 : Math.floor(i / o.driftEvery);
    const rank = firstAbove(sums, random() * sum);
    keys[i] = (rank + o.objects * 1000 - shift) % o.objects;
  }
  const sizes = Float64Array.from({ length: o.objects }, () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.min(20_000_000, Math.max(100, Math.round(12_000 * Math.exp(1.75 * normal))));
  });
  return traceOf({ name, keys, sizes });
}

function firstAbove(sums: Float64Array, value: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sums[middle]! > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
