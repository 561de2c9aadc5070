// The processes of one node's cache have one cap together, also while nothing but misses comes.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { floodWithMisses } from "../lab/miss-flood.ts";
import { HOSTNAME, PORTS } from "../lab/small-network.ts";
import { WORKERS, WorkersWorld } from "./workers-world.ts";

/** Unique URLs of each size; the long run goes on for so many seconds instead. */
const REQUESTS = 800;
const SECONDS = Number(process.env.TURNPIKE_FLOOD_SEC ?? 0);
/** And so many that are not kept, before. */
const NOT_KEPT = SECONDS > 0 ? 1_500 : 500;
const SIZES = [1_000, 10_000, 100_000];
/** As workers-world has it. */
const CAP_BYTES = 64 * 1024 * 1024;
const MEMBERS = ["cache", ...Array.from({ length: WORKERS }, (_, i) => `cache-${i + 1}`)];
/** What a process may take beside the cap (decision 0032). */
const EACH_BYTES = 60_000_000;
/** A short run beside others is judged with this on top: what is measured by it is not more than a sign. */
const SLACK_BYTES = SECONDS > 0 ? 0 : MEMBERS.length * 12_000_000;

const w = new WorkersWorld();
beforeAll(() => w.start(), 120_000);
afterAll(() => w.stop(), 30_000);

/** Of all processes of the cache: memory of its own, and its share of what several have mapped. */
function pssBytes(): number {
  const of = (name: string) => {
    const rollup = readFileSync(`/proc/${w.pid(name)}/smaps_rollup`, "utf8");
    return Number(/^Pss:\s+(\d+)/m.exec(rollup)![1]) * 1024;
  };
  return MEMBERS.map(of).reduce((a, b) => a + b, 0);
}

/** Objects of one size that nobody asked for before. */
function flood(
  size: number,
  o: { readonly cc: string; readonly requests: number; readonly seconds: number },
) {
  const headers = { host: `${HOSTNAME}:${PORTS.http}` };
  return floodWithMisses({
    ...{ requests: o.requests, seconds: o.seconds, bytes: pssBytes, lookEach: 100 },
    ask: async (n) => {
      const path = `/flood/${size}/${o.cc}/${n}?size=${size}&cc=${o.cc}`;
      const response = await fetch(`http://${w.at(1)}:${PORTS.http}${path}`, { headers });
      const { byteLength } = await response.arrayBuffer();
      w.asked.delete(path);
      return response.status === 200 && byteLength === size;
    },
  });
}

test(
  "a flood of unique misses leaves all processes of a cache together within its memory cap",
  async () => {
    const figures: Record<string, number> = {
      cap: CAP_BYTES,
      processes: MEMBERS.length,
      idle: pssBytes(),
    };
    // What the processes take when they have begun to work and keep nothing: to be read, not judged by.
    let base = 0;
    for (const size of SIZES) {
      const { peak, failed } = await flood(size, {
        cc: "no-store",
        requests: NOT_KEPT,
        seconds: 0,
      });
      base = Math.max(base, peak);
      expect(failed).toBe(0);
    }
    figures.base = base;
    figures.baseEach = Math.round(base / MEMBERS.length);
    let peak = 0;
    for (const size of SIZES) {
      const seconds = SECONDS / SIZES.length;
      const flooded = await flood(size, { cc: "max-age=600", requests: REQUESTS, seconds });
      figures[`requestsOf${size}`] = flooded.asked;
      figures[`peakOf${size}`] = flooded.peak;
      peak = Math.max(peak, flooded.peak);
      expect(flooded.failed).toBe(0);
    }
    figures.after = pssBytes();
    figures.mayBe = Math.round(MEMBERS.length * EACH_BYTES + 1.1 * CAP_BYTES);
    const evidence = process.env.TURNPIKE_EVIDENCE;
    if (evidence !== undefined) writeFileSync(evidence, JSON.stringify(figures));
    expect(peak).toBeLessThan(figures.mayBe + SLACK_BYTES);
  },
  SIZES.length * 40_000 + SECONDS * 1_500,
);
