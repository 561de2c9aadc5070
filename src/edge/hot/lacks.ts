const KEPT_MAX = 10_000;
const KEPT_MS = 10_000;

/** What origins said they do not have, briefly: they are asked after those that may have it. */
export class Lacks {
  readonly #until = new Map<string, number>();

  has(origin: string, path: string, monoMs: number): boolean {
    const key = `${origin} ${path}`;
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (until > monoMs) return true;
    this.#until.delete(key);
    return false;
  }

  note(origin: string, path: string, monoMs: number): void {
    const key = `${origin} ${path}`;
    this.#until.delete(key);
    if (this.#until.size >= KEPT_MAX) this.#until.delete(this.#until.keys().next().value!);
    this.#until.set(key, monoMs + KEPT_MS);
  }
}
