// `npm run bench -- dns|edge|cache|steer|all [--json FILE] [--rounds N] [--seconds N] [--traces DIR]
// [--case TEXT]` (only those of dns' or edge's cases whose name has that text): ours beside the peers that
// are installed (as root on Debian, missing ones are installed first; `cache` and `steer` need none).
// A bench is no test: it never fails by the clock.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { BENCH_PEERS, installPeers } from "../tools/gate/peers.ts";
import * as cache from "./cache.ts";
import { readMachine } from "./machine.ts";
import {
  type BenchOptions,
  type BenchResult,
  growthExponents,
  ratioToBest,
  summarize,
} from "./result.ts";
import * as steer from "./steer.ts";
import { formatResult } from "./table.ts";

const BENCHES = ["dns", "edge", "cache", "steer"] as const;
const ROUNDS_LEAST = 1;

type Bench = { bench(o: BenchOptions): Promise<BenchResult> };

function readArgs() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      json: { type: "string" },
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "5" },
      case: { type: "string", default: "" },
      traces: { type: "string", default: process.env.TURNPIKE_TRACES ?? "" },
    },
  });
  const named = positionals.includes("all") ? [...BENCHES] : positionals;
  const unknown = named.find((name) => !BENCHES.some((one) => one === name));
  const rounds = Number(values.rounds);
  const seconds = Number(values.seconds);
  if (named.length === 0 || unknown !== undefined) {
    const list = `${BENCHES.join(", ")} or all`;
    throw new RangeError(`Cannot bench: expected ${list}: received ${unknown ?? "nothing"}`);
  }
  if (!(rounds >= ROUNDS_LEAST && seconds > 0))
    throw new RangeError("Cannot bench: --rounds and --seconds are numbers above 0");
  const traces = values.traces === "" ? undefined : values.traces;
  return { named, rounds, seconds, json: values.json, traces, only: values.case };
}

async function main(): Promise<void> {
  const { named, rounds, seconds, json, traces, only } = readArgs();
  const log = (line: string) => process.stderr.write(`${line}\n`);
  if (named.some((name) => name !== "cache" && name !== "steer")) {
    const why = installPeers(BENCH_PEERS, log);
    if (why !== null) log(`Peers ${why}`);
  }
  const benches: object[] = [];
  for (const name of named) {
    if (name === "cache") {
      const result = await cache.bench({ traces, log });
      benches.push(result);
      process.stdout.write(`${cache.format(result)}\n`);
      continue;
    }
    if (name === "steer") {
      const result = await steer.bench({ log });
      benches.push(result);
      process.stdout.write(`${steer.format(result)}\n`);
      continue;
    }
    const { bench } = (await import(`./${name}.ts`)) as Bench;
    const result = await bench({ rounds, seconds, only, log });
    benches.push(withMedians(result));
    process.stdout.write(`${formatResult(result)}\n`);
  }
  if (json === undefined) return;
  const machine = readMachine(join(import.meta.dir, ".."));
  writeFileSync(json, `${JSON.stringify({ machine, rounds, seconds, benches }, null, 2)}\n`);
}

function withMedians(result: BenchResult): object {
  const cases = result.cases.map((one) => ({
    ...one,
    figures: one.figures.map((figure) => ({ ...figure, ...summarize(figure) })),
    ratioToBestPeer: ratioToBest(one),
    ...(one.sizes && { growthExponents: growthExponents(one) }),
  }));
  return { ...result, cases };
}

try {
  await main();
  process.exit(0);
} catch (error) {
  const words = error instanceof RangeError ? error.message : error;
  console.error(words);
  process.exit(error instanceof RangeError ? 2 : 1);
}
