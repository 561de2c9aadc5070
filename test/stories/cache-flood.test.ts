import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { engineOptions } from "../../src/cli/engine-options.ts";
import { floodWithMisses } from "../lab/miss-flood.ts";

/** Unique URLs of each size; the long run goes on for so many seconds instead. */
const REQUESTS = 4_000;
const SECONDS = Number(process.env.TURNPIKE_FLOOD_SEC ?? 0);
const SIZES = [1_000, 10_000, 100_000];
const CAP_BYTES = 64 * 1024 * 1024;
/** A short run is judged with this on top: what is measured by it is not more than a sign. */
const SLACK_BYTES = SECONDS > 0 ? 0 : 32 * 1024 * 1024;

let origin: Bun.Server<undefined>;
let child: Bun.Subprocess<"ignore", "pipe", "inherit">;
let port = 0;

beforeAll(async () => {
  const body = new Uint8Array(100_000).fill(65);
  origin = Bun.serve({
    hostname: "127.84.1.1",
    port: 0,
    fetch: (request) => {
      const { searchParams } = new URL(request.url);
      const size = Number(searchParams.get("size"));
      const headers = { "cache-control": searchParams.get("cc")!, "content-type": "image/png" };
      return new Response(body.subarray(0, size), { headers });
    },
  });
  const server = join(import.meta.dir, "../../bench/edge-server.ts");
  const args = ["127.84.0.1", "127.84.1.1", String(origin.port), String(CAP_BYTES)];
  child = Bun.spawn([process.execPath, server, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...engineOptions(CAP_BYTES) },
  });
  const { value } = await child.stdout.getReader().read();
  port = (JSON.parse(new TextDecoder().decode(value)) as { http: number }).http;
});

afterAll(async () => {
  child.kill("SIGTERM");
  await child.exited;
  await origin.stop(true);
});

function rssBytes(): number {
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)![1]) * 1024;
}

/** Objects of one size that nobody asked for before. */
function flood(
  size: number,
  o: { readonly cc: string; readonly requests: number; readonly seconds: number },
) {
  return floodWithMisses({
    ...{ requests: o.requests, seconds: o.seconds, bytes: rssBytes, lookEach: 200 },
    ask: async (n) => {
      const url = `http://127.84.0.1:${port}/${size}/${o.cc}/${n}?size=${size}&cc=${o.cc}`;
      const headers = { host: "www.shop-7.example.cdn.example" };
      const response = await fetch(url, { headers });
      const { byteLength } = await response.arrayBuffer();
      return response.status === 200 && byteLength === size;
    },
  });
}

test(
  "a flood of unique misses leaves a cache within its memory cap, and every one is answered",
  async () => {
    const figures: Record<string, number> = { cap: CAP_BYTES, idle: rssBytes() };
    // What the process takes while it works and keeps nothing.
    let base = 0;
    for (const size of SIZES) {
      const { peak } = await flood(size, { cc: "no-store", requests: 1_500, seconds: 0 });
      base = Math.max(base, peak);
    }
    figures.base = base;
    let peak = 0;
    for (const size of SIZES) {
      const seconds = SECONDS / SIZES.length;
      const flooded = await flood(size, { cc: "max-age=600", requests: REQUESTS, seconds });
      figures[`requestsOf${size}`] = flooded.asked;
      figures[`peakOf${size}`] = flooded.peak;
      peak = Math.max(peak, flooded.peak);
      expect(flooded.failed).toBe(0);
    }
    figures.after = rssBytes();
    figures.mayBe = Math.round(base + 1.1 * CAP_BYTES);
    const evidence = process.env.TURNPIKE_EVIDENCE;
    if (evidence !== undefined) writeFileSync(evidence, JSON.stringify(figures));
    expect(peak).toBeLessThan(figures.mayBe + SLACK_BYTES);
  },
  SIZES.length * 30_000 + SECONDS * 1_500,
);
