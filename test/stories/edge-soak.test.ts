import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededRng } from "../../src/base/rng.ts";

/** The long run takes 17 minutes and its start and end, `--full` an hour. */
const SECONDS = Number(process.env.TURNPIKE_SOAK_SEC ?? 4);
const WINDOWS = SECONDS > 60 ? 20 : 4;
const CAP_BYTES = 64 * 1024 * 1024;
const CLIENTS = 16;
const OBJECTS = 3_000;
const SIZES = [1_000, 1_000, 10_000, 10_000, 100_000];
const LARGE = 3_000_000;
const ADDRESS = "127.84.2.1";
const HOST = "www.shop-7.example.cdn.example";

let origin: Bun.Server<undefined>;
let child: Bun.Subprocess<"ignore", "pipe", "inherit">;
let port = 0;

/** What an origin does is told by the path: `/kind/size/name`. */
function answer(request: Request): Response {
  const [, kind, size] = new URL(request.url).pathname.split("/");
  const control = kind === "private" ? "no-store" : kind === "short" ? "max-age=5" : "max-age=600";
  const headers = { "cache-control": control, etag: '"1"', "content-type": "image/png" };
  if (request.headers.get("if-none-match") === '"1"') {
    return new Response(null, { status: 304, headers });
  }
  return new Response(new Uint8Array(Number(size)).fill(65), { headers });
}

beforeAll(async () => {
  origin = Bun.serve({ hostname: "127.84.2.2", port: 0, fetch: answer });
  const server = join(import.meta.dir, "../../bench/edge-server.ts");
  const args = [ADDRESS, "127.84.2.2", String(origin.port), String(CAP_BYTES)];
  child = Bun.spawn([process.execPath, server, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    // As the node starts it: src/cli/fleet.ts.
    env: { ...process.env, BUN_JSC_forceRAMSize: String(CAP_BYTES), MIMALLOC_ALLOW_THP: "0" },
  });
  const { value } = await child.stdout.getReader().read();
  port = (JSON.parse(new TextDecoder().decode(value)) as { http: number }).http;
});
afterAll(async () => {
  child.kill("SIGTERM");
  await child.exited;
  await origin.stop(true);
});

function rssMiB(): number {
  const status = readFileSync(`/proc/${child.pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)![1]) / 1024);
}

function descriptors(): number {
  return readdirSync(`/proc/${child.pid}/fd`).length;
}

interface Window {
  requests: number;
  hits: number;
  wrong: string[];
  hitMs: number[];
}

const rng = seededRng(11);
let unique = 0;

function pathOf(draw: number): string {
  const rank = Math.floor(OBJECTS * rng.float() ** 2);
  const size = SIZES[rank % SIZES.length]!;
  if (draw < 0.7) return `/all/${size}/${rank}`;
  if (draw < 0.8) return `/short/${size}/${rank}`;
  if (draw < 0.88) return `/all/${size}/once-${unique++}`;
  if (draw < 0.95) return `/private/${size}/${rank}`;
  return `/large/${LARGE}/${rank % 40}`;
}

/** One request of the mix, some of them for a part, some left in the middle. */
async function one(window: Window): Promise<void> {
  const path = pathOf(rng.float());
  const size = Number(path.split("/")[2]);
  const manner = rng.float();
  const headers: Record<string, string> = { host: HOST };
  if (manner < 0.05) headers.range = "bytes=100-599";
  if (manner > 0.95) headers["if-none-match"] = '"1"';
  const leaving = new AbortController();
  const from = performance.now();
  const url = `http://${ADDRESS}:${port}${path}`;
  const reply = await fetch(url, { headers, signal: leaving.signal, decompress: false });
  window.requests++;
  if (manner > 0.05 && manner < 0.08) {
    leaving.abort();
    return;
  }
  const bytes = await reply.bytes().catch(() => null);
  const hit = reply.headers.get("cache-status")?.includes("; hit") === true;
  if (hit && size <= 10_000) window.hitMs.push(performance.now() - from);
  if (hit) window.hits++;
  const length = { 200: size, 206: 500, 304: 0 }[reply.status];
  if (bytes?.byteLength !== length) window.wrong.push(`${path}: ${reply.status} ${bytes?.length}`);
}

async function run(seconds: number): Promise<Window> {
  const window: Window = { requests: 0, hits: 0, wrong: [], hitMs: [] };
  const until = performance.now() + seconds * 1000;
  const client = async () => {
    while (performance.now() < until) {
      await one(window).catch((error: unknown) => {
        window.wrong.push(String(error));
      });
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return window;
}

function quantile(sorted: readonly number[], part: number): number {
  return Math.round(10 * (sorted[Math.floor(sorted.length * part)] ?? 0)) / 10;
}

test(
  "under mixed traffic memory, descriptors and latency stay as they are, and every answer is right",
  async () => {
    const windows: Record<string, number>[] = [];
    for (let i = 0; i < WINDOWS; i++) {
      const { requests, hits, wrong, hitMs } = await run(SECONDS / WINDOWS);
      expect(wrong.slice(0, 5)).toEqual([]);
      hitMs.sort((a, b) => a - b);
      const times = { hitP50Ms: quantile(hitMs, 0.5), hitP99Ms: quantile(hitMs, 0.99) };
      windows.push({ requests, hits, rssMiB: rssMiB(), descriptors: descriptors(), ...times });
    }
    const evidence = process.env.TURNPIKE_EVIDENCE;
    const figures = { seconds: SECONDS, capMiB: CAP_BYTES >> 20, windows };
    if (evidence !== undefined) writeFileSync(evidence, JSON.stringify(figures));
    const half = WINDOWS / 2;
    const most = (name: string, part: typeof windows) => Math.max(...part.map((w) => w[name]!));
    const [early, late] = [windows.slice(0, half), windows.slice(half)];
    expect(most("descriptors", late)).toBeLessThan(most("descriptors", early) + CLIENTS + 16);
    // A short run is still filling the cache.
    if (SECONDS < 60) return;
    expect(most("rssMiB", late)).toBeLessThan(most("rssMiB", early) + 0.1 * (CAP_BYTES >> 20));
  },
  60_000 + SECONDS * 1_500,
);
