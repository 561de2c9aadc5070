import { appendFile, mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../../base/log.ts";

/** A batch is closed once it holds so much; a burst of one flush may go beyond it. */
const BATCH_BYTES = 1_048_576;
/** What may wait in memory for the disk; more is counted and left out. */
const UNWRITTEN_MAX = 4_194_304;
const NAME = /^(\d{13})-(\d{9})\.log$/;

interface Batch {
  readonly name: string;
  bytes: number;
}

/**
 * Lines of one site that wait on the disk until somebody has taken them: numbered files, the oldest
 * first, `<ms of this start>-<number>.log`, so that a batch has the same name however often it is sent.
 * A process that is killed loses what it had not yet written, at most the time between two `flush()`.
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
  #lost = 0;
  #writing: Promise<void>;

  /** @param startMs names the batches of this start, ms since 1970 */
  constructor(o: { readonly dir: string; readonly startMs: number; readonly log: Log }) {
    this.#dir = o.dir;
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
      .then(() => this.#append(lines, nowMs))
      .catch((error: unknown) => {
        this.#lost += lines.length;
        this.#warn(error);
      })
      .then(() => {
        const full = (this.#open?.bytes ?? 0) >= BATCH_BYTES;
        if (full || nowMs - this.#openedMs >= everyMs) this.close();
      });
    return this.#writing;
  }

  async #append(lines: readonly string[], nowMs: number): Promise<void> {
    if (lines.length === 0) return;
    if (this.#open === null) {
      const number = String(++this.#number).padStart(9, "0");
      this.#open = { name: `${String(this.#startMs).padStart(13, "0")}-${number}.log`, bytes: 0 };
      this.#openedMs = nowMs;
    }
    const text = Buffer.from(`${lines.join("\n")}\n`);
    await appendFile(join(this.#dir, this.#open.name), text);
    this.#open.bytes += text.length;
  }

  /** What is written becomes a batch that can be taken. */
  close(): void {
    if (this.#open === null) return;
    this.#closed.push(this.#open);
    this.#open = null;
  }

  /** The oldest closed batch; a line that was cut off by a death is not part of it. Null: none. */
  async oldest(): Promise<{ readonly name: string; readonly text: Buffer } | null> {
    await this.#writing;
    for (;;) {
      const [first] = this.#closed;
      if (first === undefined) return null;
      const read = await readFile(join(this.#dir, first.name)).catch(() => null);
      const text = read?.subarray(0, read.lastIndexOf(10) + 1);
      if (text !== undefined && text.length > 0) return { name: first.name, text };
      await this.remove(first.name);
    }
  }

  async remove(name: string): Promise<void> {
    this.#closed = this.#closed.filter((batch) => batch.name !== name);
    await rm(join(this.#dir, name), { force: true });
  }

  /** Gives up the oldest batch for want of room, and counts its lines. */
  async drop(): Promise<void> {
    const oldest = await this.oldest();
    if (oldest === null) return;
    this.#lost += linesIn(oldest.text);
    await this.remove(oldest.name);
  }

  get bytes(): number {
    return this.#closed.reduce((sum, { bytes }) => sum + bytes, this.#open?.bytes ?? 0);
  }

  /** Lines that are gone for ever. */
  get lost(): number {
    return this.#lost;
  }

  #warn(error: unknown): void {
    this.#log.warn("Cannot keep a site's log until it is delivered", { dir: this.#dir, error });
  }
}

export function linesIn(text: Uint8Array): number {
  let lines = 0;
  for (const byte of text) if (byte === 10) lines++;
  return lines;
}
