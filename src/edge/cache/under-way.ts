/** What is done once for all who ask for it while it is under way. */
export class UnderWay<K, T> {
  readonly #all = new Map<K, Promise<T>>();

  of(key: K, begin: () => Promise<T>): Promise<T> {
    const known = this.#all.get(key);
    if (known !== undefined) return known;
    const begun = begin().finally(() => this.#all.delete(key));
    this.#all.set(key, begun);
    return begun;
  }
}
