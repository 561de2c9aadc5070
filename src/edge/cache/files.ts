import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { link, open, readFile, rename, unlink, writeFile } from "node:fs/promises";

/** An open file; positions and lengths in bytes. */
export interface OpenFile {
  read(
    into: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  write(
    from: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
  /** Resolves when what was written is on the device. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** What the disk tier does to a file system: the real one, or one that fails or is looked at. */
export interface Files {
  names(folder: string): readonly string[];
  /** With those above it; nothing happens where it is there. */
  makeFolder(path: string): void;
  /** With all that is in it. */
  removeFolder(path: string): void;
  readWhole(path: string): Promise<Uint8Array<ArrayBuffer>>;
  writeWhole(path: string, bytes: Uint8Array): Promise<void>;
  /** `w+`: a new file, to write and read. */
  open(path: string, flags: "r" | "w+"): Promise<OpenFile>;
  /** A response's body out of a file, opened when it is sent; it may not pass through this process. */
  body(path: string, first: number, end: number): Blob;
  /** A second name of the same file. */
  link(from: string, to: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Until then a power loss may bring back names that were removed. */
  syncFolder(path: string): Promise<void>;
}

/** Codes of faults where there is no folder, nor can there be: there are no files either. */
export const NO_FOLDER: ReadonlySet<string> = new Set(["ENOTDIR", "EEXIST", "ENOENT"]);

/** Codes of faults that say nothing of a file that cannot be read: another attempt may succeed. */
const NOT_OF_THE_FILE: ReadonlySet<string> = new Set(
  "EAGAIN EDQUOT EINTR EMFILE EMLINK ENFILE ENOMEM ENOSPC EROFS".split(" "),
);

export function codeOf(fault: unknown): string {
  return (fault as { readonly code?: string }).code ?? "";
}

/** For a fault that says nothing of the file: undefined. For one that does: null. */
export function notNow(fault: unknown): null | undefined {
  return NOT_OF_THE_FILE.has(codeOf(fault)) ? undefined : null;
}

/** The file system, or this user's part of it, is full. */
export function isOutOfRoom(fault: unknown): boolean {
  return codeOf(fault) === "ENOSPC" || codeOf(fault) === "EDQUOT";
}

export const realFiles: Files = {
  names: (folder) => readdirSync(folder),
  makeFolder: (path) => void mkdirSync(path, { recursive: true }),
  removeFolder: (path) => rmSync(path, { recursive: true, force: true }),
  readWhole: async (path) => new Uint8Array(await readFile(path)),
  writeWhole: (path, bytes) => writeFile(path, bytes),
  open: (path, flags) => open(path, flags),
  body(path, first, end) {
    // Without a name of its own the runtime adds no Content-Disposition with that of the file.
    return Object.assign(Bun.file(path).slice(first, end), { name: "" });
  },
  link,
  rename,
  unlink,
  async syncFolder(path) {
    const folder = await open(path, "r").catch((fault: { readonly code?: string }) => {
      // No folder, no files in it.
      if (fault.code === "ENOENT") return null;
      throw fault;
    });
    if (folder === null) return;
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  },
};
