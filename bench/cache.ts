// Hit ratios of each eviction algorithm: on recorded traces, where a folder of them is named
// (`--traces DIR` or TURNPIKE_TRACES; files `NAME.csv` or `NAME.csv.xz`, header `key` or `key,size`),
// and on generated ones with sizes. Room is a part of the footprint: the bytes of all objects asked for.
import {
  Gdsf,
  Lru,
  type MakeEvictor,
  MOST_BYTES,
  MOST_HITS,
  S3Fifo,
  S3Gdsf,
  Sieve,
  TinyLfu,
} from "../src/edge/cache/evict/mod.ts";
import { type IndexFigures, measureIndex } from "./cache-index.ts";
import { simulate } from "./cache-simulate.ts";
import { readTraces, type Trace, zipfTrace } from "./cache-traces.ts";

/** Objects on disk at a restart, at three sizes. */
const INDEXED = [10_000, 100_000, 1_000_000];
const PARTS = [0.001, 0.01, 0.1];
/** Ours may be this far from what others published for the same trace and room. */
const CLOSE = 0.02;

const ALGORITHMS: Readonly<Record<string, MakeEvictor>> = {
  LRU: (slots) => new Lru(slots),
  SIEVE: (slots) => new Sieve(slots),
  "S3-FIFO": (slots) => new S3Fifo(slots),
  "W-TinyLFU": (slots) => new TinyLfu(slots),
  GDSF: (slots) => new Gdsf(slots),
  "S3-GDSF hits": (slots) => new S3Gdsf(slots, MOST_HITS),
  "S3-GDSF bytes": (slots) => new S3Gdsf(slots, MOST_BYTES),
};

/** Published by the authors of libCacheSim: sizes ignored, room in objects. */
const KNOWN: readonly {
  readonly trace: string;
  readonly objects: number;
  readonly ratios: Readonly<Record<string, number>>;
}[] = [
  { trace: "web07", objects: 2048, ratios: { LRU: 0.557, SIEVE: 0.579, "S3-FIFO": 0.581 } },
  {
    trace: "cloudphysics",
    objects: 100,
    ratios: { LRU: 0.12, SIEVE: 0.138, "S3-FIFO": 0.149, "W-TinyLFU": 0.132, GDSF: 0.131 },
  },
  {
    trace: "cloudphysics",
    objects: 1000,
    ratios: { LRU: 0.167, SIEVE: 0.175, "S3-FIFO": 0.174, "W-TinyLFU": 0.167, GDSF: 0.173 },
  },
  {
    trace: "cloudphysics",
    objects: 5000,
    ratios: { LRU: 0.196, SIEVE: 0.211, "S3-FIFO": 0.25, "W-TinyLFU": 0.226, GDSF: 0.198 },
  },
];

interface Ratios {
  /** Hits per request. */
  readonly objects: number;
  /** Bytes of hits per byte asked for. */
  readonly bytes: number;
  /** Memory for each object held: the slot table and what the evictor holds beside it. */
  readonly memoryPerObject: number;
}

export interface CacheResult {
  readonly bench: "cache";
  readonly traces: readonly {
    readonly name: string;
    readonly requests: number;
    readonly objects: number;
    readonly bytes: number;
    readonly rooms: readonly {
      readonly part: number;
      readonly bytesMax: number;
      readonly ratios: Readonly<Record<string, Ratios>>;
    }[];
  }[];
  readonly checks: readonly {
    readonly trace: string;
    readonly objects: number;
    readonly algorithm: string;
    readonly known: number;
    readonly ours: number;
    readonly close: boolean;
  }[];
  readonly index: readonly IndexFigures[];
  readonly missing: readonly string[];
}

/** Runs all algorithms over all traces; the same seed each time. */
export async function bench(o: {
  readonly traces: string | undefined;
  log(line: string): void;
}): Promise<CacheResult> {
  const recorded = o.traces === undefined ? [] : readTraces(o.traces);
  const generated = [
    zipfTrace("zipf 0.8, sizes", { objects: 100_000, requests: 500_000, alpha: 0.8, seed: 1 }),
    zipfTrace("zipf 1.0, sizes", { objects: 200_000, requests: 500_000, alpha: 1, seed: 2 }),
    zipfTrace("zipf 0.9, sizes, drifting", {
      ...{ objects: 200_000, requests: 500_000, alpha: 0.9, seed: 3 },
      driftEvery: 20,
    }),
  ];
  const traces = [...recorded, ...generated].map((trace) => measure(trace, o.log));
  const missing = o.traces === undefined ? ["recorded traces: no folder was named"] : [];
  const index: IndexFigures[] = [];
  for (const entries of INDEXED) {
    index.push(await measureIndex(entries));
    o.log(`restart with ${entries} objects: done`);
  }
  return { bench: "cache", traces, checks: recorded.flatMap(check), index, missing };
}

function measure(trace: Trace, log: (line: string) => void): CacheResult["traces"][number] {
  const rooms = PARTS.map((part) => {
    const bytesMax = Math.max(1, Math.round(trace.footprintBytes * part));
    const ratios = Object.entries(ALGORITHMS).map(([name, make]) => {
      const done = simulate(trace, make, bytesMax);
      return [
        name,
        {
          objects: rounded(done.hits / trace.keys.length),
          bytes: rounded(done.hitBytes / done.bytes),
          memoryPerObject: Math.round(done.memoryPerObject),
        },
      ] as const;
    });
    log(`${trace.name}, ${part * 100} %: done`);
    return { part, bytesMax, ratios: Object.fromEntries(ratios) };
  });
  const { name, keys, objects, footprintBytes } = trace;
  return { name, requests: keys.length, objects, bytes: footprintBytes, rooms };
}

function check(trace: Trace): CacheResult["checks"] {
  const plain = { ...trace, sizes: null, footprintBytes: trace.objects };
  return KNOWN.filter((known) => known.trace === trace.name).flatMap(({ objects, ratios }) =>
    Object.entries(ratios).map(([algorithm, known]) => {
      const { hits } = simulate(plain, ALGORITHMS[algorithm]!, objects);
      const ours = rounded(hits / trace.keys.length);
      const close = Math.abs(ours - known) <= CLOSE;
      return { trace: trace.name, objects, algorithm, known, ours, close };
    }),
  );
}

function rounded(ratio: number): number {
  return Math.round(ratio * 10_000) / 10_000;
}

/** What others do who look at no sizes: the default is held against the best of them. */
const BESIDE = ["LRU", "SIEVE", "S3-FIFO", "W-TinyLFU"];
const DEFAULT = "S3-GDSF hits";
const GOAL = 0.99;

/** Our default's object hit ratio over the best of the others', for each trace and room. */
function relative(result: CacheResult): string[] {
  const rows = result.traces.flatMap(({ name, rooms }) =>
    rooms.map(({ part, ratios }) => {
      const best = Math.max(...BESIDE.map((other) => ratios[other]!.objects));
      return { row: `${name} at ${part * 100} %`, over: ratios[DEFAULT]!.objects / best };
    }),
  );
  const [worst] = rows.toSorted((a, b) => a.over - b.over);
  if (worst === undefined) return [];
  const good = rows.filter(({ over }) => over >= GOAL).length;
  return [
    `${DEFAULT}, the default, beside the best of ${BESIDE.join(", ")}: at least ${GOAL} of it in ` +
      `${good} of ${rows.length} rows; least ${worst.over.toFixed(3)} (${worst.row})`,
  ];
}

/** For a terminal: object hit ratio / byte hit ratio in percent, the best of each row with a star. */
export function format(result: CacheResult): string {
  const names = Object.keys(ALGORITHMS);
  const lines = result.traces.flatMap((trace) => [
    "",
    `${trace.name}: ${trace.requests} requests, ${trace.objects} objects, ${trace.bytes} bytes`,
    ["room".padEnd(7), ...names.map((name) => name.padStart(15))].join(""),
    ...trace.rooms.map(({ part, ratios }) => {
      const best = Math.max(...names.map((name) => ratios[name]!.objects));
      const cells = names.map((name) => {
        const { objects, bytes } = ratios[name]!;
        const cell = `${(objects * 100).toFixed(1)} / ${(bytes * 100).toFixed(1)}`;
        return `${cell}${objects === best ? "*" : " "}`.padStart(15);
      });
      return [`${part * 100} %`.padEnd(7), ...cells].join("");
    }),
  ]);
  const checks = result.checks.map(
    (c) =>
      `check ${c.trace} at ${c.objects} objects, ${c.algorithm}: ${c.ours.toFixed(3)}, ` +
      `published ${c.known.toFixed(3)}: ${c.close ? "close" : "NOT CLOSE"}`,
  );
  const index = result.index.map(
    (of) =>
      `restart with ${of.entries} objects on disk: first hit after ${of.firstHitMs} ms (goal 3000), all ` +
      `known after ${of.loadMs} ms (${of.loadCpuMs} ms of CPU), requests waiting at most ` +
      `${of.longestTurnMs} ms meanwhile; ${of.bytesPerEntry} bytes of memory each (goal 250)`,
  );
  const missing = result.missing.map((words) => `not measured: ${words}`);
  return [
    "cache: object hit ratio / byte hit ratio, %",
    ...lines,
    "",
    ...relative(result),
    ...checks,
    ...index,
    ...missing,
  ].join("\n");
}
