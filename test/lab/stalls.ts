import { readFileSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { join } from "node:path";

const EVERY_MS = 50;
/** A disk that syncs faster than this is no stall. */
const SYNC_MS = 20;

/**
 * What a busy machine took from a process: how long its main thread stood in line for a processor
 * (schedstat(5)), how late this process's own timers were, and how long the disk took to sync. A promise
 * in milliseconds holds for a machine that does its part: what it did not is added.
 */
export class Stalls {
  readonly #folder: string;
  readonly #taken: { readonly atMs: number; readonly ms: number }[] = [];
  readonly #timer: ReturnType<typeof setInterval>;
  #pid = 0;
  #waitedMs: number | null = null;
  #dueMs = performance.now() + EVERY_MS;
  #syncing: Promise<void> | null = null;

  /** @param folder on the disk that the process syncs to */
  constructor(folder: string) {
    this.#folder = folder;
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  /** From now on this process's waits count. */
  watch(pid: number): void {
    this.#pid = pid;
    this.#waitedMs = waitedMs(pid);
  }

  #look(): void {
    const now = performance.now();
    this.#took(now - this.#dueMs);
    this.#dueMs = now + EVERY_MS;
    const waited = waitedMs(this.#pid);
    if (waited !== null && this.#waitedMs !== null) this.#took(waited - this.#waitedMs);
    this.#waitedMs = waited;
    this.#syncing ??= this.#sync().finally(() => {
      this.#syncing = null;
    });
  }

  async #sync(): Promise<void> {
    const from = performance.now();
    const file = await open(join(this.#folder, "stalls-probe"), "w");
    await file.write("x");
    await file.sync();
    await file.close();
    const took = performance.now() - from;
    if (took > SYNC_MS) this.#took(took);
  }

  #took(ms: number): void {
    if (ms > 1) this.#taken.push({ atMs: performance.now(), ms });
  }

  /** What the machine took in so long before a moment, ms; clocks are `performance.now()`. */
  before(atMs: number, withinMs: number): number {
    const those = this.#taken.filter(
      (one) => one.atMs > atMs - withinMs && one.atMs <= atMs + EVERY_MS,
    );
    return those.reduce((sum, { ms }) => sum + ms, 0);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#syncing;
    await rm(join(this.#folder, "stalls-probe"), { force: true });
  }
}

function waitedMs(pid: number): number | null {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, "utf8").split(" ")[1]) / 1e6;
  } catch {
    return null;
  }
}
