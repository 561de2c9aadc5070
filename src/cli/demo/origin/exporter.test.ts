import { expect, test } from "bun:test";
import { FakeClock } from "../../../base/clock.ts";
import { realClock } from "../../../base/real/clock.ts";
import { Machine, startExporter } from "./exporter.ts";

function counter(text: string, mode: string): number {
  let sum = 0;
  for (const m of text.matchAll(/^node_cpu_seconds_total\{.*mode="(\w+)"\} (\S+)$/gm))
    if (m[1] === mode) sum += Number(m[2]);
  return sum;
}

function busyBetween(before: string, after: string): number {
  const delta = (mode: string) => counter(after, mode) - counter(before, mode);
  const busy = delta("user") + delta("system") + delta("iowait");
  return busy / (busy + delta("idle"));
}

test("Two scrapes give back the CPU load that was set between them", () => {
  const clock = new FakeClock();
  const machine = new Machine(clock, { cpu: 0.1, memory: 0.3, networkBytesPerSec: 0 });
  clock.advance(60_000);
  machine.set({ cpu: 0.9 });
  const before = machine.metrics();
  clock.advance(1000);
  expect(busyBetween(before, machine.metrics())).toBeCloseTo(0.9, 3);
});

test("Memory available follows what is set", () => {
  const machine = new Machine(new FakeClock(), { cpu: 0, memory: 0.9, networkBytesPerSec: 0 });
  const text = machine.metrics();
  const total = Number(/^node_memory_MemTotal_bytes (\d+)$/m.exec(text)?.[1]);
  const available = Number(/^node_memory_MemAvailable_bytes (\d+)$/m.exec(text)?.[1]);
  expect(available / total).toBeCloseTo(0.1, 6);
});

test("Network counters rise by the bytes per second that are set", () => {
  const clock = new FakeClock();
  const machine = new Machine(clock, { cpu: 0, memory: 0, networkBytesPerSec: 5000 });
  clock.advance(3000);
  expect(machine.metrics()).toContain('node_network_receive_bytes_total{device="eth0"} 15000\n');
});

test("The exporter serves /metrics as text and nothing else", async () => {
  const machine = new Machine(realClock, { cpu: 0.5, memory: 0.5, networkBytesPerSec: 0 });
  const exporter = startExporter(machine, "127.0.0.1", 0);
  try {
    const answer = await fetch(`http://127.0.0.1:${exporter.port}/metrics`);
    expect(answer.headers.get("content-type")).toStartWith("text/plain");
    expect(await answer.text()).toContain("node_load1 1\n");
    expect((await fetch(`http://127.0.0.1:${exporter.port}/`)).status).toBe(404);
  } finally {
    await exporter.stop();
  }
});
