import { expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addressesOf, ask } from "../lab/ask.ts";
import { Program, until } from "../lab/process.ts";
import { ROOT } from "../lab/turnpike.ts";

/** Below the ports that the kernel gives to clients (32768 and up), which may be in use by then. */
const PORT_BASE = 21_100 + (process.pid % 90) * 100;
/** From the start to the first right answers, with the packages there. */
const FIRST_ANSWER_MS = 10_000;

/** Process ids of the group, by what the kernel says. */
function groupOf(pid: number): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      return Number(group) === pid && state !== "Z" ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/**
 * How long the group's threads stood in line for a processor, ms (schedstat(5): the second number):
 * what a busy machine adds. Less where threads are gone, or where the kernel does not count it.
 */
function waitedMs(pid: number): number {
  let ns = 0;
  for (const one of groupOf(pid)) {
    try {
      for (const task of readdirSync(`/proc/${one}/task`)) {
        const [, waited] = readFileSync(`/proc/${one}/task/${task}/schedstat`, "utf8").split(" ");
        ns += Number(waited);
      }
    } catch {
      // It has ended meanwhile.
    }
  }
  return ns / 1e6;
}

test("npm run demo answers within 10 s, and Ctrl-C ends and removes everything it made", async () => {
  const own = mkdtempSync(join(tmpdir(), "turnpike-story-"));
  const command = ["npm", "run", "--silent", "demo", "--", "--json", "--port-base", `${PORT_BASE}`];
  const started = performance.now();
  const demo = new Program(command, { cwd: ROOT, env: { TMPDIR: own } });
  try {
    await demo.says('"control"', 30_000);
    const [host = "", port] = ["127.11.1.1", PORT_BASE];
    await until(
      async () => addressesOf(await ask({ host, port }, "c.cdn.example", "A")).length > 0,
      {
        what: "the first answer",
      },
    );
    expect(performance.now() - started - waitedMs(demo.pid)).toBeLessThan(FIRST_ANSWER_MS);
    expect(groupOf(demo.pid).length).toBeGreaterThan(5);

    // What a terminal does at Ctrl-C: every process of the foreground group gets it. Without a
    // terminal on its input the wrapper passes it on too: one wish, heard twice.
    process.kill(-demo.pid, "SIGINT");
    await until(() => groupOf(demo.pid).length === 0, {
      what: "every process of the demo to end",
      withinMs: 15_000,
    });
    expect(readdirSync(own)).toEqual([]);
  } finally {
    await demo.kill();
    rmSync(own, { recursive: true, force: true });
  }
}, 60_000);
