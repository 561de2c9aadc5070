import {
  BLOCK_BYTES,
  blockCount,
  blockHolds,
  decodeFooter,
  decodeTail,
  FOOTER_BYTES,
} from "./disk-format.ts";
import type { DiskEntry } from "./disk-index.ts";
import type { Files } from "./files.ts";
import type { ObjectMeta } from "./object.ts";

/** Large objects whose files are at hand at most; each takes its table and meta, and a name on disk. */
const OPENED_MAX = 256;
/** A block that was checked is taken for good so long; then it is read and checked again. */
const CHECKED_MS = 3_600_000;
/** How long a file that is given up can still be opened by a response that was just made. */
const LEAVING_MS = 5_000;

/**
 * The file of a large object that is asked for, under a name of its own that is never used for another
 * one: whoever opens it has these bytes or none, also while the object is evicted, replaced or purged.
 * What was checked against the table of checksums may leave without passing through this process.
 */
export class StoredFile {
  readonly meta: ObjectMeta;
  readonly files: Files;
  readonly path: string;
  readonly fileBytes: number;
  /** False once it is given up: its name is gone soon. */
  alive = true;
  readonly #table: DataView;
  /** By block. */
  readonly #checked: Uint8Array;
  #checkedFromMs: number;

  /** @param nowMs when its first block is checked at the earliest */
  constructor(o: {
    readonly meta: ObjectMeta;
    readonly table: DataView;
    readonly files: Files;
    readonly path: string;
    readonly fileBytes: number;
    readonly nowMs: number;
  }) {
    this.meta = o.meta;
    this.files = o.files;
    this.path = o.path;
    this.fileBytes = o.fileBytes;
    this.#table = o.table;
    this.#checked = new Uint8Array(o.table.byteLength / 4);
    this.#checkedFromMs = o.nowMs;
  }

  /** It came from here, and the disk confirmed it. */
  wasWrittenHere(nowMs: number): void {
    this.#checked.fill(1);
    this.#checkedFromMs = nowMs;
  }

  /** Is this what was written as block `index`? Takes note where it is. */
  holds(index: number, block: Uint8Array): boolean {
    if (!blockHolds(this.#table, index, block)) return false;
    this.#checked[index] = 1;
    return true;
  }

  /** Were all blocks of these bytes checked within the last hour? */
  isChecked(part: { readonly first: number; readonly last: number }, nowMs: number): boolean {
    if (nowMs >= this.#checkedFromMs + CHECKED_MS || nowMs < this.#checkedFromMs) {
      this.#checked.fill(0);
      this.#checkedFromMs = nowMs;
    }
    const end = Math.floor(part.last / BLOCK_BYTES);
    for (let i = Math.floor(part.first / BLOCK_BYTES); i <= end; i++) {
      if (this.#checked[i] !== 1) return false;
    }
    return true;
  }
}

/** The files at hand, by the index entry they belong to; the one asked for longest ago gives way. */
export class OpenedFiles {
  /** By the entry's serial. */
  readonly #opened = new Map<number, { readonly entry: DiskEntry; readonly stored: StoredFile }>();
  readonly #leaving = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #files: Files;

  constructor(files: Files) {
    this.#files = files;
  }

  of(entry: DiskEntry): StoredFile | null {
    const one = this.#opened.get(entry.serial);
    if (one === undefined) return null;
    this.#opened.delete(entry.serial);
    this.#opened.set(entry.serial, one);
    return one.stored;
  }

  add(entry: DiskEntry, stored: StoredFile): void {
    this.#opened.set(entry.serial, { entry, stored });
    for (const first of this.#opened.values()) {
      if (this.#opened.size <= OPENED_MAX) return;
      this.drop(first.entry);
    }
  }

  drop(entry: DiskEntry): void {
    const one = this.#opened.get(entry.serial);
    if (one === undefined) return;
    this.#opened.delete(entry.serial);
    this.#leave(one.stored);
  }

  /** Drops all that are of no entry any more. */
  dropUnless(holds: (entry: DiskEntry) => boolean): void {
    for (const { entry } of [...this.#opened.values()]) if (!holds(entry)) this.drop(entry);
  }

  /** Its name goes, once no response that has it can still be about to open it. */
  #leave(stored: StoredFile): void {
    stored.alive = false;
    const { path } = stored;
    const gone = setTimeout(() => {
      this.#leaving.delete(path);
      this.#files.unlink(path).catch(() => {});
    }, LEAVING_MS);
    gone.unref();
    this.#leaving.set(path, gone);
  }

  async stop(): Promise<void> {
    const paths = [
      ...this.#leaving.keys(),
      ...[...this.#opened.values()].map((one) => one.stored.path),
    ];
    for (const timer of this.#leaving.values()) clearTimeout(timer);
    this.#leaving.clear();
    for (const { stored } of this.#opened.values()) stored.alive = false;
    this.#opened.clear();
    await Promise.all(paths.map((path) => this.#files.unlink(path).catch(() => {})));
  }
}

/** What the end of an object's file says; null when it does not hold. */
export async function readTail(files: Files, path: string, fileBytes: number) {
  const file = await files.open(path, "r");
  try {
    const last = new Uint8Array(FOOTER_BYTES);
    await file.read(last, 0, FOOTER_BYTES, fileBytes - FOOTER_BYTES);
    const footer = decodeFooter(last, fileBytes);
    if (footer === null) return null;
    const tail = new Uint8Array(blockCount(footer.bodyBytes) * 4 + footer.metaBytes);
    await file.read(tail, 0, tail.byteLength, footer.bodyBytes);
    return decodeTail(tail, footer);
  } finally {
    await file.close().catch(() => {});
  }
}
