import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { median, rises, type Trend, trendOf } from "./flat.ts";
import type { Measured, Probed } from "./latency-probe.ts";

/** What was seen of a process in one window of a run. */
export interface Window extends Measured {
  /** Medians of what was read each second: its share of memory, and what it has open. */
  readonly pssMiB: number;
  readonly descriptors: number;
  /** CPU of the process for each request. */
  readonly cpuMsEach: number;
  /** CPU of the control for what it does again and again: on a machine full of others it is dearer. */
  readonly workMsEach: number;
}

/** What counts as flat: how far each figure may rise from a run's first judged window to its last. */
export interface Allowed {
  readonly pssMiB: number;
  readonly descriptors: number;
  /** Of CPU for each request, over the control's for its work: 1.5 for half as much again. */
  readonly cpu: number;
  /** Of its latency over the control's. */
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

export interface Judged {
  readonly trends: Readonly<Record<keyof Allowed, Trend>>;
  readonly rising: readonly string[];
}

/**
 * Judges windows by the trend of each figure. Latency is the subject's over the control's, as a power:
 * what the machine does to both cancels.
 */
export function judge(all: readonly Window[], allowed: Allowed): Judged {
  // In a window that a stalled machine left out nothing was asked.
  const windows = all.filter(({ subject, control }) => subject.asked > 0 && control.asked > 0);
  const ratio = (of: "p50Ms" | "p90Ms" | "p99Ms") =>
    windows.map(({ subject, control }) => Math.log(subject[of] / control[of]));
  const series = {
    pssMiB: windows.map((window) => window.pssMiB),
    descriptors: windows.map((window) => window.descriptors),
    cpu: windows.map((window) => Math.log(window.cpuMsEach / window.workMsEach)),
    p50: ratio("p50Ms"),
    p90: ratio("p90Ms"),
    p99: ratio("p99Ms"),
  };
  const { cpu, p50, p90, p99, ...rest } = allowed;
  const powers = { cpu: Math.log(cpu), p50: Math.log(p50), p90: Math.log(p90), p99: Math.log(p99) };
  const limits = { ...rest, ...powers };
  const names = Object.keys(series) as (keyof Allowed)[];
  return {
    trends: Object.fromEntries(names.map((name) => [name, trendOf(series[name])])) as never,
    rising: names.filter((name) => rises(series[name], limits[name])),
  };
}

/** The share of memory of a process, MiB: pages shared with others count in part. */
export function pssMiB(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss:\s+(\d+)/m.exec(text)?.[1]) / 1024;
}

export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function rounded(ms: number): number {
  return Math.round(1000 * ms) / 1000;
}

/** CPU that a process has used so far, ms, in ticks of 10. */
function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const [user, system] = stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .slice(11, 13);
  return 10 * (Number(user) + Number(system));
}

/** A bare server of its own process, to compare with; or one that leaks. */
export async function startBare(address: string, leak: "leak" | "sound") {
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "bare-server.ts"), address, leak],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const { value } = await child.stdout.getReader().read();
  const ports = JSON.parse(new TextDecoder().decode(value)) as { http: number; https: number };
  const probed: Probed = { address, ...ports, host: "bare.example", path: "/" };
  return {
    probed,
    pid: child.pid,
    /** How often it has done its work, and the CPU it has used, ms. */
    async worked() {
      const reply = await fetch(`http://${address}:${ports.http}/works`);
      return { works: (await reply.json()) as number, cpuMs: cpuMs(child.pid) };
    },
    async stop() {
      child.kill();
      await child.exited;
    },
  };
}

export type Bare = Awaited<ReturnType<typeof startBare>>;

/** Watches one process of a server from outside, window by window. */
export class Watch {
  readonly #pid: () => number;
  readonly #probe: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: ReadableStreamDefaultReader<Uint8Array>;
  readonly #sampleMs: number;
  readonly #control: Bare;

  constructor(o: {
    readonly pid: () => number;
    readonly subject: Probed;
    readonly control: Bare;
    readonly everyMs: number;
    readonly sampleMs: number;
  }) {
    const probe = join(import.meta.dir, "latency-probe.ts");
    const args = [String(o.everyMs), JSON.stringify(o.subject), JSON.stringify(o.control.probed)];
    this.#probe = Bun.spawn([process.execPath, probe, ...args], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#lines = this.#probe.stdout.getReader();
    this.#pid = o.pid;
    this.#control = o.control;
    this.#sampleMs = o.sampleMs;
  }

  /** @param requests how many it has answered so far; default: what it was asked by the probe */
  async window(seconds: number, requests?: () => number): Promise<Window> {
    const before = { cpu: cpuMs(this.#pid()), requests: requests?.() ?? 0 };
    const workedBefore = await this.#control.worked();
    const until = performance.now() + seconds * 1000;
    const memory: number[] = [];
    const open: number[] = [];
    do {
      memory.push(pssMiB(this.#pid()));
      open.push(descriptorsOf(this.#pid()));
      await Bun.sleep(this.#sampleMs);
    } while (performance.now() < until);
    const measured = await this.#measured();
    const inMiB = Math.round(median(memory) * 10) / 10;
    const answered = (requests?.() ?? measured.subject.asked) - before.requests;
    const cpuMsEach = (cpuMs(this.#pid()) - before.cpu) / answered;
    const worked = await this.#control.worked();
    const workMsEach =
      (worked.cpuMs - workedBefore.cpuMs) / Math.max(1, worked.works - workedBefore.works);
    const each = { cpuMsEach: rounded(cpuMsEach), workMsEach: rounded(workMsEach) };
    return { pssMiB: inMiB, descriptors: median(open), ...each, ...measured };
  }

  async #measured(): Promise<Measured> {
    this.#probe.stdin.write("\n");
    this.#probe.stdin.flush();
    let text = "";
    while (!text.endsWith("\n")) {
      const { value, done } = await this.#lines.read();
      if (done) throw new Error("The probe ended");
      text += new TextDecoder().decode(value);
    }
    return JSON.parse(text) as Measured;
  }

  async stop(): Promise<void> {
    this.#probe.kill();
    await this.#probe.exited;
  }
}
