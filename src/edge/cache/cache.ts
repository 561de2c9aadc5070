import { AskedOnce } from "./asked-once.ts";
import { DiskTier } from "./disk.ts";
import type { DiskObject } from "./disk-object.ts";
import { nameHash, Present } from "./evict/mod.ts";
import { type Files, realFiles } from "./files.ts";
import type { KnownFilesParts } from "./known-files.ts";
import { type Content, type MemoryObject, MemoryTier } from "./memory.ts";
import type { ObjectMeta } from "./object.ts";
import { Spool } from "./spool.ts";

type Get = (name: string) => string | null;

/** Both tiers as one. `P` is what the deliverer prepares once per object. */
export class Cache<P = unknown> {
  readonly memory: MemoryTier<P>;
  readonly disk: DiskTier;
  /** What customers who are no more have left goes before anybody else's. */
  readonly present = new Present();
  /** Goes up with each purge: whoever reads across an await looks whether it did. */
  purges = 0;
  /** Told of each key once nothing of it is held any more. */
  onPurged: (key: string) => void = () => {};
  readonly #asked = new AskedOnce();

  constructor(o: {
    readonly dir: string;
    readonly memoryBytesMax: number;
    readonly diskBytesMax: number;
    readonly wholeBytesMax: number;
    readonly nowMs: () => number;
    readonly files?: Files;
    /** How what is on disk is read at start. */
    readonly reading?: Pick<KnownFilesParts, "namesAtOnce" | "onFault">;
  }) {
    const { present } = this;
    this.memory = new MemoryTier(o.memoryBytesMax, o.wholeBytesMax, { present });
    this.disk = new DiskTier({
      dir: o.dir,
      bytesMax: o.diskBytesMax,
      wholeBytesMax: o.wholeBytesMax,
      nowMs: o.nowMs,
      queuedBytesMax: Math.floor(o.memoryBytesMax / 8),
      files: o.files ?? realFiles,
      present,
      ...(o.reading === undefined ? {} : { reading: o.reading }),
    });
  }

  /** The variant in memory that answers; no IO. */
  find(key: string, get: Get): MemoryObject<P> | null {
    return this.memory.find(key, get);
  }

  /** Whether looking on disk can help. */
  mayHoldOnDisk(key: string): boolean {
    return this.disk.has(key);
  }

  /** The variant on disk that answers; a small one comes into memory. */
  async load(key: string, get: Get): Promise<DiskObject | MemoryObject<P> | null> {
    const purges = this.purges;
    const object = await this.disk.read(key, get);
    if (object === null) return null;
    // Any purge since may have been of this key: what was read is not kept, and not served either.
    if (purges !== this.purges && !this.disk.has(key)) return null;
    if (object.kind === "file") return object;
    return this.memory.find(key, get) ?? this.memory.put(object.meta, object.bytes) ?? object;
  }

  /** Stores a whole object in both tiers. Null when memory does not take it. */
  put(meta: ObjectMeta, bytes: Uint8Array<ArrayBuffer>): MemoryObject<P> | null {
    this.disk.write(meta, bytes);
    return this.memory.put(meta, bytes);
  }

  /**
   * Stores a whole object in memory, and on disk once it is of use again (docs/decisions/0026): at its
   * next hit, or at once where its key was asked for before, is on disk already, or memory has no room.
   */
  admit(meta: ObjectMeta, bytes: Uint8Array<ArrayBuffer>): MemoryObject<P> | null {
    const object = this.memory.put(meta, bytes);
    const asked = this.#asked.note(nameHash(meta.key));
    if (object === null || asked || this.disk.has(meta.key)) this.disk.write(meta, bytes);
    else object.onUsed = () => this.#write(meta, object.content);
    return object;
  }

  /** Stores what is held again with a meta that was renewed. Null when memory does not take it. */
  renew(meta: ObjectMeta, content: Content): MemoryObject<P> | null {
    const object = this.memory.put(meta, content);
    this.#write(meta, content);
    return object;
  }

  #write(meta: ObjectMeta, content: Content): void {
    if (!(content instanceof Blob)) {
      this.disk.write(meta, content);
      return;
    }
    const { purges } = this;
    content.bytes().then(
      (bytes) => {
        // Any purge since may have been of this key.
        if (purges === this.purges) this.disk.write(meta, bytes);
      },
      () => {},
    );
  }

  /** `bodyBytes`: how long it says that it is. */
  spool(storeBytesMax: number, bodyBytes?: number): Spool {
    // Memory is looked at first: what it has of the same would be found stale each time.
    const onStored = (meta: ObjectMeta) => this.memory.replaced(meta);
    return new Spool(this.disk, storeBytesMax, { bodyBytes, onStored });
  }

  /** Removes all variants of a key from both tiers; resolves when the disk holds none. */
  async purge(key: string): Promise<void> {
    this.purges++;
    this.memory.remove(key);
    await this.disk.remove(key);
    this.onPurged(key);
  }

  /** A worker of this node has used what it holds of this key (edge/workers). */
  used(key: string): void {
    this.memory.use(key);
    this.disk.use(key);
  }

  stop(): Promise<void> {
    return this.disk.stop();
  }
}
