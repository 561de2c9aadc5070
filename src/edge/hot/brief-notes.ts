/**
 * Names that count for a while. Who floods with long ones makes others be forgotten, and takes no more
 * memory than `lengthMax` characters of them all.
 */
export class BriefNotes {
  readonly #until = new Map<string, number>();
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
    // In the order in which they end.
    for (const [oldest, until] of this.#until) {
      const full = this.#until.size >= this.#most || this.#length + name.length > this.#lengthMax;
      if (!full && until > monoMs) break;
      this.forget(oldest);
    }
    this.#until.set(name, monoMs + this.#ms);
    this.#length += name.length;
  }

  forget(name: string): void {
    if (this.#until.delete(name)) this.#length -= name.length;
  }

  get size(): number {
    return this.#until.size;
  }
}
