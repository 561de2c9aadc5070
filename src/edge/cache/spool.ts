import { assert } from "../../base/assert.ts";
import type { DiskTier } from "./disk.ts";
import { BlockTable, encodeTail } from "./disk-format.ts";
import { isOutOfRoom, type OpenFile } from "./files.ts";
import type { ObjectMeta } from "./object.ts";

/** How far the origin may run ahead of the clients: what bounds the fetch of what nobody reads. */
const AHEAD_BYTES_MAX = 1024 * 1024;
const READ_BYTES = 262_144;

type Source = ReadableStreamDefaultReader<Uint8Array>;

interface Reader {
  at: number;
  /** Position after its last byte; null reads to the end. */
  readonly end: number | null;
}

/**
 * A large body on its way: written to a file as it comes, while any number of clients read behind.
 *
 *   state      file   readers may join   the source waits for
 *   filing     grows  yes                the fastest reader (1 MiB ahead of it at most)
 *   passing    ends   no                 the slowest: what the disk did not take is held in memory
 *   done       whole  yes                -
 *   failed     -      no                 -
 *
 * It passes when the disk refuses, when the body outgrows what may be stored, or when others on their
 * way have all the room that is for such: clients still get all of it. With no reader left it lets go
 * of the source; what came so far is thrown away.
 */
export class Spool {
  readonly #disk: DiskTier;
  readonly #path: string;
  readonly #storeBytesMax: number;
  readonly #onStored: (meta: ObjectMeta) => void;
  readonly #table = new BlockTable();
  readonly #readers = new Set<Reader>();
  #file: OpenFile | null = null;
  #filing = true;
  readonly #bodyBytes: number;
  #reservedBytes = 0;
  #fileBytes = 0;
  #held: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  #bytes = 0;
  #state: "open" | "done" | "failed" = "open";
  #waiting: (() => void)[] = [];
  #synced: Promise<boolean> | null = null;
  #closed = false;
  readonly #landed = Promise.withResolvers<void>();
  /** Cleared by a purge: it is delivered and then not stored. */
  keep = true;

  constructor(
    disk: DiskTier,
    storeBytesMax: number,
    o: {
      /** How long it says that it is; the room for it is its own from the start. */
      readonly bodyBytes?: number | undefined;
      /** Told once it is found on disk. */
      readonly onStored?: (meta: ObjectMeta) => void;
    } = {},
  ) {
    this.#disk = disk;
    this.#onStored = o.onStored ?? (() => {});
    this.#bodyBytes = o.bodyBytes ?? 0;
    this.#path = disk.tmpPath();
    this.#storeBytesMax = Math.min(storeBytesMax, disk.objectBytesMax);
  }

  /** A part may be read once the source is expected there: asking for the end fetches no gigabyte. */
  mayStartAt(position: number): boolean {
    return position <= this.#bytes + AHEAD_BYTES_MAX;
  }

  /** Whether anybody wants it at present. */
  get isRead(): boolean {
    return this.#readers.size > 0;
  }

  get canJoin(): boolean {
    return this.#state !== "failed" && this.#filing && !this.#closed;
  }

  /** Resolves when it is found on disk from now on, or will not be: nobody needs to join it then. */
  get landed(): Promise<void> {
    return this.#landed.promise;
  }

  /**
   * Moves the body; resolves when it is at its end or given up, never throws. `finish` is asked for
   * the meta once all is there. Readers are opened before: without one it lets go at once.
   */
  async run(
    source: Source,
    first: readonly Uint8Array[],
    finish: (bodyBytes: number) => ObjectMeta | null,
  ): Promise<void> {
    try {
      if (this.#readers.size === 0) throw new Error("Nobody reads");
      this.#file = await this.#disk.files.open(this.#path, "w+").catch(() => null);
      const bytes = Math.min(this.#bodyBytes, this.#storeBytesMax);
      if (this.#file === null || this.#storeBytesMax === 0 || !this.#reserve(bytes)) {
        this.#filing = false;
      }
      for (const chunk of first) await this.#take(chunk);
      while (await this.#room()) {
        const { done, value } = await source.read();
        if (done) break;
        await this.#take(value);
      }
      if (this.#readers.size === 0) throw new Error("Nobody reads");
      const meta = this.keep && this.#filing ? finish(this.#bytes) : null;
      this.#state = "done";
      this.#wake();
      if (meta !== null) await this.#store(meta);
    } catch (fault) {
      if (this.#state === "open") this.#state = "failed";
      source.cancel(fault).catch(() => {});
    }
    this.#landed.resolve();
    this.#wake();
    this.#disk.room.release(this.#reservedBytes, this.#fileBytes);
    await this.#closeWhenUnread();
  }

  async #take(chunk: Uint8Array): Promise<void> {
    const at = this.#bytes;
    this.#filing &&= this.#reserve(at + chunk.byteLength);
    if (this.#filing) {
      try {
        this.#disk.spool(chunk.byteLength);
        const { bytesWritten } = await this.#file!.write(chunk, 0, chunk.byteLength, at);
        // A disk that is nearly full takes a part, and says no error.
        if (bytesWritten !== chunk.byteLength) throw Object.assign(new Error(), { code: "ENOSPC" });
        this.#table.add(chunk);
        this.#fileBytes += chunk.byteLength;
      } catch (fault) {
        this.#filing = false;
        this.#disk.room.release(0, chunk.byteLength);
        if (isOutOfRoom(fault)) this.#disk.ranFull();
      }
    }
    if (!this.#filing) this.#held.push({ at, bytes: chunk });
    this.#bytes += chunk.byteLength;
    this.#wake();
  }

  /** Whether so many bytes of it may be on disk. */
  #reserve(bytes: number): boolean {
    if (bytes > this.#storeBytesMax) return false;
    const more = bytes - this.#reservedBytes;
    if (more > 0 && !this.#disk.room.reserve(more)) return false;
    this.#reservedBytes = Math.max(this.#reservedBytes, bytes);
    return true;
  }

  /** Waits until the source may go on. False when nobody reads any more. */
  async #room(): Promise<boolean> {
    for (;;) {
      if (this.#readers.size === 0) return false;
      const places = [...this.#readers].map((reader) => reader.at);
      const slowest = Math.min(...places);
      this.#held = this.#held.filter((held) => held.at + held.bytes.byteLength > slowest);
      const behind = this.#filing ? Math.max(...places) : slowest;
      if (this.#bytes - behind < AHEAD_BYTES_MAX) return true;
      await this.#change();
    }
  }

  async #store(meta: ObjectMeta): Promise<void> {
    const table = this.#table.finish();
    const tail = encodeTail(meta, table);
    const { bytesWritten } = await this.#file!.write(tail, 0, tail.byteLength, this.#fileBytes);
    if (bytesWritten !== tail.byteLength) return;
    if (!this.keep) return;
    const synced = this.#file!.sync().then(
      () => true,
      () => false,
    );
    const fileBytes = this.#fileBytes + tail.byteLength;
    const view = new DataView(table.buffer, table.byteOffset, table.byteLength);
    await this.#disk.adopt(meta, { tmp: this.#path, fileBytes, table: view, synced });
    if (this.#disk.has(meta.key)) this.#onStored(meta);
    // The file is closed after this.
    this.#synced = synced;
  }

  async #closeWhenUnread(): Promise<void> {
    await this.#synced;
    while (this.#readers.size > 0) await this.#change();
    // Nobody joins from here on: there is nothing to read from any more.
    this.#closed = true;
    this.#held = [];
    await this.#file?.close().catch(() => {});
    // Once stored it has another name, and this finds nothing.
    await this.#disk.files.unlink(this.#path).catch(() => {});
  }

  /**
   * A client's view of the body, or of a part of it. `count` hears of each chunk handed over, `over` of
   * the end.
   */
  read(
    part: { readonly first: number; readonly last: number } | null,
    count: (bytes: number) => void,
    over: () => void = () => {},
  ): ReadableStream<Uint8Array> {
    const reader: Reader = { at: part?.first ?? 0, end: part === null ? null : part.last + 1 };
    this.#readers.add(reader);
    const leave = () => {
      this.#readers.delete(reader);
      this.#wake();
    };
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          const chunk = await this.#next(reader).catch((fault: unknown) => {
            leave();
            throw fault;
          });
          if (chunk === null) {
            leave();
            over();
            controller.close();
            return;
          }
          reader.at += chunk.byteLength;
          this.#wake();
          count(chunk.byteLength);
          controller.enqueue(chunk);
          if (reader.at === reader.end) {
            leave();
            over();
            controller.close();
          }
        },
        cancel: leave,
      },
      { highWaterMark: 0 },
    );
  }

  async #next(reader: Reader): Promise<Uint8Array | null> {
    while (reader.at >= this.#bytes) {
      if (this.#state === "done") return null;
      if (this.#state === "failed") throw new Error("The origin ended before its body did");
      await this.#change();
    }
    const end = Math.min(reader.end ?? Number.POSITIVE_INFINITY, this.#bytes);
    if (reader.at < this.#fileBytes) {
      const room = Math.min(READ_BYTES, end - reader.at, this.#fileBytes - reader.at);
      const chunk = new Uint8Array(room);
      const { bytesRead } = await this.#file!.read(chunk, 0, room, reader.at);
      assert(bytesRead > 0, "What was written can be read");
      return chunk.subarray(0, bytesRead);
    }
    const held = this.#held.find((h) => h.at <= reader.at && reader.at < h.at + h.bytes.byteLength);
    assert(held !== undefined, "What the disk did not take is held until the slowest has read it");
    return held.bytes.subarray(reader.at - held.at, Math.min(held.bytes.byteLength, end - held.at));
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
