import type { ObjectMeta } from "./object.ts";

/** One object file. All that is known without opening it stands in its name. */
export interface DiskEntry {
  /** `<hash of key>-<hash of variant>-<file bytes>-<stored at, seconds>`, numbers in base 36. */
  readonly name: string;
  readonly keyHash: string;
  readonly variantHash: string;
  readonly fileBytes: number;
  readonly storedSec: number;
  /** Of a large object validated since it was written: its file is not written again for that. */
  renewed?: ObjectMeta;
}

const NAME = /^([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-z]{1,10})-([0-9a-z]{1,10})$/;

/** 128 bits: customers cannot make two keys meet; the file's own key is checked on read as well. */
export function hashKey(key: string): string {
  return Bun.SHA256.hash(key, "hex").slice(0, 32);
}

export function nameOf(meta: ObjectMeta, fileBytes: number, storedSec: number): DiskEntry {
  const keyHash = hashKey(meta.key);
  const variantHash = hashKey(meta.variant).slice(0, 16);
  const name = `${keyHash}-${variantHash}-${fileBytes.toString(36)}-${storedSec.toString(36)}`;
  return { name, keyHash, variantHash, fileBytes, storedSec };
}

/** Which objects are on disk, from the least to the most recently used. */
export class DiskIndex {
  readonly #byKey = new Map<string, DiskEntry[]>();
  readonly #byUse = new Map<string, DiskEntry>();
  #loaded: DiskEntry[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#byUse.size;
  }

  /** Takes note of a file found at start. Names that are not ours are left alone. */
  load(name: string): void {
    const match = NAME.exec(name);
    if (match === null) return;
    const [, keyHash, variantHash, bytes, sec] = match;
    this.#loaded.push({
      name,
      keyHash: keyHash!,
      variantHash: variantHash!,
      fileBytes: Number.parseInt(bytes!, 36),
      storedSec: Number.parseInt(sec!, 36),
    });
  }

  /** Orders what was loaded by age. Returns files that a newer one of the same variant replaces. */
  settle(): DiskEntry[] {
    const replaced = this.#loaded
      .sort((a, b) => a.storedSec - b.storedSec)
      .flatMap((entry) => this.add(entry));
    this.#loaded = [];
    return replaced;
  }

  of(keyHash: string): readonly DiskEntry[] {
    return this.#byKey.get(keyHash) ?? [];
  }

  holds(entry: DiskEntry): boolean {
    return this.#byUse.get(entry.name) === entry;
  }

  /** Returns the entries of the same variant that it replaces, whose files are to be removed. */
  add(entry: DiskEntry): DiskEntry[] {
    const before = this.#byKey.get(entry.keyHash) ?? [];
    const replaced = before.filter((old) => old.variantHash === entry.variantHash);
    for (const old of replaced) this.drop(old);
    this.#byKey.set(entry.keyHash, [...this.of(entry.keyHash), entry]);
    this.#byUse.set(entry.name, entry);
    this.#bytes += entry.fileBytes;
    // The same name is the same file: it was written over.
    return replaced.filter((old) => old.name !== entry.name);
  }

  touch(entry: DiskEntry): void {
    this.#byUse.delete(entry.name);
    this.#byUse.set(entry.name, entry);
  }

  drop(entry: DiskEntry): void {
    if (!this.holds(entry)) return;
    this.#byUse.delete(entry.name);
    this.#bytes -= entry.fileBytes;
    const rest = this.of(entry.keyHash).filter((other) => other !== entry);
    if (rest.length === 0) this.#byKey.delete(entry.keyHash);
    else this.#byKey.set(entry.keyHash, rest);
  }

  oldest(): DiskEntry | undefined {
    return this.#byUse.values().next().value;
  }
}
