import { join } from "node:path";
import { variantMatches } from "../../policy/caching/mod.ts";
import { BlockTable, decodeFile, encodeTail } from "./disk-format.ts";
import { type DiskEntry, DiskIndex } from "./disk-index.ts";
import { fileName, hashKey } from "./disk-name.ts";
import type { DiskObject } from "./disk-object.ts";
import type { Present } from "./evict/mod.ts";
import { codeOf, type Files, isOutOfRoom, NO_FOLDER, notNow, realFiles } from "./files.ts";
import { Folders } from "./folders.ts";
import { ASIDE, KnownFiles, type KnownFilesParts } from "./known-files.ts";
import { KnownVariants } from "./known-variants.ts";
import type { ObjectMeta } from "./object.ts";
import { type PendingWrite, PendingWrites } from "./pending-writes.ts";
import { Removals } from "./removals.ts";
import { Room } from "./room.ts";
import { OpenedFiles, readTail, StoredFile } from "./stored-file.ts";
import { UnderWay } from "./under-way.ts";
import { WriteQueue } from "./write-queue.ts";

/** Bytes that may wait for the disk at most; what comes while they do is not written. */
const QUEUED_BYTES_MAX = 16 * 1024 * 1024;
/** What a write that waits costs beside its bytes: measured as 16,000 of them in a flood. */
const QUEUED_OVERHEAD_BYTES = 6_144;

/** While so many files are being removed no more are evicted. */
const REMOVED_AT_ONCE = 4_096;

/**
 * The disk tier: one file per object, written aside and renamed, checked when read, so that a crash
 * at any moment leaves whole objects and rubbish that counts as a miss. The index is rebuilt at
 * start from file names alone: of many, one folder in each turn of the event loop and whichever is asked
 * for at once; until all are known nothing is written. Whatever fails here is a miss or an object not
 * kept, never an error; only a removal that is not certain fails, for whoever purges must know.
 */
export class DiskTier {
  readonly #dir: string;
  readonly room: Room;
  readonly #wholeBytesMax: number;
  readonly #queuedBytesMax: number;
  readonly #nowMs: () => number;
  readonly #index: DiskIndex;
  readonly #known: KnownFiles;
  readonly #removals: Removals;
  readonly #opened: OpenedFiles;
  readonly #variants: KnownVariants;
  readonly files: Files;
  readonly #pending = new PendingWrites();
  readonly #folders: Folders;
  /** By the entry's serial. */
  readonly #reads = new UnderWay<number, DiskObject | null | undefined>();
  readonly #queue = new WriteQueue();
  #queuedBytes = 0;
  #sequence = 0;
  /** Processes that know a file by its name may outlive this one: no name ever comes again. */
  readonly #life: string;
  #stopped = false;

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
    readonly reading?: Pick<KnownFilesParts, "namesAtOnce" | "onFault">;
  }) {
    this.#dir = o.dir;
    this.#index = new DiskIndex(o.present);
    this.room = new Room(o.bytesMax, o.nowMs);
    this.#wholeBytesMax = o.wholeBytesMax;
    this.#nowMs = o.nowMs;
    this.#life = `${o.nowMs().toString(36)}-${process.pid}`;
    this.#queuedBytesMax = Math.min(QUEUED_BYTES_MAX, o.queuedBytesMax ?? QUEUED_BYTES_MAX);
    this.files = o.files ?? realFiles;
    this.#folders = new Folders(o.dir, this.files);
    this.#removals = new Removals(this.files, o.dir);
    this.#opened = new OpenedFiles(this.files);
    this.#variants = new KnownVariants(this.files);
    this.#known = new KnownFiles({
      ...{ dir: o.dir, files: this.files, index: this.#index, removals: this.#removals },
      settle: () => this.#evict(),
      onEnd: () => {
        this.#opened.dropUnless((entry) => this.#index.holds(entry));
        this.#queue.goOn();
      },
      ...o.reading,
    });
    this.#open();
  }

  #open(): void {
    this.#queue.hold();
    this.#known.open();
  }

  /** Whether a start has still to read what there is: `bytes` and `count` grow by themselves then. */
  get isReading(): boolean {
    return this.#known.isReading;
  }

  /** Why the folder could not be read, or null. The tier holds nothing then. */
  get fault(): { readonly code?: string } | null {
    return this.#known.fault;
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
    const hash = hashKey(key);
    this.#known.know(hash);
    return this.#index.has(hash);
  }

  /** The largest object that it takes. */
  get objectBytesMax(): number {
    return Math.floor(this.room.bytesMax / 4);
  }

  /** The last variant stored was of use, without being read from here. */
  use(key: string): void {
    for (const entry of this.#index.of(hashKey(key), 1)) this.#index.touch(entry);
  }

  /** The variant that answers a request with these fields; null when there is none, or no more. */
  async read(key: string, get: (name: string) => string | null): Promise<DiskObject | null> {
    const hash = hashKey(key);
    this.#known.know(hash);
    const entries = this.#index.of(hash);
    for (const entry of entries) {
      const path = this.#pathOf(this.#index.nameOf(entry));
      if (entries.length > 1 && !(await this.#variants.mayAnswer(entry, path, get))) continue;
      const begin = () => this.#readEntry(entry, path).catch(notNow);
      const object = await this.#reads.of(entry.serial, begin);
      if (object === undefined) continue;
      if (object === null || object.meta.key !== key) {
        this.#forget(entry);
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

  /** Null where it is not what was written, undefined where that cannot be told now. */
  async #readEntry(entry: DiskEntry, path: string): Promise<DiskObject | null | undefined> {
    if (entry.fileBytes <= this.#wholeBytesMax) {
      const whole = decodeFile(await this.files.readWhole(path));
      return whole === null ? null : { kind: "whole", meta: whole.meta, bytes: whole.body };
    }
    const stored = this.#opened.of(entry) ?? (await this.#openEntry(entry, path));
    if (stored == null) return stored;
    return {
      ...{ kind: "file", stored },
      meta: this.#index.renewed(entry) ?? stored.meta,
      spoilt: () => this.#forget(entry),
      renew: (meta) => this.#index.renew(entry, meta),
    };
  }

  /** A large object's file under a name of its own, with what its end says. */
  async #openEntry(entry: DiskEntry, path: string): Promise<StoredFile | null | undefined> {
    const own = this.tmpPath();
    await this.files.link(path, own);
    const tail = await readTail(this.files, own, entry.fileBytes).catch(notNow);
    const known = this.#opened.of(entry);
    if (tail == null || known !== null || !this.#index.holds(entry)) {
      await this.files.unlink(own).catch(() => {});
      return known ?? (tail === undefined ? tail : null);
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
    if (this.#stopped || this.fault !== null) return;
    const cost = fileBytes + QUEUED_OVERHEAD_BYTES;
    const isBusy = this.#queuedBytes > 0 && this.#queuedBytes + cost > this.#queuedBytesMax;
    if (isBusy || fileBytes > this.objectBytesMax) {
      this.#pending.supersede(hashKey(meta.key), meta);
      this.#forgetOlder(meta);
      return;
    }
    this.#queuedBytes += cost;
    // Aside in the folder where it is going to be: file systems spread files by their folders.
    const folder = hashKey(meta.key).slice(0, 2);
    const tmp = join(this.#dir, folder, `${ASIDE}${this.#life}-${++this.#sequence}`);
    this.#enqueue(meta, tmp, async (pending) => {
      try {
        if (pending.cancelled) return;
        this.#folders.make(folder);
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
      const path = this.tmpPath();
      await this.files.link(o.tmp, path);
      const of = { meta, table: o.table, fileBytes: o.fileBytes, path, nowMs: this.#nowMs() };
      const stored = new StoredFile({ ...of, files: this.files });
      const kept = await this.#keep(meta, { ...o, pending, spooled: true }).catch(() => null);
      // It may have been purged since.
      if (kept === null || !this.#index.holds(kept)) return this.files.unlink(path);
      this.#opened.add(kept, stored);
      void o.synced.then((done) => {
        if (done) stored.wasWrittenHere(this.#nowMs());
        else this.#forget(kept);
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
    // A spool's count as its own until it is at its end.
    const comingBytes = o.spooled === true ? 0 : o.fileBytes;
    this.room.comingBytes += comingBytes;
    try {
      const nowSec = Math.floor(this.#nowMs() / 1000);
      const name = this.#index.nameFor(meta, { fileBytes: o.fileBytes, nowSec });
      if (o.pending.cancelled || this.fault !== null || !this.#evict()) {
        if (!o.pending.cancelled) this.#forgetOlder(meta);
        await this.files.unlink(o.tmp);
        return null;
      }
      const file = fileName(name);
      this.#folders.make(file.slice(0, 2));
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
    } finally {
      this.room.comingBytes -= comingBytes;
    }
  }

  /** A newer one could not be kept: this variant is not to be found in its place. */
  #forgetOlder(meta: ObjectMeta): void {
    this.#known.know(hashKey(meta.key));
    const older = this.#index.variantOf(meta);
    if (older !== null) this.#forget(older);
  }

  /**
   * Removes every variant of a key; resolves when none is left on disk nor on its way there, and none
   * comes back, not even by a power loss. Throws what the file system says where that is not certain.
   */
  async remove(key: string): Promise<void> {
    // What is there and cannot be seen now may be seen after a restart.
    if (this.fault !== null) this.#open();
    const hash = hashKey(key);
    this.#known.know(hash);
    if (this.fault !== null && !NO_FOLDER.has(this.fault.code ?? "")) throw this.fault;
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
    this.#known.stop();
    await this.settled();
    await this.#opened.stop();
  }

  #enqueue(
    meta: ObjectMeta,
    tmp: string,
    act: (pending: PendingWrite) => Promise<void>,
  ): Promise<void> {
    const hash = hashKey(meta.key);
    const { pending, end } = this.#pending.begin(hash, meta);
    this.#queue.add(async () => {
      // Before there is a file aside, which would be taken for one that a crash left.
      this.#known.know(hash);
      try {
        await act(pending);
      } catch (fault) {
        // A full or broken disk: the object is not kept, nor what there is of it.
        if (isOutOfRoom(fault)) this.ranFull();
        if (codeOf(fault) === "ENOENT") this.#folders.makeAgain();
        if (!pending.cancelled) this.#forgetOlder(meta);
        await this.files.unlink(tmp).catch(() => {});
      }
      end();
    });
    return pending.done;
  }

  /** The file system has no room: some is made, also for the node's own notes of purges. */
  ranFull(): void {
    // How much is held is not known before.
    if (this.isReading || !this.room.ranFull(this.bytes)) return;
    this.#makeRoom();
  }

  #makeRoom(): void {
    if (!this.#evict()) setTimeout(() => this.#makeRoom(), 1);
  }

  /** A body on its way has so many bytes more on disk: what is held gives way to them. */
  spool(bytes: number): void {
    this.room.spool(bytes);
    if (!this.isReading) this.#evict();
  }

  /** What is held beyond the room that there is goes. False where that is more than may go at once. */
  #evict(): boolean {
    while (this.bytes > this.room.heldBytesMax) {
      if (this.#removals.count >= REMOVED_AT_ONCE) return false;
      const victim = this.#index.toEvict();
      if (victim === null) return true;
      this.#forget(victim);
    }
    return true;
  }

  #forget(entry: DiskEntry): void {
    if (!this.#index.holds(entry)) return;
    const name = this.#index.nameOf(entry);
    this.#index.drop(entry);
    this.#opened.drop(entry);
    this.#removals.remove(name);
  }

  #pathOf(name: string): string {
    return join(this.#dir, name.slice(0, 2), name);
  }
}
