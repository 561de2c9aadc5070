import { expect, test } from "bun:test";
import { realClock } from "../base/real/clock.ts";
import { startFigures } from "./figures.ts";

test("startFigures() tells of this process, its machine and what was served", () => {
  const figures = startFigures({ clock: realClock, connections: () => 7 });
  try {
    // CPU time of our own, however busy the machine is: half of it at least must be seen.
    const begunMs = realClock.monoMs();
    const spent = () => process.cpuUsage().user / 1000;
    const fromMs = spent();
    while (spent() < fromMs + 100 && realClock.monoMs() < begunMs + 10_000);
    const leastCpus = 50 / (realClock.monoMs() - begunMs + 50);
    const site = { requests: 4, hits: 3, bytesOut: 1000 };
    const seen = figures.take({ "www.shop.example": site });
    expect(seen.processCpus).toBeGreaterThan(leastCpus);
    expect(seen.cpuBusy ?? 0).toBeLessThanOrEqual(1);
    expect(seen.memoryAvailableBytes).toBeLessThan(seen.memoryTotalBytes ?? 0);
    expect(seen.rssBytes).toBeGreaterThan(1_000_000);
    expect(seen).toMatchObject({ connections: 7, hitRatio: 0.75 });
    expect(seen.bytesPerSec).toBeLessThanOrEqual(1000 / 0.1);
    expect(figures.take({}).hitRatio).toBeNull();
  } finally {
    figures.stop();
  }
}, 30_000);

/** A process that has no descriptor left, and then some. */
const FULL = `
  import { closeSync, openSync } from "node:fs";
  import { startFigures } from "${import.meta.dir}/figures.ts";
  import { processText } from "${import.meta.dir}/../cli/node/metrics.ts";
  import { realClock } from "${import.meta.dir}/../base/real/clock.ts";
  const figures = startFigures({ clock: realClock, connections: () => 7 });
  const known = figures.take({}).rssBytes;
  processText();
  const open = [];
  try {
    for (;;) open.push(openSync("/dev/null", "r"));
  } catch {}
  const seen = figures.take({});
  const text = processText();
  for (const fd of open) closeSync(fd);
  const said = [seen.rssBytes === known, seen.connections, text.includes("process_cpu_seconds_total ")];
  console.log(JSON.stringify([open.length > 0, ...said, figures.take({}).rssBytes > 0]));
  process.exit(0);
`;

test("a process that can open no file any more goes on, and tells what it knew", async () => {
  const limited = 'ulimit -n 100 && exec "$@"';
  const command = ["sh", "-c", limited, "sh", process.execPath, "-e", FULL];
  const { stdout, stderr } = Bun.spawnSync(command);
  expect(`${stderr}`).toBe("");
  expect(JSON.parse(`${stdout}`)).toEqual([true, true, 7, true, true]);
}, 60_000);

test("startFigures() sees an event loop that is held up", async () => {
  const figures = startFigures({ clock: realClock, connections: () => null });
  try {
    const untilMs = realClock.monoMs() + 300;
    while (realClock.monoMs() < untilMs);
    let seen = figures.take({}).loopDelayMs;
    for (let turn = 0; turn < 50 && seen === 0; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      seen = figures.take({}).loopDelayMs;
    }
    expect(seen).toBeGreaterThan(100);
  } finally {
    figures.stop();
  }
}, 30_000);
