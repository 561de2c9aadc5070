const WAYS = 4;

/**
 * Remembers who was evicted last: hashes in buckets of four, each with the turn in which it came.
 * What is older than `memory` evictions counts as forgotten; nothing is searched or freed for that.
 */
export class Ghost {
  #hash = new Uint32Array(64);
  #turn = new Uint32Array(64);
  #now = 1;

  get ownBytes(): number {
    return this.#hash.byteLength * 2;
  }

  /** `memory`: how many of the last ones are to be known. */
  add(hash: number, memory: number): void {
    if (memory > this.#hash.length) this.#grow(memory);
    this.#now++;
    this.#put(hash, this.#now);
  }

  /** Whether it was among the last `memory`; it is forgotten with that. */
  takeBack(hash: number, memory: number): boolean {
    const first = this.#bucket(hash);
    for (let at = first; at < first + WAYS; at++) {
      const turn = this.#turn[at]!;
      if (this.#hash[at] !== hash || turn === 0) continue;
      this.#turn[at] = 0;
      return this.#now - turn < memory;
    }
    return false;
  }

  #bucket(hash: number): number {
    return (Math.imul(hash, 0x9e3779b1) >>> 0) & (this.#hash.length - WAYS);
  }

  #put(hash: number, turn: number): void {
    const first = this.#bucket(hash);
    let oldest = first;
    for (let at = first; at < first + WAYS; at++) {
      if (this.#hash[at] === hash) {
        oldest = at;
        break;
      }
      if (this.#turn[at]! < this.#turn[oldest]!) oldest = at;
    }
    this.#hash[oldest] = hash;
    this.#turn[oldest] = turn;
  }

  #grow(memory: number): void {
    const hashes = this.#hash;
    const turns = this.#turn;
    let size = hashes.length;
    while (size < memory) size *= 2;
    this.#hash = new Uint32Array(size);
    this.#turn = new Uint32Array(size);
    for (const [at, turn] of turns.entries()) if (turn !== 0) this.#put(hashes[at]!, turn);
  }
}
