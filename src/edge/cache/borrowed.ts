import type { Files } from "./files.ts";
import type { ObjectMeta } from "./object.ts";
import { readTail, StoredFile } from "./stored-file.ts";

const BORROWED_MAX = 256;

/** The files of large objects that the keeper has at hand, each under its own name, for ever that one's. */
export class BorrowedFiles {
  readonly #files: Files;
  /** By path; the one asked for last is the last. */
  readonly #borrowed = new Map<string, StoredFile>();
  /** Paths of files that are not what was written, until the keeper has been told. */
  readonly #spoilt = new Set<string>();

  constructor(files: Files) {
    this.#files = files;
  }

  /** Fails, or null, when it is gone or is not what was written. */
  async of(
    path: string,
    o: { readonly meta: ObjectMeta; readonly fileBytes: number; readonly nowMs: number },
  ): Promise<StoredFile | null> {
    if (this.#spoilt.has(path)) return null;
    const known = this.#borrowed.get(path);
    this.#borrowed.delete(path);
    if (known !== undefined) {
      this.#borrowed.set(path, known);
      return known;
    }
    const tail = await readTail(this.#files, path, o.fileBytes);
    if (tail === null || tail.meta.key !== o.meta.key) return null;
    const { fileBytes, nowMs } = o;
    const stored = new StoredFile({ ...tail, files: this.#files, path, fileBytes, nowMs });
    this.#borrowed.set(path, stored);
    if (this.#borrowed.size > BORROWED_MAX) {
      this.#borrowed.delete(this.#borrowed.keys().next().value!);
    }
    return stored;
  }

  spoilt(path: string): void {
    this.#borrowed.delete(path);
    if (this.#spoilt.size >= BORROWED_MAX) this.#spoilt.clear();
    this.#spoilt.add(path);
  }
}
