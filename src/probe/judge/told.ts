import type { NodeFigures } from "../../model/messages.ts";
import { memoryShareLoad } from "../../wire/probe/mod.ts";
import type { Target } from "../plan.ts";
import type { SeenLoad } from "./track.ts";

/** Figures of a second jump; memory and what people push do not. */
const SMOOTHED: ReadonlySet<string> = new Set(["cpu", "network", "loop"]);
const EWMA_SHARE = 0.4;
const LOAD_MAX = 10;
const DETAIL_CHARS_MAX = 120;
/** Every cache of a network may tell of one origin. */
const TELLERS_MAX = 256;

interface Word {
  readonly heardMs: number;
  readonly freshMs: number;
  readonly loads: readonly SeenLoad[];
}

/** What others than probes tell of one target: itself, caches that fetch from it, its owner. */
export class Told {
  readonly #byTeller = new Map<string, Word>();

  take(teller: string, word: Word): void {
    const before = this.#byTeller.get(teller);
    if (before === undefined && this.#byTeller.size >= TELLERS_MAX) return;
    const loads = word.loads
      .filter(({ load }) => Number.isFinite(load) && load >= 0)
      .map((seen) => smoothed(seen, before?.loads));
    this.#byTeller.set(teller, { ...word, loads });
  }

  loads(nowMs: number): SeenLoad[] {
    const fresh = [...this.#byTeller].filter(([teller, { heardMs, freshMs }]) => {
      const stale = nowMs - heardMs > freshMs;
      if (stale) this.#byTeller.delete(teller);
      return !stale;
    });
    return fresh.flatMap(([, word]) => word.loads);
  }
}

function smoothed(seen: SeenLoad, before: readonly SeenLoad[] | undefined): SeenLoad {
  const load = Math.min(LOAD_MAX, seen.load);
  const last = before?.find((one) => one.kind === seen.kind);
  const value =
    last !== undefined && SMOOTHED.has(seen.kind)
      ? last.load + EWMA_SHARE * (load - last.load)
      : load;
  return { ...seen, load: value, detail: seen.detail.slice(0, DETAIL_CHARS_MAX) };
}

/** A cache's own figures as loads; connections and bandwidth only where its most is known. */
export function figuresLoads(figures: NodeFigures, target: Target, atMs: number): SeenLoad[] {
  const loads: SeenLoad[] = [];
  const percent = (share: number) => `${Math.round(share * 100)} %`;
  const { cpuBusy, cpus, processCpus } = figures;
  if (cpuBusy !== null) {
    const own = `this process ${processCpus.toFixed(2)}`;
    const detail = `self-reported: busy ${percent(cpuBusy)} of ${cpus} CPUs, ${own}, smoothed`;
    loads.push({ kind: "cpu", load: Math.min(1, cpuBusy), detail, atMs });
  }
  const { memoryTotalBytes: total, memoryAvailableBytes: available } = figures;
  if (total !== null && available !== null && total > 0) {
    const used = Math.min(1, Math.max(0, 1 - available / total));
    const detail = `self-reported: used ${percent(used)} of ${(total / 2 ** 30).toFixed(1)} GiB`;
    loads.push({ kind: "memory", load: memoryShareLoad(used), detail, atMs });
  }
  const { limitMs } = target;
  const delay = `self-reported: timers ${figures.loopDelayMs} ms late, limit ${limitMs} ms`;
  loads.push({ kind: "loop", load: figures.loopDelayMs / limitMs, detail: delay, atMs });
  const { connectionsMax, bytesPerSecMax } = target.most ?? {};
  if (connectionsMax !== undefined && figures.connections !== null) {
    const detail = `self-reported: ${figures.connections} of ${connectionsMax} connections`;
    loads.push({ kind: "connections", load: figures.connections / connectionsMax, detail, atMs });
  }
  if (bytesPerSecMax !== undefined) {
    const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
    const detail = `self-reported: sends ${mb(figures.bytesPerSec)} of ${mb(bytesPerSecMax)} MB/s`;
    loads.push({ kind: "network", load: figures.bytesPerSec / bytesPerSecMax, detail, atMs });
  }
  return loads;
}
