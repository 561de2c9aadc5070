import { assert } from "../../base/assert.ts";
import { variantMatcher } from "../../policy/caching/mod.ts";
import {
  type MakeEvictor,
  MOST_HITS,
  nameHash,
  type Present,
  S3Gdsf,
  Shares,
  Slots,
} from "./evict/mod.ts";
import { type ObjectMeta, type Stamp, VARIANTS_MAX } from "./object.ts";

/**
 * What an object costs beside body and fields: its meta, maps' entries and prebuilt headers, and what
 * the allocator rounds up. Measured as the growth of a process without compiled code over 3,000 objects
 * that were asked for over HTTP and HTTPS: 4,300 to 5,100 bytes each with a body of 10 bytes and the
 * fields, 4,700 to 6,700 with one of 1,000.
 */
const OBJECT_OVERHEAD_BYTES = 4_096;
/** What bytes in another coding cost beside themselves: headers of their own, entries of maps. */
const ENCODED_OVERHEAD_BYTES = 1_024;

/** Dropped bytes after which the runtime is told to collect; a cap of more has an eighth of it. */
const COLLECT_BYTES_LEAST = 8 * 1024 * 1024;
/** Bodies up to this go into a connection's own buffer at once. */
const SHARED_BYTES_LEAST = 16_384;

/** A body: its bytes, or the same where they are shared with responses. */
export type Content = Uint8Array<ArrayBuffer> | Blob;

function lengthOf(content: Content): number {
  return content instanceof Blob ? content.size : content.byteLength;
}

/** One object in memory. `prepared` is the deliverer's: what it builds once per object and form. */
export class MemoryObject<P = unknown> {
  readonly kind = "memory";
  readonly meta: ObjectMeta;
  readonly costBytes: number;
  #content: Uint8Array<ArrayBuffer> | Blob;
  /** False once evicted, purged or replaced: whoever remembers it must forget it then. */
  alive = true;
  readonly prepared: (P | undefined)[] = [];
  /** URLs that lead here without parsing: the deliverer's, too. */
  readonly urls: string[] = [];
  /** The same bytes in other codings, by name; null: not worth it. See `keepEncoded`. */
  encoded: Map<string, Uint8Array<ArrayBuffer> | null> | null = null;
  /** Its place in the tier's table; -1 while it is in none. */
  slot = -1;
  /** Called at its next use and then no more: what is used again is worth its place on disk. */
  onUsed: (() => void) | null = null;
  /** Null where this process alone has the node's objects. */
  stamp: Stamp | null = null;
  readonly #shares: Shares | null;

  /** `shares`: of the tier that holds it; null: it is in none. */
  constructor(meta: ObjectMeta, content: Content, shares: Shares | null = null) {
    assert(lengthOf(content) === meta.bodyBytes, "A stored body has the length its meta says");
    this.meta = meta;
    const isView = !(content instanceof Blob) && content.byteLength < content.buffer.byteLength;
    // A view into a larger buffer would hold bytes that nobody counts.
    this.#content = isView ? content.slice() : content;
    this.costBytes = costOf(meta, meta.bodyBytes);
    this.#shares = shares;
  }

  get content(): Content {
    return this.#content;
  }

  /** Of what was never delivered by `body()`: parts of larger ones. */
  get bytes(): Uint8Array<ArrayBuffer> {
    assert(
      !(this.#content instanceof Blob),
      "The bytes of a body that is shared are not asked for",
    );
    return this.#content;
  }

  /**
   * The body for a response. The runtime copies bytes for each response until its client has read them;
   * a Blob is one for all, however many and slow they are.
   */
  body(): Content {
    const content = this.#content;
    if (content instanceof Blob || content.byteLength < SHARED_BYTES_LEAST) return content;
    // Of a Blob without a type the runtime says application/octet-stream.
    if (!this.meta.fields.some(([name]) => name === "content-type")) return content;
    this.#content = new Blob([content]);
    return this.#content;
  }

  /** To be set on each hit, so that it is known to be of use. */
  set visited(_hit: true) {
    if (!this.alive || this.slot < 0) return;
    this.#shares?.find(this.slot);
    const { onUsed } = this;
    if (onUsed === null) return;
    this.onUsed = null;
    onUsed();
  }
}

function sinceSec(meta: ObjectMeta): number {
  return Math.floor(meta.receivedMs / 1000);
}

function costOf(meta: ObjectMeta, bodyBytes: number): number {
  let text = meta.key.length + meta.variant.length;
  for (const [name, value] of meta.fields) text += name.length + value.length;
  // The fields stand once as values and up to three times in prebuilt headers.
  return bodyBytes + 4 * text + OBJECT_OVERHEAD_BYTES;
}

/**
 * The memory tier: objects under a byte cap that counts all they cost, each customer's apart from the
 * others' (evict/shares). It evicts until the newcomer fits, and takes no object above an eighth of
 * the cap. A hit only counts.
 */
export class MemoryTier<P = unknown> {
  readonly bytesMax: number;
  readonly objectBytesMax: number;
  /** Told of each object that dies. */
  onDrop: (object: MemoryObject<P>) => void = () => {};
  readonly #variants = new Map<string, MemoryObject<P>[]>();
  readonly #slots = new Slots({ ranked: true });
  readonly #shares: Shares;
  #droppedBytes = 0;
  /** By slot; null where it is free. */
  readonly #objects: (MemoryObject<P> | null)[] = [];

  constructor(
    bytesMax: number,
    objectBytesMax: number,
    o: { readonly make?: MakeEvictor; readonly present?: Present } = {},
  ) {
    this.#shares = new Shares(this.#slots, o.make ?? mostHits, o.present);
    this.bytesMax = bytesMax;
    this.objectBytesMax = Math.min(objectBytesMax, Math.floor(bytesMax / 8));
  }

  get bytes(): number {
    return this.#shares.bytes;
  }

  get count(): number {
    return this.#shares.count;
  }

  /** The variant of `key` that answers a request with these fields. */
  find(key: string, get: (name: string) => string | null): MemoryObject<P> | null {
    const variants = this.#variants.get(key);
    if (variants === undefined) return null;
    const matches = variantMatcher(get);
    // The last one stored wins, also when Vary has changed since (RFC 9111 4.1).
    for (let i = variants.length - 1; i >= 0; i--) {
      const object = variants[i]!;
      if (!matches(object.meta)) continue;
      object.visited = true;
      return object;
    }
    return null;
  }

  /** How many variants of a key are held. */
  variantsOf(key: string): number {
    return this.#variants.get(key)?.length ?? 0;
  }

  /** Stores it in place of the same variant. Null when it is too large for this tier. */
  put(meta: ObjectMeta, content: Content): MemoryObject<P> | null {
    const bodyBytes = lengthOf(content);
    const before = this.#variants.get(meta.key)?.find((o) => o.meta.variant === meta.variant);
    const seen = before === undefined ? null : this.#seen(before.slot);
    if (before !== undefined) this.#drop(before);
    const others = this.#variants.get(meta.key) ?? [];
    if (others.length >= VARIANTS_MAX) this.#drop(others[0]!);
    const cost = costOf(meta, bodyBytes);
    if (bodyBytes > this.objectBytesMax || cost > this.bytesMax) return null;
    while (this.#shares.bytes + cost > this.bytesMax) this.#evict();
    const object = new MemoryObject<P>(meta, content, this.#shares);
    const slot = this.#slots.take(hashOf(meta), object.costBytes);
    object.slot = slot;
    this.#objects[slot] = object;
    this.#shares.insert(slot, nameHash(meta.customer), seen === null ? null : sinceSec(meta));
    if (seen !== null) this.#slots.hits[slot] = seen;
    const variants = this.#variants.get(meta.key);
    if (variants === undefined) this.#variants.set(meta.key, [object]);
    else variants.push(object);
    // New fields for the same bytes: what was made of them still holds.
    if (before !== undefined && before.content === object.content) {
      for (const [coding, made] of before.encoded ?? []) this.keepEncoded(object, coding, made);
    }
    return object;
  }

  /**
   * Keeps an object's bytes in another coding beside it, under the same cap and for as long as it
   * lives. Others may have to go for it, or the object itself.
   */
  keepEncoded(
    object: MemoryObject<P>,
    coding: string,
    bytes: Uint8Array<ArrayBuffer> | null,
  ): void {
    const { slot } = object;
    if (!object.alive || slot < 0 || object.encoded?.has(coding) === true) return;
    object.encoded ??= new Map();
    object.encoded.set(coding, bytes);
    if (bytes === null) return;
    const seen = this.#seen(slot);
    this.#shares.remove(slot);
    this.#slots.bytes[slot]! += bytes.byteLength + ENCODED_OVERHEAD_BYTES;
    this.#shares.insert(slot, nameHash(object.meta.customer), sinceSec(object.meta));
    this.#slots.hits[slot] = seen;
    while (this.#shares.bytes > this.bytesMax) this.#evict();
  }

  /** Somebody else who holds it, too, has used it. */
  use(key: string): void {
    for (const object of this.#variants.get(key) ?? []) object.visited = true;
  }

  /** It is held on disk alone: what it replaces goes, and of its key only what answers others stays. */
  replaced({ key, vary, variant }: Pick<ObjectMeta, "key" | "vary" | "variant">): void {
    for (const object of [...(this.#variants.get(key) ?? [])]) {
      const { meta } = object;
      const isOther = meta.variant !== variant && meta.vary.join() === vary.join();
      if (!isOther) this.#drop(object);
    }
  }

  /** Removes every variant of a key. */
  remove(key: string): number {
    const variants = this.#variants.get(key) ?? [];
    for (const object of [...variants]) this.#drop(object);
    return variants.length;
  }

  /** What an object takes over from the one that it renews. */
  #seen(slot: number): number {
    return Math.min(255, this.#slots.hits[slot]! + this.#slots.frequency[slot]!);
  }

  #evict(): void {
    const object = this.#objects[this.#shares.toEvict()];
    assert(object != null, "An object that fits the cap finds room in an empty tier");
    this.#drop(object);
  }

  /** What was dropped takes memory until the runtime looks for it, which it does late by itself. */
  #collect(droppedBytes: number): void {
    this.#droppedBytes += droppedBytes;
    if (this.#droppedBytes < Math.max(COLLECT_BYTES_LEAST, this.bytesMax / 8)) return;
    this.#droppedBytes = 0;
    Bun.gc(false);
  }

  #drop(object: MemoryObject<P>): void {
    if (!object.alive) return;
    this.#shares.remove(object.slot);
    this.#slots.release(object.slot);
    this.#objects[object.slot] = null;
    object.alive = false;
    this.#collect(object.costBytes);
    this.onDrop(object);
    const rest = this.#variants.get(object.meta.key)!.filter((other) => other !== object);
    if (rest.length === 0) this.#variants.delete(object.meta.key);
    else this.#variants.set(object.meta.key, rest);
  }
}

function mostHits(slots: Slots): S3Gdsf {
  return new S3Gdsf(slots, MOST_HITS);
}

/** What a ghost knows it by: its key and variant, FNV-1a. */
function hashOf(meta: ObjectMeta): number {
  return (nameHash(meta.key) ^ Math.imul(nameHash(meta.variant), 0x9e3779b1)) >>> 0;
}
