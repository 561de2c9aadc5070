import { open, readFile, rm } from "node:fs/promises";
import { diskFault } from "./disk-fault.ts";
import { decodeRecords, encodeRecord } from "./spool-file.ts";

type FileHandle = Awaited<ReturnType<typeof open>>;

/**
 * One record that grows until it is finished: each state of it is written behind the last, synced,
 * and the last intact one counts. It lets a batch be on disk twice a second and still be one batch.
 */
export class SpoolJournal {
  readonly #path: string;
  #handle: FileHandle | null = null;
  #bytes = 0;

  private constructor(path: string) {
    this.#path = path;
  }

  /** `last` is what an earlier process left unfinished; it stays until `write` or `clear`. */
  static async open(path: string): Promise<{ journal: SpoolJournal; last: string | null }> {
    const bytes = await readFile(path).catch(() => new Uint8Array());
    return { journal: new SpoolJournal(path), last: decodeRecords(bytes).payloads.at(-1) ?? null };
  }

  /** Makes this the state of the record, durably. Throws Fault `store-full`. */
  async write(payload: string): Promise<void> {
    try {
      this.#handle ??= await open(this.#path, "w", 0o600);
      const bytes = encodeRecord(payload);
      for (let at = 0; at < bytes.length; ) {
        const wrote = await this.#handle.write(bytes, at, bytes.length - at, this.#bytes + at);
        at += wrote.bytesWritten;
      }
      await this.#handle.datasync();
      this.#bytes += bytes.length;
    } catch (error) {
      throw diskFault(error, "cannot write the usage journal");
    }
  }

  /** The record is finished and kept elsewhere. */
  async clear(): Promise<void> {
    if (this.#handle === null) {
      await rm(this.#path, { force: true });
      return;
    }
    if (this.#bytes === 0) return;
    await this.#handle.truncate(0);
    await this.#handle.datasync();
    this.#bytes = 0;
  }

  /** A record that is not finished stays on disk for the next process. */
  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = null;
    await handle?.close();
    if (this.#bytes === 0) await rm(this.#path, { force: true });
  }
}
