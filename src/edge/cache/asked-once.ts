/** Keys that are remembered; 4 bytes each. */
const PLACES = 262_144;

/**
 * Which keys came by lately, by their 32-bit hashes. A key may be forgotten early, when another falls
 * on its place, and a few in a million are taken for known that are not: neither does any harm where
 * it decides only whether an object is written to disk at once or at its next use.
 */
export class AskedOnce {
  readonly #places = new Uint32Array(PLACES);

  /** Notes the key; true when it was noted before. */
  note(hash: number): boolean {
    const place = hash & (PLACES - 1);
    // 0 is an empty place.
    const mark = hash === 0 ? 1 : hash;
    if (this.#places[place] === mark) return true;
    this.#places[place] = mark;
    return false;
  }
}
