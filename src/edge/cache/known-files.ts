import { join } from "node:path";
import type { DiskIndex } from "./disk-index.ts";
import { codeOf, type Files, NO_FOLDER } from "./files.ts";
import type { Removals } from "./removals.ts";

/** What the names of files begin with that were not whole when the process ended. */
export const ASIDE = "aside-";

/** So many names are read before a start goes on; of more, the rest beside its work. */
const NAMES_AT_ONCE = 16_384;

export interface KnownFilesParts {
  readonly dir: string;
  readonly files: Files;
  readonly index: DiskIndex;
  readonly removals: Removals;
  /** Names that are read at once; 16,384 where it is left out. */
  readonly namesAtOnce?: number;
  /** Asked after the last folder, again and again until it is true. */
  readonly settle: () => boolean;
  /** All is known, or there is a fault, or no more is read. */
  readonly onEnd: () => void;
  /** Told when a folder cannot be read after `open` has returned. */
  readonly onFault?: (fault: unknown) => void;
}

/**
 * Takes the files of a life before into the index, by their names. All of a key are in one of 256 folders,
 * named after the first two digits of its hash: of a key all is known or nothing is. So of a million files
 * a start reads one folder before its first hit, and the others between requests:
 *
 *   few, in all       `open` reads them
 *   many              `open` reads as many; then one folder in each turn of the event loop
 *   a key asked for   its folder is read there and then
 *   a fault           nothing is held until it is opened again
 */
export class KnownFiles {
  /** Why the folder could not be read, or null. */
  fault: { readonly code?: string } | null = null;
  readonly #o: KnownFilesParts;
  /** Folders that were not read yet; null once all is known. */
  #left: Set<string> | null = null;
  #folders = 0;
  #isStopped = false;

  constructor(o: KnownFilesParts) {
    this.#o = o;
  }

  /** Whether there may be files that the index does not know yet. */
  get isReading(): boolean {
    return this.#left !== null;
  }

  /** Makes the folder where it is missing, and drops what a crash left behind. */
  open(): void {
    const { dir, files, namesAtOnce = NAMES_AT_ONCE } = this.#o;
    this.fault = null;
    try {
      const tmp = join(dir, "tmp");
      files.removeFolder(tmp);
      files.makeFolder(tmp);
      this.#left = new Set(files.names(dir).filter((name) => /^[0-9a-f]{2}$/.test(name)));
      this.#folders = this.#left.size;
      this.#readSome(this.#left, namesAtOnce);
    } catch (fault) {
      this.#fail(fault);
      return;
    }
    this.#readOn(this.#left);
  }

  /** From here on all is known of that key, or there is a fault. */
  know(keyHash: string): void {
    const left = this.#left;
    if (left !== null) this.#try(() => this.#read(left, keyHash.slice(0, 2)));
  }

  #readOn(left: Set<string>): void {
    if (left.size === 0 && this.#o.settle()) {
      this.#left = null;
      this.#o.onEnd();
      return;
    }
    const goOn = () => {
      if (this.#isStopped) return;
      if (this.#left === left) this.#try(() => this.#readSome(left, 1));
      if (this.#left === left) this.#readOn(left);
    };
    if (left.size > 0) setImmediate(goOn);
    else setTimeout(goOn, 1);
  }

  /** Folders are read from here on only where their keys are asked for. */
  stop(): void {
    this.#isStopped = true;
    this.#o.onEnd();
  }

  #try(read: () => void): void {
    try {
      read();
    } catch (fault) {
      this.#fail(fault);
      this.#o.onFault?.(fault);
    }
  }

  #fail(fault: unknown): void {
    const { index } = this.#o;
    this.fault = fault as { readonly code?: string };
    this.#left = null;
    for (let one = index.toEvict(); one !== null; one = index.toEvict()) index.drop(one);
    this.#o.onEnd();
  }

  /** Folders in their order, until so many names were read. */
  #readSome(left: Set<string>, names: number): void {
    let read = 0;
    for (const folder of left) {
      if (read >= names) return;
      read += this.#read(left, folder);
    }
  }

  /** How many names there were; 0 where it was read before. */
  #read(left: Set<string>, folder: string): number {
    if (!left.has(folder)) return 0;
    const { dir, files, index, removals } = this.#o;
    const names = this.#namesIn(folder);
    // The hashes spread files evenly: one folder tells about how many there are in all.
    if (left.size === this.#folders) index.expect(names.length * this.#folders);
    left.delete(folder);
    removals.doubt(folder);
    for (const name of names) {
      if (name.startsWith(folder)) index.load(name);
      else if (name.startsWith(ASIDE)) files.unlink(join(dir, folder, name)).catch(() => {});
    }
    for (const replaced of index.settle()) removals.remove(replaced);
    return names.length;
  }

  /** None where somebody has put something else in the folder's place. */
  #namesIn(folder: string): readonly string[] {
    try {
      return this.#o.files.names(join(this.#o.dir, folder));
    } catch (fault) {
      if (NO_FOLDER.has(codeOf(fault))) return [];
      throw fault;
    }
  }
}
