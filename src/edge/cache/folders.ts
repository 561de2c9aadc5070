import { join } from "node:path";
import type { Files } from "./files.ts";

/** The folders that object files lie in, each made once: 256 at most, and one for files on their way. */
export class Folders {
  readonly #dir: string;
  readonly #files: Files;
  readonly #made = new Set<string>();

  constructor(dir: string, files: Files) {
    this.#dir = dir;
    this.#files = files;
  }

  /** Throws what the file system says. */
  make(name: string): void {
    if (this.#made.has(name)) return;
    this.#files.makeFolder(join(this.#dir, name));
    this.#made.add(name);
  }

  /** Somebody may have removed them. */
  makeAgain(): void {
    this.#made.clear();
    try {
      this.make("tmp");
    } catch {
      // Then large objects are passed on and not kept.
    }
  }
}
