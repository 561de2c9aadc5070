import { join } from "node:path";
import { variantMatches } from "../../policy/caching/mod.ts";
import { BlockTable, decodeFile, encodeTail } from "./disk-format.ts";
import { type DiskEntry, DiskIndex, type DiskName, fileName, hashKey } from "./disk-index.ts";
import type { DiskObject } from "./disk-object.ts";
import { nameHash, type Present } from "./evict/mod.ts";
import { type Files, NO_FOLDER, realFiles } from "./files.ts";
import { KnownVariants } from "./known-variants.ts";
import type { ObjectMeta } from "./object.ts";
import { type PendingWrite, PendingWrites } from "./pending-writes.ts";
import { Removals } from "./removals.ts";
import { OpenedFiles, readTail, StoredFile } from "./stored-file.ts";

/** Bytes that may wait for the disk at most; what comes while they do is not written. */
const QUEUED_BYTES_MAX = 16 * 1024 * 1024;
/** What a write that waits costs beside its bytes: measured as 16,000 of them in a flood. */
const QUEUED_OVERHEAD_BYTES = 6_144;
const WRITERS_MAX = 4;

/** Of what is held, so much goes when the file system has no room, and is not filled again so soon. */
const FULL_PART = 1 / 8;
const FULL_MS = 60_000;
const FULL_AGAIN_MS = 1_000;

/** What the names of files begin with that were not whole when the process ended. */
const ASIDE = "aside-";

/**
 * The disk tier: one file per object, written aside and renamed, checked when read, so that a crash
 * at any moment leaves whole objects and rubbish that counts as a miss. The index is rebuilt at
 * start from file names alone. Whatever fails here is a miss or an object not kept, never an error;
 * only a removal that is not certain fails, for whoever purges must know.
 */
export class DiskTier {
  readonly #dir: string;
  readonly bytesMax: number;
  readonly #wholeBytesMax: number;
  readonly #queuedBytesMax: number;
  readonly #nowMs: () => number;
  readonly #present: Present | undefined;
  #index = new DiskIndex();
  readonly #removals: Removals;
  readonly #opened: OpenedFiles;
  readonly #variants: KnownVariants;
  readonly files: Files;
  readonly #pending = new PendingWrites();
  readonly #folders = new Set<string>();
  readonly #queue: (() => Promise<void>)[] = [];
  /** Bytes of large bodies on their way, kept current by their spools: they count under the cap. */
  spoolBytes = 0;
  #queuedBytes = 0;
  #writers = 0;
  #sequence = 0;
  /** Processes that know a file by its name may outlive this one: no name ever comes again. */
  readonly #life: string;
  #stopped = false;
  /** When the file system had no room, and how much is held at most for a while after. */
  #full: { readonly atMs: number; readonly bytesMax: number } | null = null;
  /** Why the folder could not be opened, or null. The tier holds nothing then. */
  fault: { readonly code?: string } | null = null;

  /** Opens the folder, makes it where it is missing, and drops what a crash left behind. */
  constructor(o: {
    readonly dir: string;
    readonly bytesMax: number;
    /** Objects up to this are read whole. */
    readonly wholeBytesMax: number;
    readonly nowMs: () => number;
    /** Memory for bytes that wait for the disk; 16 MiB at most. */
    readonly queuedBytesMax?: number;
    readonly files?: Files;
    readonly present?: Present;
  }) {
    this.#dir = o.dir;
    this.#present = o.present;
    this.bytesMax = o.bytesMax;
    this.#wholeBytesMax = o.wholeBytesMax;
    this.#nowMs = o.nowMs;
    this.#life = `${o.nowMs().toString(36)}-${process.pid}`;
    this.#queuedBytesMax = Math.min(QUEUED_BYTES_MAX, o.queuedBytesMax ?? QUEUED_BYTES_MAX);
    this.files = o.files ?? realFiles;
    this.#removals = new Removals(this.files, o.dir);
    this.#opened = new OpenedFiles(this.files);
    this.#variants = new KnownVariants(this.files);
    this.#open();
  }

  #open(): void {
    this.fault = null;
    this.#index = new DiskIndex(this.#present);
    try {
      this.#load();
    } catch (fault) {
      this.#index = new DiskIndex(this.#present);
      this.fault = fault as { readonly code?: string };
    }
  }

  /** The index from the names there are, spread evenly over folders; what a crash left is dropped. */
  #load(): void {
    const { files } = this;
    const tmp = join(this.#dir, "tmp");
    files.removeFolder(tmp);
    files.makeFolder(tmp);
    const folders = files.names(this.#dir).filter((name) => /^[0-9a-f]{2}$/.test(name));
    for (const [i, folder] of folders.entries()) {
      const names = this.#namesIn(folder);
      this.#removals.doubt(folder);
      if (i === 0) this.#index.expect(names.length * folders.length);
      for (const name of names) {
        if (!name.startsWith(ASIDE)) this.#index.load(name);
        else files.unlink(join(this.#dir, folder, name)).catch(() => {});
      }
    }
    for (const replaced of this.#index.settle()) this.#removals.remove(replaced);
    this.#shrink(0);
  }

  /** None where somebody has put something else in the folder's place. */
  #namesIn(folder: string): readonly string[] {
    try {
      return this.files.names(join(this.#dir, folder));
    } catch (fault) {
      if (NO_FOLDER.has((fault as { readonly code?: string }).code ?? "")) return [];
      throw fault;
    }
  }

  get bytes(): number {
    return this.#index.bytes;
  }

  get count(): number {
    return this.#index.count;
  }

  /** Memory that the index takes. */
  get indexBytes(): number {
    return this.#index.memoryBytes;
  }

  has(key: string): boolean {
    return this.#index.has(hashKey(key));
  }

  /** The largest object that it takes. */
  get objectBytesMax(): number {
    return Math.floor(this.bytesMax / 4);
  }

  /** The last variant stored was of use, without being read from here. */
  use(key: string): void {
    for (const entry of this.#index.of(hashKey(key), 1)) this.#index.touch(entry);
  }

  /** The variant that answers a request with these fields; null when there is none, or no more. */
  async read(key: string, get: (name: string) => string | null): Promise<DiskObject | null> {
    const entries = this.#index.of(hashKey(key));
    for (const entry of entries) {
      const path = this.#pathOf(this.#index.nameOf(entry));
      if (entries.length > 1 && !(await this.#variants.mayAnswer(entry, path, get))) continue;
      const object = await this.#readEntry(entry, path).catch(() => null);
      if (object === null || object.meta.key !== key) {
        if (this.#index.holds(entry)) this.#forget(entry);
        continue;
      }
      // It may have been purged or replaced while it was read.
      if (this.#index.holds(entry) && variantMatches(object.meta, get)) {
        this.#index.touch(entry);
        return object;
      }
    }
    return null;
  }

  async #readEntry(entry: DiskEntry, path: string): Promise<DiskObject | null> {
    if (entry.fileBytes <= this.#wholeBytesMax) {
      const whole = decodeFile(await this.files.readWhole(path));
      return whole === null ? null : { kind: "whole", meta: whole.meta, bytes: whole.body };
    }
    const stored = this.#opened.of(entry) ?? (await this.#openEntry(entry, path));
    if (stored === null) return null;
    return {
      ...{ kind: "file", stored },
      meta: this.#index.renewed(entry) ?? stored.meta,
      spoilt: () => this.#forget(entry),
      renew: (meta) => this.#index.renew(entry, meta),
    };
  }

  /** A large object's file under a name of its own, with what its end says. */
  async #openEntry(entry: DiskEntry, path: string): Promise<StoredFile | null> {
    const own = this.tmpPath();
    await this.files.link(path, own);
    const tail = await readTail(this.files, own, entry.fileBytes).catch(() => null);
    const known = this.#opened.of(entry);
    if (tail === null || known !== null || !this.#index.holds(entry)) {
      await this.files.unlink(own).catch(() => {});
      return known;
    }
    const how = { files: this.files, fileBytes: entry.fileBytes, nowMs: this.#nowMs() };
    const stored = new StoredFile({ ...tail, ...how, path: own });
    this.#opened.add(entry, stored);
    return stored;
  }

  /** Writes an object in the background; it is in the index once it is whole on disk. */
  write(meta: ObjectMeta, bytes: Uint8Array): void {
    const table = new BlockTable();
    table.add(bytes);
    const tail = encodeTail(meta, table.finish());
    const fileBytes = bytes.byteLength + tail.byteLength;
    if (this.#stopped || this.fault !== null || fileBytes > this.objectBytesMax) return;
    const cost = fileBytes + QUEUED_OVERHEAD_BYTES;
    if (this.#queuedBytes > 0 && this.#queuedBytes + cost > this.#queuedBytesMax) return;
    this.#queuedBytes += cost;
    // Aside in the folder where it is going to be: file systems spread files by their folders.
    const folder = hashKey(meta.key).slice(0, 2);
    const tmp = join(this.#dir, folder, `${ASIDE}${++this.#sequence}`);
    this.#enqueue(meta, tmp, async (pending) => {
      try {
        if (pending.cancelled) return;
        this.#makeFolder(folder);
        const whole = new Uint8Array(fileBytes);
        whole.set(bytes, 0);
        whole.set(tail, bytes.byteLength);
        await this.files.writeWhole(tmp, whole);
        await this.#keep(meta, { tmp, fileBytes, pending });
      } finally {
        this.#queuedBytes -= cost;
      }
    });
  }

  /** Takes over a file that is whole: a large body written as it came. */
  adopt(
    meta: ObjectMeta,
    o: {
      readonly tmp: string;
      readonly fileBytes: number;
      readonly table: DataView;
      /** Whether it is on the device, once that is known: what cannot be is forgotten. */
      readonly synced: Promise<boolean>;
    },
  ): Promise<void> {
    return this.#enqueue(meta, o.tmp, async (pending) => {
      const { files } = this;
      const path = this.tmpPath();
      await files.link(o.tmp, path);
      const { table, fileBytes } = o;
      const stored = new StoredFile({ meta, table, files, path, fileBytes, nowMs: this.#nowMs() });
      const kept = await this.#keep(meta, { ...o, pending, spooled: true }).catch(() => null);
      if (kept === null) return files.unlink(path);
      this.#opened.add(kept, stored);
      void o.synced.then((done) => {
        if (done) stored.wasWrittenHere(this.#nowMs());
        else if (this.#index.holds(kept)) this.#forget(kept);
      });
    });
  }

  /** A name in the folder for files on their way. */
  tmpPath(): string {
    return join(this.#dir, "tmp", `${this.#life}-${++this.#sequence}`);
  }

  async #keep(
    meta: ObjectMeta,
    o: {
      readonly tmp: string;
      readonly fileBytes: number;
      readonly pending: PendingWrite;
      readonly spooled?: true;
    },
  ): Promise<DiskEntry | null> {
    const keyHash = hashKey(meta.key);
    const variantHash = hashKey(meta.variant).slice(0, 16);
    const sec = Math.floor(this.#nowMs() / 1000);
    const name: DiskName = {
      ...{ keyHash, variantHash, fileBytes: o.fileBytes },
      // A crash may leave both this one and what it replaces, and clocks are set back.
      storedSec: Math.max(sec, this.#index.lastStoredSec(keyHash, variantHash) + 1),
      customer: nameHash(meta.customer),
    };
    if (o.pending.cancelled || this.fault !== null) {
      await this.files.unlink(o.tmp);
      return null;
    }
    this.#shrink(o.spooled === true ? 0 : o.fileBytes);
    const file = fileName(name);
    this.#makeFolder(file.slice(0, 2));
    await this.#removals.settled(file);
    await this.files.rename(o.tmp, this.#pathOf(file));
    if (o.pending.cancelled) {
      this.#removals.remove(file);
      return null;
    }
    const replaced = this.#index.add(name);
    for (const old of replaced) this.#removals.remove(old);
    if (replaced.length > 0) this.#opened.dropUnless((entry) => this.#index.holds(entry));
    return this.#index.of(name.keyHash, 1)[0] ?? null;
  }

  /** 256 folders at most, each made once. */
  #makeFolder(name: string): void {
    if (this.#folders.has(name)) return;
    this.files.makeFolder(join(this.#dir, name));
    this.#folders.add(name);
  }

  /**
   * Removes every variant of a key; resolves when none is left on disk nor on its way there, and none
   * comes back, not even by a power loss. Throws what the file system says where that is not certain.
   */
  async remove(key: string): Promise<void> {
    // What is there and cannot be seen now may be seen after a restart.
    if (this.fault !== null) this.#open();
    if (this.fault !== null && !NO_FOLDER.has(this.fault.code ?? "")) throw this.fault;
    const hash = hashKey(key);
    for (const entry of this.#index.of(hash)) this.#forget(entry);
    await this.#pending.cancel(hash);
    await this.#removals.certain(hash);
  }

  /** Resolves when nothing waits to be written. */
  settled(): Promise<void> {
    return this.#pending.settled();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.settled();
    await this.#opened.stop();
  }

  #enqueue(
    meta: ObjectMeta,
    tmp: string,
    act: (pending: PendingWrite) => Promise<void>,
  ): Promise<void> {
    const { pending, end } = this.#pending.begin(hashKey(meta.key), meta);
    this.#queue.push(async () => {
      try {
        await act(pending);
      } catch (fault) {
        // A full or broken disk: the object is not kept, nor what there is of it.
        if ((fault as { readonly code?: string }).code === "ENOSPC") this.ranFull();
        await this.files.unlink(tmp).catch(() => {});
      }
      end();
    });
    this.#work();
    return pending.done;
  }

  #work(): void {
    while (this.#writers < WRITERS_MAX) {
      const next = this.#queue.shift();
      if (next === undefined) return;
      this.#writers++;
      void next().finally(() => {
        this.#writers--;
        this.#work();
      });
    }
  }

  /** The file system has no room: some is made, also for the node's own notes of purges. */
  ranFull(): void {
    const atMs = this.#nowMs();
    if (this.#full !== null && Math.abs(atMs - this.#full.atMs) < FULL_AGAIN_MS) return;
    this.#full = { atMs, bytesMax: Math.floor(this.#index.bytes * (1 - FULL_PART)) };
    this.#shrink(0);
  }

  #roomBytes(): number {
    if (this.#full === null) return this.bytesMax;
    const { atMs, bytesMax } = this.#full;
    return Math.abs(this.#nowMs() - atMs) > FULL_MS ? this.bytesMax : bytesMax;
  }

  #shrink(comingBytes: number): void {
    while (this.#index.bytes + this.spoolBytes + comingBytes > this.#roomBytes()) {
      const victim = this.#index.toEvict();
      if (victim === null) return;
      this.#forget(victim);
    }
  }

  #forget(entry: DiskEntry): void {
    const name = this.#index.nameOf(entry);
    this.#index.drop(entry);
    this.#opened.drop(entry);
    this.#removals.remove(name);
  }

  #pathOf(name: string): string {
    return join(this.#dir, name.slice(0, 2), name);
  }
}
