import { expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UsageLedger } from "../../src/store/usage-ledger.ts";
import { Stalls } from "../lab/stalls.ts";

const KILLS = Number(process.env.TURNPIKE_KILLS ?? "20");
const CHILD = join(import.meta.dir, "../fixtures/metering-child.ts");
/** Interval and length of a batch, ms: the product's own, and short ones that meet more commits. */
const PACES = [
  ["500", "5000"],
  ["20", "100"],
  ["10", "0"],
  ["500", "500"],
] as const;

interface Run {
  readonly site: string;
  readonly killedMs: number;
  /** What the machine took from it while it ran, ms. */
  readonly stalledMs: number;
}

/** Counts until it is killed at a moment that is as good as random. */
async function killOne(folder: string, i: number, stalls: Stalls): Promise<Run> {
  const site = `run-${i}.shop.example`;
  const child = start(folder, [site, ...(PACES[i % PACES.length] ?? [])]);
  stalls.watch(child.pid);
  const fromMs = performance.now();
  const first = await child.stdout.getReader().read();
  expect(new TextDecoder().decode(first.value)).toBe("counting\n");
  await new Promise((resolve) => setTimeout(resolve, 100 + Math.random() * 900));
  child.kill("SIGKILL");
  await child.exited;
  const nowMs = performance.now();
  return { site, killedMs: Date.now(), stalledMs: stalls.before(nowMs, nowMs - fromMs) };
}

function start(folder: string, args: readonly string[]) {
  const command = [process.execPath, CHILD, folder, ...args];
  return Bun.spawn(command, { stdout: "pipe", stderr: "inherit", stdin: "ignore" });
}

test(
  `kill -9 at ${KILLS} moments bills nothing twice and loses at most a second of each run`,
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "turnpike-metering-kill-"));
    const runs: Run[] = [];
    const stalls = new Stalls(folder);
    for (let i = 0; i < KILLS; i++) runs.push(await killOne(folder, i, stalls));
    await stalls.stop();
    expect(await start(folder, ["-", "500", "5000", "drain"]).exited).toBe(0);
    const ledger = new UsageLedger(join(folder, "usage.db"));
    const rows = ledger.usage("shop", 0, Number.MAX_SAFE_INTEGER);
    let counted = 0;
    let lost = 0;
    let lostMsMost = 0;
    // Beyond what the machine took.
    let lostMsMore = 0;
    for (const { site, killedMs, stalledMs } of runs) {
      const path = join(folder, `${site}.log`);
      const lines = existsSync(path) ? readFileSync(path, "utf8").trimEnd().split("\n") : [];
      const truth = lines.filter((line) => line !== "").map((line) => line.split(" ").map(Number));
      const row = rows.find((r) => r.site === site);
      const billed = Number(row?.requests ?? 0n);
      // Exactly the first so many counts: none twice, none left out in between.
      expect(billed).toBeLessThanOrEqual(truth.length);
      const bytes = truth.slice(0, billed).reduce((sum, [, b]) => sum + (b ?? 0), 0);
      expect([site, Number(row?.bytesOut ?? 0n)]).toEqual([site, bytes]);
      counted += truth.length;
      lost += truth.length - billed;
      const firstLostMs = truth[billed]?.[0] ?? killedMs;
      lostMsMost = Math.max(lostMsMost, killedMs - firstLostMs);
      lostMsMore = Math.max(lostMsMore, killedMs - firstLostMs - stalledMs);
    }
    let batches = 0;
    for await (const _ of ledger.walk(ledger.head().batch)) batches++;
    const quarantined = ledger.quarantined();
    ledger.close();
    rmSync(folder, { recursive: true, force: true });
    const figures = { kills: KILLS, counted, lost, lostMsMost, lostMsMore, batches, quarantined };
    const evidence = process.env.TURNPIKE_EVIDENCE;
    if (evidence !== undefined) writeFileSync(evidence, JSON.stringify(figures));
    process.stdout.write(`metering kill loop: ${JSON.stringify(figures)}\n`);
    expect(counted).toBeGreaterThan(KILLS * 10);
    expect(lostMsMore).toBeLessThanOrEqual(1000);
    expect(quarantined).toBe(0);
  },
  Math.max(60, KILLS * 10) * 1000,
);
