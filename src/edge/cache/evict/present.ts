import { nameHash } from "./name-hash.ts";

/** Which customers there are, for all tiers of a cache. Until it is told, all that are held. */
export class Present {
  #hashes: ReadonlySet<number> | null = null;
  #version = 0;

  set(customers: Iterable<string>): void {
    this.#hashes = new Set(Array.from(customers, nameHash));
    this.#version++;
  }

  has(customer: number): boolean {
    return this.#hashes === null || this.#hashes.has(customer);
  }

  /** Another one whenever it was told anew. */
  get version(): number {
    return this.#version;
  }
}
