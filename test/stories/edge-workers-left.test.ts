// What killed workers had counted is billed once, by whoever starts next, also where fewer of them do.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { UsageBatch } from "../../src/model/usage.ts";
import { decodeRecords } from "../../src/store/spool-file.ts";
import { until } from "../lab/process.ts";
import { WORKERS, WorkersWorld } from "./workers-world.ts";

const w = new WorkersWorld();
const MEMBERS = ["cache", ...Array.from({ length: WORKERS }, (_, i) => `cache-${i + 1}`)];
beforeAll(() => w.start(), 120_000);
afterAll(() => w.stop(), 30_000);

/** Requests in batches on the disks of the node's processes, by batch. */
function onDisk(): ReadonlyMap<string, number> {
  const crew = w.folder.join("data/crew");
  const dirs = [w.folder.join("data"), ...readdirSync(crew).map((name) => join(crew, name))];
  const batches = new Map<string, number>();
  for (const dir of dirs.map((data) => join(data, "node", "spool"))) {
    for (const name of readdirSync(dir).filter((one) => /^journal$|\.(new|sent)$/.test(one))) {
      for (const payload of decodeRecords(readFileSync(join(dir, name))).payloads) {
        const { epoch, seq, entries } = JSON.parse(payload) as UsageBatch;
        const all = entries.reduce((sum, entry) => sum + entry.requests, 0);
        // Later states of a batch have more in them.
        const key = `${epoch} ${seq}`;
        batches.set(key, Math.max(batches.get(key) ?? 0, all));
      }
    }
  }
  return batches;
}

/** Requests that came to the disks since then; what was sent before may have left them. */
function since(held: ReadonlyMap<string, number>): number {
  const more = [...onDisk()].map(([key, all]) => Math.max(0, all - (held.get(key) ?? 0)));
  return more.reduce((a, b) => a + b, 0);
}

test("usage that three killed workers had not sent is billed once after a start with one process", async () => {
  await w.untilBilled();
  const before = w.received.requests;
  // It takes batches no more, but finds them in its mailbox when it goes on: they come to it twice.
  const control = w.pid("control");
  expect(control).toBeGreaterThan(0);
  process.kill(control, "SIGSTOP");
  // Nothing that comes from now on is taken off the disk.
  const held = onDisk();
  for (let i = 0; i < 4; i++) await w.many(15, `/left/${i % 2}`);
  expect(w.received.requests).toBe(before + 60);
  await until(() => since(held) >= 60, { what: "all of it to be on disk", withinMs: 40_000 });
  for (const name of MEMBERS) if (w.pid(name) > 0) process.kill(w.pid(name), "SIGKILL");
  const stopped = w.fleet.stop();
  process.kill(control, "SIGCONT");
  await stopped;
  await w.startFleet(1);
  await w.untilBilled();
}, 120_000);
