/** Of what is held, so much goes when the file system has no room, and is not filled again so soon. */
const FULL_PART = 1 / 8;
const FULL_MS = 60_000;
const FULL_AGAIN_MS = 1_000;

/** Of the cap, large bodies on their way may have so much together: not all that is held is to go for them. */
const SPOOLED_PART = 1 / 2;

/** How much of a disk may be filled: the cap, and less for a while after its file system had no room. */
export class Room {
  readonly bytesMax: number;
  /** Of files that are whole, and not in the index yet. */
  comingBytes = 0;
  #reservedBytes = 0;
  #spooledBytes = 0;
  readonly #nowMs: () => number;
  #full: { readonly atMs: number; readonly bytesMax: number } | null = null;

  constructor(bytesMax: number, nowMs: () => number) {
    this.bytesMax = bytesMax;
    this.#nowMs = nowMs;
  }

  /** What the index may hold at present; below 0 where others have more than there is. */
  get heldBytesMax(): number {
    return this.#bytesMaxNow() - this.comingBytes - this.#spooledBytes;
  }

  /** Bytes of large bodies on their way. */
  get spooledBytes(): number {
    return this.#spooledBytes;
  }

  /** Whether a body on its way may have so many bytes on disk in the end, or so many more. */
  reserve(bytes: number): boolean {
    if (this.#reservedBytes + bytes > this.bytesMax * SPOOLED_PART) return false;
    this.#reservedBytes += bytes;
    return true;
  }

  /** So many of what was reserved are written: from here on they count. */
  spool(bytes: number): void {
    this.#spooledBytes += bytes;
  }

  /** A body is at its end: what was reserved for it, and what was written of it. */
  release(reservedBytes: number, spooledBytes: number): void {
    this.#reservedBytes -= reservedBytes;
    this.#spooledBytes -= spooledBytes;
  }

  /** The file system has none. False where that was said just now. */
  ranFull(heldBytes: number): boolean {
    const atMs = this.#nowMs();
    if (this.#full !== null && Math.abs(atMs - this.#full.atMs) < FULL_AGAIN_MS) return false;
    const bytes = heldBytes + this.comingBytes + this.#spooledBytes;
    this.#full = { atMs, bytesMax: Math.floor(bytes * (1 - FULL_PART)) };
    return true;
  }

  #bytesMaxNow(): number {
    if (this.#full === null) return this.bytesMax;
    const { atMs, bytesMax } = this.#full;
    return Math.abs(this.#nowMs() - atMs) > FULL_MS ? this.bytesMax : bytesMax;
  }
}
