import { readFileSync } from "node:fs";
import { availableParallelism, cpus, freemem, totalmem } from "node:os";
import type { Clock } from "../base/clock.ts";
import type { NodeFigures, NodeStats } from "../model/messages.ts";

/** Timers this far apart tell how late the event loop is; ten a second cost nothing. */
const BEAT_MS = 100;
const BEATS_MAX = 64;

export interface Figures {
  /** Since the call before; `edge` is what clients were served meanwhile, `tiers` what other caches. */
  take(edge: NodeStats["edge"], tiers?: NodeStats["tiers"]): NodeFigures;
  stop(): void;
}

interface Before {
  readonly atMs: number;
  readonly busyMs: number;
  readonly allMs: number;
  readonly processUs: number;
}

/** Starts to watch this process and its machine. `connections` counts clients, null if unknown. */
export function startFigures(o: {
  readonly clock: Clock;
  readonly connections: () => number | null;
}): Figures {
  const { clock } = o;
  let late: number[] = [];
  let dueMs = clock.monoMs() + BEAT_MS;
  const timer = setInterval(() => {
    const nowMs = clock.monoMs();
    if (late.length < BEATS_MAX) late.push(Math.max(0, nowMs - dueMs));
    dueMs = nowMs + BEAT_MS;
  }, BEAT_MS);
  timer.unref();
  let before = readCounters(clock, NOTHING);
  let rssBytes = 0;
  return {
    take(edge, tiers = {}) {
      const now = readCounters(clock, before);
      rssBytes = orElse(() => process.memoryUsage.rss(), rssBytes);
      const sec = Math.max(0.001, (now.atMs - before.atMs) / 1000);
      const allMs = now.allMs - before.allMs;
      const served = totals(edge);
      const figures: NodeFigures = {
        cpuBusy: allMs <= 0 ? null : Math.max(0, (now.busyMs - before.busyMs) / allMs),
        cpus: availableParallelism(),
        processCpus: (now.processUs - before.processUs) / 1e6 / sec,
        ...readMemory(),
        rssBytes,
        connections: o.connections(),
        bytesPerSec: (served.bytesOut + totals(tiers).bytesOut) / sec,
        loopDelayMs: highPercentile(late),
        hitRatio: served.requests === 0 ? null : served.hits / served.requests,
      };
      before = now;
      late = [];
      return figures;
    },
    stop: () => clearInterval(timer),
  };
}

const NOTHING: Before = { atMs: 0, busyMs: 0, allMs: 0, processUs: 0 };

/** What a file of the system's says; where there is no descriptor to read it by, what is known. */
function orElse<T>(read: () => T, known: T): T {
  try {
    return read();
  } catch {
    return known;
  }
}

function readCounters(clock: Clock, known: Before): Before {
  return { ...orElse(readProcessors, known), ...readOwn(clock) };
}

function readProcessors(): Pick<Before, "busyMs" | "allMs"> {
  let busyMs = 0;
  let allMs = 0;
  for (const { times } of cpus()) {
    const busy = times.user + times.nice + times.sys + times.irq;
    busyMs += busy;
    allMs += busy + times.idle;
  }
  return { busyMs, allMs };
}

function readOwn(clock: Clock): Pick<Before, "atMs" | "processUs"> {
  const { user, system } = process.cpuUsage();
  return { atMs: clock.monoMs(), processUs: user + system };
}

/** What the kernel could give without swapping; plain free memory where it does not say. */
function readMemory(): Pick<NodeFigures, "memoryTotalBytes" | "memoryAvailableBytes"> {
  const memoryTotalBytes = totalmem();
  try {
    const kib = /^MemAvailable:\s+(\d+) kB/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
    if (kib !== undefined) return { memoryTotalBytes, memoryAvailableBytes: Number(kib) * 1024 };
  } catch {
    // No such file on this system.
  }
  return { memoryTotalBytes, memoryAvailableBytes: freemem() };
}

function totals(edge: NodeStats["edge"]) {
  const sum = { requests: 0, hits: 0, bytesOut: 0 };
  for (const site of Object.values(edge)) {
    sum.requests += site.requests;
    sum.hits += site.hits;
    sum.bytesOut += site.bytesOut;
  }
  return sum;
}

function highPercentile(late: readonly number[]): number {
  const sorted = [...late].sort((a, b) => a - b);
  return Math.round((sorted[Math.ceil(0.95 * sorted.length) - 1] ?? 0) * 10) / 10;
}
