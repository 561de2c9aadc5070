import { mkdir, open, readdir, readFile, rename, rm, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "../base/assert.ts";
import { Fault } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import { diskFault } from "./disk-fault.ts";
import { decodeRecords, encodeRecord } from "./spool-file.ts";

type FileHandle = Awaited<ReturnType<typeof open>>;

export interface SpoolOptions {
  /** The folder, of one process alone. */
  readonly dir: string;
  /** A file that has reached this takes no more records. */
  readonly fileBytesMax?: number;
  /** Beyond this the oldest records that were never offered are merged. */
  readonly bytesMax?: number;
  /** Fewer records that say the same in sum; `coarse` when the fine way did not save enough. */
  readonly merge: (payloads: readonly string[], coarse: boolean) => readonly string[];
  readonly log: Log;
}

/**
 * `new`: none of its records has been offered to anybody, so they may still be merged into others.
 * `sent`: some may have been taken, so each must stay what it is until it is acknowledged.
 */
interface SpoolFile {
  readonly first: number;
  readonly last: number;
  state: "new" | "sent";
  bytes: number;
}

const NAME = /^(\d{10})-(\d{10})\.(new|sent)$/;
/** A file that is wholly done is given back from this size on: little is offered again at a start. */
const TRIM_BYTES = 32 * 1024;
const REJECTED_BYTES_MAX = 1024 * 1024;

/**
 * Records on disk until somebody has taken them: first in, first out, each at least once, across
 * kill -9 and torn writes. A file named `first-last` stands for all files numbered so: merging
 * writes one beside and renames it, and whatever lies within its range is void from then on.
 */
export class Spool {
  readonly #o: Required<SpoolOptions>;
  readonly #files: SpoolFile[];
  #number: number;
  /** The file being written: the last of `#files`. */
  #active: { file: SpoolFile; handle: FileHandle; payloads: string[] } | null = null;
  /** The oldest file, read. */
  #head: { file: SpoolFile; payloads: string[]; at: number } | null = null;
  #queue: Promise<unknown> = Promise.resolve();
  #mergeAgainAt = 0;

  private constructor(o: Required<SpoolOptions>, files: SpoolFile[]) {
    this.#o = o;
    this.#files = files;
    this.#number = files.reduce((most, file) => Math.max(most, file.last), 0);
  }

  /** @throws Fault `store-full` or `store-corrupt`, when the folder cannot be used at all */
  static async open(options: SpoolOptions): Promise<Spool> {
    const o = { fileBytesMax: 256 * 1024, bytesMax: 16 * 1024 * 1024, ...options };
    try {
      await mkdir(o.dir, { recursive: true });
      return new Spool(o, await recover(o.dir));
    } catch (cause) {
      const fault = diskFault(cause, `cannot open the usage spool ${o.dir}`);
      if (fault !== cause) throw fault;
      throw new Fault("store-corrupt", (cause as Error).message, { cause });
    }
  }

  /** Bytes on disk. */
  get bytes(): number {
    return this.#files.reduce((sum, file) => sum + file.bytes, 0);
  }

  /** The last record of an earlier process that is still here, or null. For just after `open`. */
  async newest(): Promise<string | null> {
    const file = this.#files.at(-1);
    return file === undefined ? null : ((await this.#payloads(file)).at(-1) ?? null);
  }

  /**
   * Makes a record durable, and runs `before` before anybody may peek at it. After a Fault
   * `store-full` nothing or all of it is there: append the same again.
   */
  append(payload: string, before?: () => Promise<void>): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#write(payload);
      } catch (error) {
        throw diskFault(error, "cannot write the usage spool");
      }
      await before?.();
      if (this.bytes <= Math.max(this.#o.bytesMax, this.#mergeAgainAt)) return;
      // The record is there already: a failure to save space must not have it written again.
      await this.#shrink().catch((error) => {
        this.#mergeAgainAt = this.bytes + this.#o.bytesMax / 4;
        this.#o.log.error("Cannot merge the usage spool, which is full", { error });
      });
    });
  }

  /** The oldest record that is not done, or null. From now on it keeps its identity. */
  peek(): Promise<string | null> {
    return this.#inTurn(async () => {
      const head = await this.#readHead();
      if (head === null) return null;
      if (head.file.state === "new") await this.#markSent(head.file);
      return head.payloads[head.at] ?? null;
    });
  }

  /** The record that `peek` gave is taken. */
  done(): Promise<void> {
    return this.#inTurn(() => this.#advance());
  }

  /** The record that `peek` gave is refused for good: it is kept aside, for a person. */
  setAside(): Promise<void> {
    return this.#inTurn(async () => {
      const payload = this.#head?.payloads[this.#head.at];
      assert(payload !== undefined, "Only a record that was peeked at is set aside");
      const path = join(this.#o.dir, "rejected.spool");
      const handle = await open(path, "a", 0o600);
      try {
        if ((await handle.stat()).size < REJECTED_BYTES_MAX) {
          await handle.write(encodeRecord(payload));
          await handle.datasync();
        }
      } finally {
        await handle.close();
      }
      await this.#advance();
    });
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#seal();
      for (const file of [...this.#files]) if (this.#isDone(file)) await this.#remove(file);
    });
  }

  #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#queue.then(act);
    this.#queue = turn.catch(() => {});
    return turn;
  }

  async #write(payload: string): Promise<void> {
    if (this.#active !== null && this.#active.file.bytes >= this.#o.fileBytesMax)
      await this.#seal();
    this.#active ??= await this.#create();
    const { file, handle, payloads } = this.#active;
    const bytes = encodeRecord(payload);
    try {
      let at = 0;
      while (at < bytes.length) {
        const wrote = await handle.write(bytes, at, bytes.length - at, file.bytes + at);
        at += wrote.bytesWritten;
      }
      await handle.datasync();
    } catch (error) {
      // Whatever part of it is there would otherwise lie before the next record as damage.
      await handle.truncate(file.bytes).catch(() => {});
      throw error;
    }
    file.bytes += bytes.length;
    payloads.push(payload);
  }

  async #create(): Promise<{ file: SpoolFile; handle: FileHandle; payloads: string[] }> {
    const number = this.#number + 1;
    const file: SpoolFile = { first: number, last: number, state: "new", bytes: 0 };
    const handle = await open(this.#path(file), "wx", 0o600);
    this.#number = number;
    await syncFolder(this.#o.dir);
    this.#files.push(file);
    return { file, handle, payloads: [] };
  }

  async #seal(): Promise<void> {
    const active = this.#active;
    this.#active = null;
    await active?.handle.close();
  }

  async #readHead(): Promise<{ file: SpoolFile; payloads: string[]; at: number } | null> {
    for (;;) {
      const file = this.#files[0];
      if (file === undefined) return null;
      if (this.#head?.file !== file)
        this.#head = { file, payloads: await this.#payloads(file), at: 0 };
      if (!this.#isDone(file)) return this.#head;
      if (this.#active?.file === file) return null;
      await this.#remove(file);
    }
  }

  /** The active file's list is live: it grows with each append. */
  async #payloads(file: SpoolFile): Promise<string[]> {
    if (this.#active?.file === file) return this.#active.payloads;
    const { payloads, damagedBytes } = decodeRecords(await readFile(this.#path(file)));
    if (damagedBytes > 0)
      this.#o.log.warn("A usage spool file has damage; its intact records are used", {
        file: this.#path(file),
        damagedBytes,
        intact: payloads.length,
      });
    return [...payloads];
  }

  #isDone(file: SpoolFile): boolean {
    return this.#head?.file === file && this.#head.at >= this.#head.payloads.length;
  }

  async #advance(): Promise<void> {
    const head = this.#head;
    assert(head !== null && !this.#isDone(head.file), "Only a record that was peeked at is done");
    head.at++;
    if (!this.#isDone(head.file)) return;
    if (this.#active?.file === head.file) {
      if (head.file.bytes < TRIM_BYTES) return;
      await this.#seal();
    }
    await this.#remove(head.file);
  }

  async #remove(file: SpoolFile): Promise<void> {
    await unlink(this.#path(file));
    this.#files.splice(this.#files.indexOf(file), 1);
    if (this.#head?.file === file) this.#head = null;
  }

  async #markSent(file: SpoolFile): Promise<void> {
    await rename(this.#path(file), this.#path({ ...file, state: "sent" }));
    file.state = "sent";
    await syncFolder(this.#o.dir);
  }

  /** Merges all files that were never offered; the one being written is sealed first. */
  async #shrink(): Promise<void> {
    await this.#seal();
    for (const coarse of [false, true]) {
      const files = this.#files.filter((file) => file.state === "new");
      if (files.length === 0) break;
      await this.#mergeFiles(files, coarse);
      if (this.bytes <= this.#o.bytesMax / 2) break;
    }
    // What cannot be merged must not be tried again with every record.
    this.#mergeAgainAt = this.bytes + this.#o.bytesMax / 4;
  }

  async #mergeFiles(files: readonly SpoolFile[], coarse: boolean): Promise<void> {
    const payloads: string[] = [];
    for (const file of files) payloads.push(...(await this.#payloads(file)));
    const fewer = this.#o.merge(payloads, coarse);
    const bytes = Buffer.concat(fewer.map(encodeRecord));
    const merged: SpoolFile = {
      first: files[0]?.first ?? 0,
      last: files.at(-1)?.last ?? 0,
      state: "new",
      bytes: bytes.length,
    };
    const beside = join(this.#o.dir, "merge.tmp");
    const handle = await open(beside, "w", 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(beside, this.#path(merged));
    await syncFolder(this.#o.dir);
    for (const file of files) {
      if (this.#path(file) !== this.#path(merged)) await unlink(this.#path(file));
      this.#files.splice(this.#files.indexOf(file), 1);
      if (this.#head?.file === file) this.#head = null;
    }
    this.#files.push(merged);
    this.#o.log.warn("The usage spool is full: its oldest records were merged", {
      before: payloads.length,
      after: fewer.length,
    });
  }

  #path(file: SpoolFile): string {
    const [first, last] = [file.first, file.last].map((n) => String(n).padStart(10, "0"));
    return join(this.#o.dir, `${first}-${last}.${file.state}`);
  }
}

/** What an earlier process left, oldest first; files that a merged one stands for are removed. */
async function recover(dir: string): Promise<SpoolFile[]> {
  const files: (SpoolFile & { name: string })[] = [];
  for (const name of await readdir(dir)) {
    const match = NAME.exec(name);
    if (match === null) continue;
    const [first, last] = [Number(match[1]), Number(match[2])];
    const state = match[3] === "new" ? "new" : "sent";
    const bytes = (await stat(join(dir, name))).size;
    files.push({ first, last, state, bytes, name });
  }
  await rm(join(dir, "merge.tmp"), { force: true });
  const kept: SpoolFile[] = [];
  for (const file of files) {
    const within = files.some(
      (f) =>
        f.first <= file.first && file.last <= f.last && f.last - f.first > file.last - file.first,
    );
    if (within) await unlink(join(dir, file.name));
    else kept.push({ first: file.first, last: file.last, state: file.state, bytes: file.bytes });
  }
  await syncFolder(dir);
  return kept.sort((a, b) => a.first - b.first);
}

async function syncFolder(dir: string): Promise<void> {
  const handle = await open(dir, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
