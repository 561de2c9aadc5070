/** What one owner has, the oldest first, and how many characters that is. */
interface Own {
  readonly names: Set<string>;
  length: number;
}

/**
 * Names that count for a while; the first word of each says whose it is. There are at most so many, of
 * `lengthMax` characters together: beyond it those go of the owner who has the most, so that who floods makes
 * nobody else's be forgotten.
 */
export class BriefNotes {
  /** In the order in which they end. */
  readonly #until = new Map<string, number>();
  readonly #owners = new Map<string, Own>();
  readonly #ms: number;
  readonly #most: number;
  readonly #lengthMax: number;
  #length = 0;

  constructor(o: { readonly ms: number; readonly most: number; readonly lengthMax: number }) {
    this.#ms = o.ms;
    this.#most = o.most;
    this.#lengthMax = o.lengthMax;
  }

  has(name: string, monoMs: number): boolean {
    const until = this.#until.get(name);
    if (until === undefined) return false;
    if (until > monoMs) return true;
    this.forget(name);
    return false;
  }

  note(name: string, monoMs: number): void {
    this.forget(name);
    if (name.length > this.#lengthMax) return;
    for (const [oldest, until] of this.#until) {
      if (until > monoMs) break;
      this.forget(oldest);
    }
    const owner = ownerOf(name);
    const isFull = () =>
      this.#until.size >= this.#most || this.#length + name.length > this.#lengthMax;
    while (isFull()) this.#forgetOne(owner);
    const own = this.#owners.get(owner) ?? { names: new Set(), length: 0 };
    this.#owners.set(owner, own);
    own.names.add(name);
    own.length += name.length;
    this.#until.set(name, monoMs + this.#ms);
    this.#length += name.length;
  }

  forget(name: string): void {
    if (!this.#until.delete(name)) return;
    this.#length -= name.length;
    const owner = ownerOf(name);
    const own = this.#owners.get(owner)!;
    own.names.delete(name);
    own.length -= name.length;
    if (own.names.size === 0) this.#owners.delete(owner);
  }

  /** Who has more than its part gives way by itself: nobody has to look for who has the most. */
  #forgetOne(owner: string): void {
    let fullest = this.#owners.get(owner);
    let part = fullest === undefined ? 0 : this.#partOf(fullest);
    if (part * this.#owners.size <= 1) {
      for (const one of this.#owners.values()) {
        if (this.#partOf(one) > part) [fullest, part] = [one, this.#partOf(one)];
      }
    }
    const oldest = fullest?.names.values().next().value;
    if (oldest !== undefined) this.forget(oldest);
  }

  /** Of all the room: 1 is the whole of it. */
  #partOf({ names, length }: Own): number {
    return Math.max(names.size / this.#most, length / this.#lengthMax);
  }

  get size(): number {
    return this.#until.size;
  }
}

function ownerOf(name: string): string {
  const space = name.indexOf(" ");
  return space < 0 ? name : name.slice(0, space);
}
