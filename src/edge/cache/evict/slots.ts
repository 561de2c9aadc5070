/** No slot, and the end of a list. */
export const NONE = 0xffffffff;

/**
 * What evictors know of each object, as columns: an object is a slot number. One table serves many
 * evictors (one per customer); a slot belongs to one of them at a time.
 */
export class Slots {
  /** 32 bits of the object's identity, the same when it comes back: ghosts and sketches use it. */
  hash = new Uint32Array(0);
  bytes = new Float64Array(0);
  /** Neighbours in the list that the slot is on; `newer` also chains the free ones. */
  newer = new Uint32Array(0);
  older = new Uint32Array(0);
  /** Hits that its evictor has not looked at yet, up to 255. */
  hits = new Uint8Array(0);
  /** The evictor's own mark: which of its lists. */
  mark = new Uint8Array(0);
  /** For evictors by priority: what it is worth, its place in the heap, its hits so far. */
  worth = new Float64Array(0);
  place = new Uint32Array(0);
  frequency = new Uint16Array(0);
  /** Slots that are taken. */
  inUse = 0;
  /** How many evictors share the table. */
  evictors = 1;
  readonly #ranked: boolean;
  #free = NONE;
  #used = 0;

  /** `ranked`: with the columns of evictors by priority, 14 bytes a slot. */
  constructor(o: { readonly ranked: boolean }) {
    this.#ranked = o.ranked;
  }

  /** A free slot, taken for an object of that many bytes. */
  take(hash: number, bytes: number): number {
    this.inUse++;
    let slot = this.#free;
    if (slot === NONE) {
      slot = this.#used++;
      if (slot >= this.hash.length) this.reserve(Math.max(256, Math.ceil(slot * 1.25)));
    } else {
      this.#free = this.newer[slot]!;
    }
    this.hash[slot] = hash;
    this.bytes[slot] = bytes;
    this.hits[slot] = 0;
    // Whoever renews an object counts its hits by both columns, also of what is on probation.
    this.frequency[slot] = 0;
    return slot;
  }

  /** Gives a slot back, once no evictor holds it. */
  release(slot: number): void {
    this.inUse--;
    this.newer[slot] = this.#free;
    this.#free = slot;
  }

  /** Makes room for that many slots at once. */
  reserve(count: number): void {
    this.hash = grown(this.hash, new Uint32Array(count));
    this.bytes = grown(this.bytes, new Float64Array(count));
    this.newer = grown(this.newer, new Uint32Array(count));
    this.older = grown(this.older, new Uint32Array(count));
    this.hits = grown(this.hits, new Uint8Array(count));
    this.mark = grown(this.mark, new Uint8Array(count));
    if (!this.#ranked) return;
    this.worth = grown(this.worth, new Float64Array(count));
    this.place = grown(this.place, new Uint32Array(count));
    this.frequency = grown(this.frequency, new Uint16Array(count));
  }

  /** How many evicted ones an evictor that holds `count` remembers: an equal share at least. */
  ghosts(count: number): number {
    return Math.max(count, Math.floor(this.inUse / this.evictors));
  }

  /** Bytes of memory for each slot. */
  get slotBytes(): number {
    return this.#ranked ? 36 : 22;
  }
}

interface Column {
  readonly length: number;
  set(from: never): void;
}

/** `to` with what `from` held. */
export function grown<T extends Column>(from: T, to: T): T {
  to.set(from as never);
  return to;
}
