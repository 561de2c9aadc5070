import { promisify } from "node:util";
import { brotliCompress, constants, gzip, zstdCompress } from "node:zlib";
import type { Log } from "../base/log.ts";
import type { Coding } from "../policy/rules/mod.ts";
import type { MemoryObject, MemoryTier } from "./cache/mod.ts";

/**
 * Bodies that wait to be compressed, bytes: beyond it they wait for another request. A customer may have half
 * of what the others leave of it.
 */
const WAITING_BYTES_MAX = 16 * 1024 * 1024;
/** What saves less is not worth its memory. */
const WORTH = 0.95;

const brotli = promisify(brotliCompress);
const zstd = promisify(zstdCompress);
const gunzippable = promisify(gzip);

/** Levels at which text is small already and a core does some 20 MB a second. */
const WAYS: Readonly<Record<Coding, (bytes: Uint8Array) => Promise<Uint8Array>>> = {
  br: (bytes) =>
    brotli(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 5,
        [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.byteLength,
      },
    }),
  zstd: (bytes) => zstd(bytes),
  gzip: (bytes) => gunzippable(bytes, { level: 6 }),
};

/**
 * Compresses what is held, one body after the other, on a thread of the runtime's pool. Each object
 * once per coding: what does not get smaller is remembered as such for as long as the object lives.
 */
export class Encoder {
  readonly #memory: Pick<MemoryTier, "keepEncoded">;
  readonly #log: Log;
  readonly #waiting = new Map<MemoryObject, Map<Coding, Promise<void>>>();
  /** Bytes that wait, by customer. */
  readonly #bytes = new Map<string, number>();
  #working: Promise<void> = Promise.resolve();

  constructor(o: { readonly memory: Pick<MemoryTier, "keepEncoded">; readonly log: Log }) {
    this.#memory = o.memory;
    this.#log = o.log;
  }

  /** Resolves once it is made, or will not be; null: there is no room for it to wait in. */
  want(object: MemoryObject, coding: Coding): Promise<void> | null {
    const { bodyBytes: size, customer } = object.meta;
    const coming = this.#waiting.get(object) ?? new Map<Coding, Promise<void>>();
    const known = coming.get(coding);
    if (known !== undefined) return known;
    if (!this.#hasRoom(customer, size)) return null;
    this.#note(customer, size);
    this.#working = this.#working.then(async () => {
      await this.#encode(object, coding).catch((fault: unknown) => {
        this.#log.error("An object was not compressed; it is served as it is", { fault });
      });
      coming.delete(coding);
      if (coming.size === 0) this.#waiting.delete(object);
      this.#note(customer, -size);
    });
    this.#waiting.set(object, coming.set(coding, this.#working));
    return this.#working;
  }

  #hasRoom(customer: string, size: number): boolean {
    const own = this.#bytes.get(customer) ?? 0;
    let others = -own;
    for (const bytes of this.#bytes.values()) others += bytes;
    return own + size <= (WAITING_BYTES_MAX - others) / 2;
  }

  #note(customer: string, size: number): void {
    const bytes = (this.#bytes.get(customer) ?? 0) + size;
    if (bytes > 0) this.#bytes.set(customer, bytes);
    else this.#bytes.delete(customer);
  }

  /** Resolves when nothing waits. */
  async stop(): Promise<void> {
    await this.#working;
  }

  async #encode(object: MemoryObject, coding: Coding): Promise<void> {
    if (!object.alive || object.encoded?.has(coding) === true) return;
    const { content } = object;
    const made = await WAYS[coding](content instanceof Blob ? await content.bytes() : content);
    const worth = made.byteLength < WORTH * object.meta.bodyBytes;
    this.#memory.keepEncoded(object, coding, worth ? Uint8Array.from(made) : null);
  }
}
