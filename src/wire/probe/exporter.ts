import { type MetricSample, parseMetrics } from "./metrics.ts";
import { memoryShareLoad } from "./reported-load.ts";

/** What one scrape of a node_exporter says about load; counters are compared with the scrape before. */
export interface ExporterReading {
  readonly atMs: number;
  /** `<cpu>/<mode>` -> seconds, of `node_cpu_seconds_total`. */
  readonly cpuSec: ReadonlyMap<string, number>;
  readonly memoryTotalBytes: number | null;
  readonly memoryAvailableBytes: number | null;
  /** Device -> bytes received and sent, and what it can carry each way per second if known. */
  readonly network: ReadonlyMap<string, NetworkReading>;
}

interface NetworkReading {
  readonly received: number;
  readonly sent: number;
  readonly bytesPerSecMax: number | null;
}

export interface ExporterLoad {
  readonly kind: "cpu" | "memory" | "network";
  /** 0 idle, 1 at capacity. */
  readonly load: number;
  /** For people, such as `busy 84 % of 2 CPUs`. */
  readonly detail: string;
}

const WANTED: ReadonlySet<string> = new Set([
  "node_cpu_seconds_total",
  "node_memory_MemTotal_bytes",
  "node_memory_MemAvailable_bytes",
  "node_network_receive_bytes_total",
  "node_network_transmit_bytes_total",
  "node_network_speed_bytes",
]);

/** Beyond any real counter; sums of such values stay finite. */
const VALUE_MAX = 1e18;
/** Counted CPU time below this says nothing: node_exporter counts in steps of 10 ms. */
const CPU_SEC_LEAST = 0.1;

/**
 * Reads node_exporter's text. Null when it holds none of the families that load follows from.
 * `atMs` is when it was scraped, on a clock that never steps.
 *
 * @example readExporter("node_memory_MemTotal_bytes 8e9\n", 0)?.memoryTotalBytes // 8e9
 */
export function readExporter(text: string, atMs: number): ExporterReading | null {
  const { samples } = parseMetrics(text, { wanted: WANTED });
  const finite = samples.filter((sample) => Math.abs(sample.value) <= VALUE_MAX);
  if (finite.length === 0) return null;
  const cpuSec = new Map<string, number>();
  for (const sample of named(finite, "node_cpu_seconds_total")) {
    const { cpu, mode } = sample.labels;
    if (cpu !== undefined && mode !== undefined) cpuSec.set(`${cpu}/${mode}`, sample.value);
  }
  return {
    atMs,
    cpuSec,
    memoryTotalBytes: named(finite, "node_memory_MemTotal_bytes")[0]?.value ?? null,
    memoryAvailableBytes: named(finite, "node_memory_MemAvailable_bytes")[0]?.value ?? null,
    network: readNetwork(finite),
  };
}

function named(samples: readonly MetricSample[], name: string): MetricSample[] {
  return samples.filter((sample) => sample.name === name);
}

function readNetwork(samples: readonly MetricSample[]): Map<string, NetworkReading> {
  const byDevice = (name: string) =>
    new Map(named(samples, name).map((sample) => [sample.labels.device ?? "", sample.value]));
  const sent = byDevice("node_network_transmit_bytes_total");
  const speed = byDevice("node_network_speed_bytes");
  const network = new Map<string, NetworkReading>();
  for (const [device, received] of byDevice("node_network_receive_bytes_total")) {
    const most = speed.get(device) ?? 0;
    if (device === "" || device === "lo") continue;
    network.set(device, {
      received,
      sent: sent.get(device) ?? 0,
      bytesPerSecMax: most > 0 ? most : null,
    });
  }
  return network;
}

/**
 * The loads that follow from a scrape and the one before it. A source that cannot be told (first
 * scrape, counters reset, capacity unknown) is left out, never guessed as 0.
 *
 * @example exporterLoads(null, reading) // memory only: one scrape tells no CPU share
 */
export function exporterLoads(
  previous: ExporterReading | null,
  current: ExporterReading,
): ExporterLoad[] {
  const loads: (ExporterLoad | null)[] = [memoryLoad(current)];
  if (previous !== null) loads.unshift(cpuLoad(previous, current), networkLoad(previous, current));
  return loads.filter((load) => load !== null);
}

function cpuLoad(previous: ExporterReading, current: ExporterReading): ExporterLoad | null {
  const perCpu = new Map<string, { idle: number; all: number; reset: boolean }>();
  for (const [key, now] of current.cpuSec) {
    const before = previous.cpuSec.get(key);
    if (before === undefined) continue;
    const slash = key.lastIndexOf("/");
    const mode = key.slice(slash + 1);
    const cpu = perCpu.get(key.slice(0, slash)) ?? { idle: 0, all: 0, reset: false };
    perCpu.set(key.slice(0, slash), cpu);
    const spent = now - before;
    const idle = mode === "idle" || mode === "iowait";
    // Idle counters are known to step back a little on Linux; any other one falling is a restart.
    if (spent < 0 && !(idle && spent > -1)) cpu.reset = true;
    cpu.all += Math.max(0, spent);
    if (idle) cpu.idle += Math.max(0, spent);
  }
  const counted = [...perCpu.values()].filter((cpu) => !cpu.reset);
  const all = counted.reduce((sum, cpu) => sum + cpu.all, 0);
  const idle = counted.reduce((sum, cpu) => sum + cpu.idle, 0);
  if (all < CPU_SEC_LEAST) return null;
  const busy = clamp((all - idle) / all, 0, 1);
  const cpus = counted.length === 1 ? "1 CPU" : `${counted.length} CPUs`;
  return { kind: "cpu", load: busy, detail: `busy ${percent(busy)} of ${cpus}` };
}

function memoryLoad(current: ExporterReading): ExporterLoad | null {
  const { memoryTotalBytes: total, memoryAvailableBytes: available } = current;
  if (total === null || available === null || total <= 0 || available < 0) return null;
  const used = clamp(1 - available / total, 0, 1);
  return {
    kind: "memory",
    load: memoryShareLoad(used),
    detail: `used ${percent(used)} of ${gigabytes(total)}`,
  };
}

/** The busiest direction of the busiest device whose speed is known. */
function networkLoad(previous: ExporterReading, current: ExporterReading): ExporterLoad | null {
  const sec = (current.atMs - previous.atMs) / 1000;
  if (sec <= 0) return null;
  let worst: ExporterLoad | null = null;
  for (const [device, now] of current.network) {
    const before = previous.network.get(device);
    if (before === undefined || now.bytesPerSecMax === null) continue;
    const received = now.received - before.received;
    const sent = now.sent - before.sent;
    if (received < 0 || sent < 0) continue;
    const perSec = Math.max(received, sent) / sec;
    const load = clamp(perSec / now.bytesPerSecMax, 0, 10);
    if (worst !== null && worst.load >= load) continue;
    const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
    const name = device.replace(/[^\w.:-]/g, "?").slice(0, 16);
    const detail = `${name} ${mb(perSec)} of ${mb(now.bytesPerSecMax)} MB/s`;
    worst = { kind: "network", load, detail };
  }
  return worst;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}
