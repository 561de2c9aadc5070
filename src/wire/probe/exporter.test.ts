import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { type ExporterReading, exporterLoads, readExporter } from "./exporter.ts";

interface Machine {
  readonly idle: number;
  readonly user: number;
  readonly iowait?: number;
  readonly available?: number;
  readonly received?: number;
  readonly speed?: number;
}

function scrape(atMs: number, cpus: readonly Machine[]): ExporterReading {
  const lines = cpus.flatMap((m, cpu) => [
    `node_cpu_seconds_total{cpu="${cpu}",mode="idle"} ${m.idle}`,
    `node_cpu_seconds_total{cpu="${cpu}",mode="user"} ${m.user}`,
    `node_cpu_seconds_total{cpu="${cpu}",mode="iowait"} ${m.iowait ?? 0}`,
  ]);
  const first = cpus[0];
  lines.push("node_memory_MemTotal_bytes 8589934592");
  lines.push(`node_memory_MemAvailable_bytes ${first?.available ?? 8589934592}`);
  lines.push(`node_network_receive_bytes_total{device="eth0"} ${first?.received ?? 0}`);
  lines.push('node_network_receive_bytes_total{device="lo"} 999999999');
  lines.push(`node_network_transmit_bytes_total{device="eth0"} 0`);
  if (first?.speed !== undefined) {
    lines.push(`node_network_speed_bytes{device="eth0"} ${first.speed}`);
    lines.push(`node_network_speed_bytes{device="lo"} 1`);
  }
  const reading = readExporter(lines.join("\n"), atMs);
  if (reading === null) throw new Error("no reading");
  return reading;
}

function loadsOf(before: ExporterReading | null, after: ExporterReading): Record<string, number> {
  return Object.fromEntries(exporterLoads(before, after).map((l) => [l.kind, l.load]));
}

describe("exporterLoads()", () => {
  test("cpu is the busy share of all CPUs between two scrapes, iowait counts as idle", () => {
    const before = scrape(0, [
      { idle: 100, user: 50, iowait: 3 },
      { idle: 10, user: 5 },
    ]);
    const after = scrape(1000, [
      { idle: 100.2, user: 50.6, iowait: 3.2 },
      { idle: 11, user: 5 },
    ]);
    expect(loadsOf(before, after).cpu).toBeCloseTo(0.6 / 2, 6);
  });

  test("memory is load above 80 % used", () => {
    const at = (used: number) =>
      scrape(0, [{ idle: 1, user: 1, available: 8589934592 * (1 - used) }]);
    expect(loadsOf(null, at(0.5)).memory).toBe(0);
    expect(loadsOf(null, at(0.8)).memory).toBeCloseTo(0, 6);
    expect(loadsOf(null, at(0.9)).memory).toBeCloseTo(0.5, 6);
    expect(loadsOf(null, at(1)).memory).toBeCloseTo(1, 6);
  });

  test("network is counted only where the device's speed is known", () => {
    const machine = (received: number, speed?: number) => [
      { idle: 1, user: 1, received, ...(speed === undefined ? {} : { speed }) },
    ];
    expect(loadsOf(scrape(0, machine(0)), scrape(1000, machine(5e6))).network).toBeUndefined();
    const loads = loadsOf(scrape(0, machine(0, 1e7)), scrape(2000, machine(1e7, 1e7)));
    expect(loads.network).toBeCloseTo(0.5, 6);
  });

  test("a first scrape and counters that were reset tell no cpu or network load", () => {
    const before = scrape(0, [{ idle: 100, user: 50, received: 9e9, speed: 1e7 }]);
    const after = scrape(1000, [{ idle: 0.5, user: 0.5, received: 10, speed: 1e7 }]);
    expect(Object.keys(loadsOf(null, before))).toEqual(["memory"]);
    expect(Object.keys(loadsOf(before, after))).toEqual(["memory"]);
    expect(Object.keys(loadsOf(before, before))).toEqual(["memory"]);
  });

  test("an idle counter that steps back a little is not a restart", () => {
    const before = scrape(0, [{ idle: 100.02, user: 50 }]);
    const after = scrape(1000, [{ idle: 100.01, user: 51 }]);
    expect(loadsOf(before, after).cpu).toBe(1);
  });

  test("text without node_exporter's families is no reading", () => {
    expect(readExporter("<html>404</html>", 0)).toBeNull();
    expect(readExporter("", 0)).toBeNull();
    expect(readExporter("node_memory_MemTotal_bytes NaN", 0)).toBeNull();
  });

  test("every load is finite and at least 0, whatever was scraped", () => {
    const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(0, -1, 1e300));
    const machine = fc.record({
      idle: number,
      user: number,
      available: number,
      received: number,
      speed: number,
    });
    fc.assert(
      fc.property(
        fc.array(machine, { minLength: 1 }),
        fc.array(machine, { minLength: 1 }),
        (a, b) => {
          for (const load of exporterLoads(scrape(0, a), scrape(1000, b))) {
            expect(Number.isFinite(load.load) && load.load >= 0 && load.load <= 10).toBe(true);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
