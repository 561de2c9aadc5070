import { appendFile, mkdir, readdir, readFile, rm, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../../base/log.ts";

/** A batch is closed once it holds so much; a burst of one flush may go beyond it. */
const BATCH_BYTES = 1_048_576;
/** What may wait in memory for the disk; more is counted and left out. */
const UNWRITTEN_MAX = 4_194_304;
const HOUR_MS = 3_600_000;
/** Those of before the third part was in the name are of when the process began. */
const NAME = /^((\d{13})-\d{9})(?:-(\d{13}))?\.log$/;

interface Batch {
  readonly name: string;
  bytes: number;
}

/** A batch that can be taken. */
export interface ClosedBatch {
  readonly name: string;
  /** What its receiver is told: the same however often it is sent. */
  readonly id: string;
  /** When its first line was written, ms since 1970. */
  readonly openedMs: number;
  readonly text: Buffer;
}

/**
 * Lines of one site that wait on the disk until somebody has taken them: numbered files, the oldest
 * first, `<ms of this start>-<number>-<ms when it began>.log`, so that a batch has the same name however
 * often it is sent. One never goes on over the end of an hour (UTC). Where the disk is full the oldest are
 * given up for the newest, and counted. A process that is killed loses what it had not yet written, at most
 * the time between two `flush()`.
 */
export class LogSpool {
  readonly #dir: string;
  readonly #log: Log;
  readonly #startMs: number;
  #number = 0;
  #lines: string[] = [];
  #unwritten = 0;
  #closed: Batch[] = [];
  #open: Batch | null = null;
  #openedMs = 0;
  #openedWallMs = 0;
  #lost = 0;
  /** Why the disk did not take the last lines; null: it did. */
  #fault: string | null = null;
  readonly #wallMs: () => number;
  readonly #disk: SpoolDisk;
  #writing: Promise<void>;

  /** @param startMs names the batches of this start, ms since 1970 */
  constructor(o: {
    readonly dir: string;
    readonly startMs: number;
    readonly wallMs: () => number;
    readonly log: Log;
    readonly disk?: SpoolDisk;
  }) {
    this.#dir = o.dir;
    this.#wallMs = o.wallMs;
    this.#disk = o.disk ?? { appendFile, truncate };
    this.#log = o.log;
    this.#startMs = o.startMs;
    this.#writing = this.#find().catch((error: unknown) => this.#warn(error));
  }

  /** What an earlier start left. */
  async #find(): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    const names = (await readdir(this.#dir)).filter((name) => NAME.test(name)).sort();
    for (const name of names) {
      this.#closed.push({ name, bytes: (await stat(join(this.#dir, name))).size });
    }
  }

  add(line: string): void {
    if (this.#unwritten + line.length > UNWRITTEN_MAX) {
      this.#lost++;
      return;
    }
    this.#unwritten += line.length + 1;
    this.#lines.push(line);
  }

  /** Writes what was added, and closes the batch when it is full or as old as `everyMs`. */
  flush(nowMs: number, everyMs: number): Promise<void> {
    const lines = this.#lines;
    this.#lines = [];
    this.#unwritten = 0;
    this.#writing = this.#writing
      .then(() => this.#write(lines, nowMs))
      .then(() => {
        const full = (this.#open?.bytes ?? 0) >= BATCH_BYTES;
        if (full || nowMs - this.#openedMs >= everyMs) this.close();
      });
    return this.#writing;
  }

  /** Where there is no room, what waits longest makes some. */
  async #write(lines: readonly string[], nowMs: number): Promise<void> {
    for (;;) {
      try {
        await this.#append(lines, nowMs);
        if (lines.length > 0) this.#fault = null;
        return;
      } catch (error) {
        if (isFull(error) && this.#closed.length === 0) this.close();
        if (isFull(error) && (await this.#dropOldest())) continue;
        this.#lost += lines.length;
        this.#warn(error);
        return;
      }
    }
  }

  async #append(lines: readonly string[], nowMs: number): Promise<void> {
    const wallMs = this.#wallMs();
    if (hourOf(this.#openedWallMs) !== hourOf(wallMs)) this.close();
    if (lines.length === 0) return;
    const open = this.#open ?? this.#begun(wallMs);
    const path = join(this.#dir, open.name);
    const text = Buffer.from(`${lines.join("\n")}\n`);
    try {
      await this.#disk.appendFile(path, text);
    } catch (error) {
      // What went in of it would run into the next line.
      const cut = open.bytes === 0 ? rm(path) : this.#disk.truncate(path, open.bytes);
      await cut.catch(() => this.#giveUp(open));
      throw error;
    }
    if (this.#open === null) this.#openedMs = nowMs;
    if (this.#open === null) this.#openedWallMs = wallMs;
    this.#open = open;
    open.bytes += text.length;
  }

  #begun(wallMs: number): Batch {
    const number = String(++this.#number).padStart(9, "0");
    return { name: `${stamp(this.#startMs)}-${number}-${stamp(wallMs)}.log`, bytes: 0 };
  }

  /** What cannot be cut to whole lines is added to no more. */
  #giveUp(open: Batch): void {
    if (this.#open === open) this.close();
  }

  /** What is written becomes a batch that can be taken. */
  close(): void {
    if (this.#open === null) return;
    this.#closed.push(this.#open);
    this.#open = null;
  }

  /** Whether there is one that can be taken. */
  get hasBatch(): boolean {
    return this.#closed.length > 0;
  }

  /** The oldest closed batch; a line that was cut off by a death is not part of it. Null: none. */
  async oldest(): Promise<ClosedBatch | null> {
    await this.#writing;
    return this.#oldest();
  }

  async #oldest(): Promise<ClosedBatch | null> {
    for (;;) {
      const [first] = this.#closed;
      if (first === undefined) return null;
      const read = await readFile(join(this.#dir, first.name)).catch(() => null);
      const text = read?.subarray(0, read.lastIndexOf(10) + 1);
      const [, id = "", startMs = "", openedMs = startMs] = NAME.exec(first.name) ?? [];
      if (text !== undefined && text.length > 0) {
        return { name: first.name, id, openedMs: Number(openedMs), text };
      }
      await this.remove(first.name);
    }
  }

  async remove(name: string): Promise<void> {
    this.#closed = this.#closed.filter((batch) => batch.name !== name);
    await rm(join(this.#dir, name), { force: true });
  }

  /** Gives up the oldest batch for want of room, and counts its lines. */
  async drop(): Promise<void> {
    await this.#writing;
    await this.#dropOldest();
  }

  async #dropOldest(): Promise<boolean> {
    const oldest = await this.#oldest();
    if (oldest === null) return false;
    const lines = linesIn(oldest.text);
    this.#lost += lines;
    this.#log.warn("A site's log has no room: its oldest lines are given up", {
      ...{ dir: this.#dir, batch: oldest.id, lines },
    });
    await this.remove(oldest.name);
    return true;
  }

  get bytes(): number {
    return this.#closed.reduce((sum, { bytes }) => sum + bytes, this.#open?.bytes ?? 0);
  }

  /** Lines that are gone for ever. */
  get lost(): number {
    return this.#lost;
  }

  /** Why the last lines found no room on the disk; null: they did. */
  get fault(): string | null {
    return this.#fault;
  }

  /** Once, until the disk takes lines again. */
  #warn(error: unknown): void {
    const fault = error instanceof Error ? error.message : String(error);
    if (this.#fault === null) {
      const fields = { dir: this.#dir, error };
      this.#log.warn("Cannot keep a site's log until it is delivered", fields);
    }
    this.#fault = fault;
  }
}

/** What is done to the disk and may fail for want of room. */
export interface SpoolDisk {
  appendFile(path: string, text: Uint8Array): Promise<void>;
  truncate(path: string, bytes: number): Promise<void>;
}

function isFull(error: unknown): boolean {
  const code = (error as { readonly code?: unknown } | null)?.code;
  return code === "ENOSPC" || code === "EDQUOT";
}

function hourOf(wallMs: number): number {
  return Math.floor(wallMs / HOUR_MS);
}

function stamp(ms: number): string {
  return String(ms).padStart(13, "0");
}

export function linesIn(text: Uint8Array): number {
  let lines = 0;
  for (const byte of text) if (byte === 10) lines++;
  return lines;
}
