import type { Files, OpenFile } from "./files.ts";

/**
 * A file system in memory that says what was done to it, in order, fails when it is told to, and can
 * lose power: then what came or went since its folder was last synced is there, or not, by chance.
 */
export class FakeFiles implements Files {
  readonly calls: string[] = [];
  /** Asked before each act: the code of the fault, or null. */
  fault: (act: string) => string | null = () => null;
  readonly #live = new Map<string, Uint8Array<ArrayBuffer>>();
  /** Names that are on disk for sure. */
  readonly #synced = new Set<string>();
  /** What went, and may still be on disk. */
  readonly #gone = new Map<string, Uint8Array<ArrayBuffer>>();
  readonly #folders = new Set<string>();

  losePower(chance: () => boolean): void {
    for (const path of this.#live.keys()) {
      if (!this.#synced.has(path) && chance()) this.#live.delete(path);
    }
    for (const [path, bytes] of this.#gone) {
      if (!this.#live.has(path) && chance()) this.#live.set(path, bytes);
    }
    this.#gone.clear();
  }

  paths(): string[] {
    return [...this.#live.keys()];
  }

  #act(act: string, path: string): void {
    this.calls.push(`${act} ${path}`);
    const code = this.fault(act);
    if (code !== null) throw Object.assign(new Error(`${code}: ${act} ${path}`), { code });
  }

  names(folder: string): string[] {
    this.#act("names", folder);
    const below = `${folder}/`;
    const paths = [...this.#live.keys(), ...this.#folders].filter((p) => p.startsWith(below));
    return [...new Set(paths.map((path) => path.slice(below.length).split("/")[0]!))];
  }

  makeFolder(path: string): void {
    this.#act("makeFolder", path);
    this.#folders.add(path);
  }

  removeFolder(path: string): void {
    for (const name of this.#live.keys()) if (name.startsWith(`${path}/`)) this.#live.delete(name);
  }

  async readWhole(path: string): Promise<Uint8Array<ArrayBuffer>> {
    await null;
    this.#act("readWhole", path);
    return this.#of(path).slice();
  }

  async writeWhole(path: string, bytes: Uint8Array): Promise<void> {
    await null;
    // A full disk takes a part.
    this.#live.set(path, bytes.slice(0, bytes.byteLength >> 1));
    this.#act("writeWhole", path);
    this.#live.set(path, bytes.slice());
  }

  async open(path: string, flags: "r" | "w+"): Promise<OpenFile> {
    await null;
    this.#act("open", path);
    if (flags === "w+") this.#live.set(path, new Uint8Array(0));
    let at = this.#of(path);
    return {
      read: async (into, offset, length, position) => {
        this.#act("read", path);
        const part = at.subarray(position, position + length);
        into.set(part, offset);
        return { bytesRead: part.byteLength };
      },
      write: async (from, offset, length, position) => {
        this.#act("write", path);
        const longer = new Uint8Array(Math.max(at.byteLength, position + length));
        longer.set(at);
        longer.set(from.subarray(offset, offset + length), position);
        at = longer;
        if (this.#live.has(path)) this.#live.set(path, at);
        return { bytesWritten: length };
      },
      sync: async () => this.#act("sync", path),
      close: () => Promise.resolve(),
    };
  }

  body(path: string, first: number, end: number): Blob {
    return new Blob([this.#of(path).subarray(first, end)]);
  }

  async link(from: string, to: string): Promise<void> {
    await null;
    this.#act("link", to);
    this.#live.set(to, this.#of(from));
  }

  async rename(from: string, to: string): Promise<void> {
    await null;
    this.#act("rename", to);
    this.#live.set(to, this.#of(from));
    this.#live.delete(from);
    this.#synced.delete(to);
  }

  async unlink(path: string): Promise<void> {
    await null;
    this.#act("unlink", path);
    this.#gone.set(path, this.#of(path));
    this.#live.delete(path);
    this.#synced.delete(path);
  }

  async syncFolder(path: string): Promise<void> {
    await null;
    this.#act("syncFolder", path);
    const inside = (name: string) => name.startsWith(`${path}/`);
    for (const name of [...this.#gone.keys()].filter(inside)) this.#gone.delete(name);
    for (const name of [...this.#live.keys()].filter(inside)) this.#synced.add(name);
  }

  #of(path: string): Uint8Array<ArrayBuffer> {
    const bytes = this.#live.get(path);
    if (bytes === undefined) throw Object.assign(new Error("ENOENT"), { code: "ENOENT" });
    return bytes;
  }
}
