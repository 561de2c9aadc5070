import type { Clock } from "../../../base/clock.ts";

/** What one simulated machine is set to report. */
export interface MachineLoad {
  /** Busy share of all processors, 0 to 1. */
  cpu: number;
  /** Used share of memory, 0 to 1. */
  memory: number;
  /** Bytes per second in each direction. */
  networkBytesPerSec: number;
}

const CPUS = 2;
const MEMORY_BYTES = 8 * 1024 ** 3;
const NETWORK_BYTES_PER_SEC_MAX = 125_000_000;

/**
 * The metrics of one simulated machine in node_exporter's names and text format (Prometheus
 * exposition 0.0.4). Counters are the settings integrated over time, so that whoever scrapes twice
 * computes the setting back.
 */
export class Machine {
  readonly #clock: Clock;
  readonly #load: MachineLoad;
  #sinceMs: number;
  #busySec = 0;
  #idleSec = 0;
  #bytes = 0;

  constructor(clock: Clock, load: MachineLoad) {
    this.#clock = clock;
    this.#load = { ...load };
    this.#sinceMs = clock.monoMs();
  }

  get load(): Readonly<MachineLoad> {
    return this.#load;
  }

  /** From now on; what was before stays in the counters. */
  set(load: Partial<MachineLoad>): void {
    this.#integrate();
    Object.assign(this.#load, load);
  }

  #integrate(): void {
    const now = this.#clock.monoMs();
    const sec = Math.max(0, now - this.#sinceMs) / 1000;
    this.#sinceMs = now;
    this.#busySec += sec * this.#load.cpu;
    this.#idleSec += sec * (1 - this.#load.cpu);
    this.#bytes += sec * this.#load.networkBytesPerSec;
  }

  /** The body of `/metrics`. */
  metrics(): string {
    this.#integrate();
    const lines = ["# TYPE node_cpu_seconds_total counter"];
    for (let cpu = 0; cpu < CPUS; cpu++) {
      const of = (mode: string) => `node_cpu_seconds_total{cpu="${cpu}",mode="${mode}"}`;
      lines.push(`${of("idle")} ${this.#idleSec.toFixed(4)}`);
      lines.push(`${of("iowait")} 0`, `${of("system")} ${(this.#busySec * 0.25).toFixed(4)}`);
      lines.push(`${of("user")} ${(this.#busySec * 0.75).toFixed(4)}`);
    }
    const gauge = (name: string, value: number) =>
      lines.push(`# TYPE ${name} gauge`, `${name} ${value}`);
    gauge("node_memory_MemTotal_bytes", MEMORY_BYTES);
    gauge("node_memory_MemAvailable_bytes", Math.round(MEMORY_BYTES * (1 - this.#load.memory)));
    gauge("node_load1", Number((this.#load.cpu * CPUS).toFixed(2)));
    for (const way of ["receive", "transmit"]) {
      const name = `node_network_${way}_bytes_total`;
      lines.push(`# TYPE ${name} counter`, `${name}{device="eth0"} ${Math.round(this.#bytes)}`);
    }
    lines.push("# TYPE node_network_speed_bytes gauge");
    lines.push(`node_network_speed_bytes{device="eth0"} ${NETWORK_BYTES_PER_SEC_MAX}`);
    return `${lines.join("\n")}\n`;
  }
}

export interface Exporter {
  readonly port: number;
  stop(): Promise<void>;
}

/** Serves a machine's `/metrics` on its own address. */
export function startExporter(machine: Machine, host: string, port: number): Exporter {
  const server = Bun.serve({
    hostname: host,
    port,
    fetch(request) {
      if (new URL(request.url).pathname !== "/metrics") return new Response(null, { status: 404 });
      return new Response(machine.metrics(), {
        headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
      });
    },
  });
  return { port: server.port ?? port, stop: () => server.stop(true) };
}
