import { type Variant, variantMatches } from "../../policy/caching/mod.ts";
import type { DiskEntry } from "./disk-index.ts";
import type { Files } from "./files.ts";
import { readTail } from "./stored-file.ts";

/** So many are remembered, of so much text each; then all are forgotten at once. */
const KNOWN_MAX = 4_096;
const TEXT_MAX = 512;

/**
 * Which requests the variants on disk answer. Only their files say it: a look at the end of one tells,
 * and is remembered, so that of a key's many variants no other is read whole than the one that answers.
 */
export class KnownVariants {
  readonly #files: Files;
  /** By the entry's serial. */
  readonly #known = new Map<number, Variant>();

  constructor(files: Files) {
    this.#files = files;
  }

  /** False where it does not answer. What cannot be read may: whoever reads it then sees to that. */
  async mayAnswer(
    entry: DiskEntry,
    path: string,
    get: (name: string) => string | null,
  ): Promise<boolean> {
    const known = this.#known.get(entry.serial) ?? (await this.#lookAt(entry, path));
    return known === null || variantMatches(known, get);
  }

  async #lookAt(entry: DiskEntry, path: string): Promise<Variant | null> {
    const tail = await readTail(this.#files, path, entry.fileBytes).catch(() => null);
    if (tail === null) return null;
    const { vary, variant, language } = tail.meta;
    const text = vary.reduce((sum, name) => sum + name.length, variant.length);
    const known: Variant = { vary, variant, ...(language === undefined ? {} : { language }) };
    if (text > TEXT_MAX) return known;
    if (this.#known.size >= KNOWN_MAX) this.#known.clear();
    this.#known.set(entry.serial, known);
    return known;
  }
}
