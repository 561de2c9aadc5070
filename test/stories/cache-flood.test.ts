import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Unique URLs; the long run takes ten times and more of what the cap holds of each size. */
const REQUESTS = Number(process.env.TURNPIKE_FLOOD ?? 6_000);
const SIZES = [1_000, 10_000, 100_000];
const CAP_BYTES = 32 * 1024 * 1024;
const CLIENTS = 32;
/** What floods may leave beside cap + 10 % and the idle process: garbage not collected yet. */
const SLACK_BYTES = 96 * 1024 * 1024;

let origin: Bun.Server<undefined>;
let child: Bun.Subprocess<"ignore", "pipe", "inherit">;
let port = 0;

beforeAll(async () => {
  const body = new Uint8Array(100_000).fill(65);
  origin = Bun.serve({
    hostname: "127.84.1.1",
    port: 0,
    fetch: (request) => {
      const size = Number(new URL(request.url).searchParams.get("size"));
      return new Response(body.subarray(0, size), { headers: { "cache-control": "max-age=600" } });
    },
  });
  const server = join(import.meta.dir, "../../bench/edge-server.ts");
  const args = ["127.84.0.1", "127.84.1.1", String(origin.port), String(CAP_BYTES)];
  child = Bun.spawn([process.execPath, server, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    // As the node starts it: src/cli/fleet.ts.
    env: { ...process.env, BUN_JSC_forceRAMSize: String(3 * CAP_BYTES) },
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

async function flood(size: number): Promise<{ failed: number; peak: number }> {
  let next = 0;
  let failed = 0;
  let peak = 0;
  const client = async () => {
    while (next < REQUESTS) {
      const url = `http://127.84.0.1:${port}/${size}/${next++}?size=${size}`;
      const headers = { host: "www.shop-7.example.cdn.example" };
      const response = await fetch(url, { headers });
      const bytes = (await response.arrayBuffer()).byteLength;
      if (response.status !== 200 || bytes !== size) failed++;
      if (next % 500 === 0) peak = Math.max(peak, rssBytes());
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return { failed, peak: Math.max(peak, rssBytes()) };
}

test(
  "a flood of unique misses leaves a cache near its memory cap, and every one is answered",
  async () => {
    const idle = rssBytes();
    const figures: Record<string, number> = { requestsOfEachSize: REQUESTS, idle, cap: CAP_BYTES };
    for (const size of SIZES) {
      const { failed, peak } = await flood(size);
      figures[`peakAt${size}`] = peak;
      expect(failed).toBe(0);
    }
    figures.after = rssBytes();
    const evidence = process.env.TURNPIKE_EVIDENCE;
    if (evidence !== undefined) writeFileSync(evidence, JSON.stringify(figures));
    const peak = Math.max(...SIZES.map((size) => figures[`peakAt${size}`]!));
    expect(peak).toBeLessThan(idle + 1.1 * CAP_BYTES + SLACK_BYTES);
  },
  SIZES.length * (5_000 + REQUESTS * 2),
);
