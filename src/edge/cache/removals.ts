import { join } from "node:path";
import type { Files } from "./files.ts";

/**
 * Object files that are to go. Most go in their own time; `certain` waits for those of a key:
 *
 *   under way   unlink was asked for
 *   stuck       the disk refused; tried again when somebody must know
 *   unsynced    gone, but its folder is not on disk yet: a power loss would bring it back
 *
 * An evicted object counts like a purged one: the purge that comes after it finds no entry, and must
 * still not be acknowledged while the file may come back.
 */
export class Removals {
  readonly #files: Files;
  readonly #dir: string;
  readonly #underWay = new Map<string, Promise<void>>();
  readonly #stuck = new Set<string>();
  readonly #unsynced = new Set<string>();
  readonly #syncs = new Map<string, Promise<void>>();

  constructor(files: Files, dir: string) {
    this.#files = files;
    this.#dir = dir;
  }

  /** Files that are being removed. */
  get count(): number {
    return this.#underWay.size;
  }

  /** Begins to remove a file of that name. */
  remove(name: string): void {
    const folder = name.slice(0, 2);
    this.#stuck.delete(name);
    const gone = this.#files
      .unlink(join(this.#dir, folder, name))
      .catch((fault: { readonly code?: string }) => {
        if (fault.code !== "ENOENT") this.#stuck.add(name);
      })
      .then(() => {
        this.#unsynced.add(folder);
        if (this.#underWay.get(name) === gone) this.#underWay.delete(name);
      });
    this.#underWay.set(name, gone);
  }

  /** Resolves when a file of that name may be written. */
  async settled(name: string): Promise<void> {
    await this.#underWay.get(name);
    this.#stuck.delete(name);
  }

  /** Resolves when no file of the key comes back, whatever happens. Throws when it may. */
  async certain(keyHash: string): Promise<void> {
    for (const name of this.#stuck) if (name.startsWith(keyHash)) this.remove(name);
    const ours = [...this.#underWay].filter(([name]) => name.startsWith(keyHash));
    await Promise.all(ours.map(([, gone]) => gone));
    for (const name of this.#stuck) {
      if (name.startsWith(keyHash)) throw new Error(`Cannot remove a stored file: ${name}`);
    }
    const folder = keyHash.slice(0, 2);
    await this.#synced(folder);
  }

  /** A folder whose past is not known: a process before this one may have removed files from it. */
  doubt(folder: string): void {
    this.#unsynced.add(folder);
  }

  /** Resolves when what is gone from the folder is gone on disk. Many may wait for one sync. */
  #synced(folder: string): Promise<void> {
    const before = this.#syncs.get(folder) ?? Promise.resolve();
    // What went before the one under way began is its work.
    if (!this.#unsynced.has(folder)) return before;
    const sync = before
      .catch(() => {})
      .then(async () => {
        if (!this.#unsynced.delete(folder)) return;
        try {
          await this.#files.syncFolder(join(this.#dir, folder));
        } catch (fault) {
          this.#unsynced.add(folder);
          throw fault;
        }
      });
    this.#syncs.set(folder, sync);
    const end = () => {
      if (this.#syncs.get(folder) === sync) this.#syncs.delete(folder);
    };
    sync.then(end, end);
    return sync;
  }
}
