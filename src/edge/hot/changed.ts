/**
 * Objects that unsafe requests changed, so that parents may hold what was before.
 * Bounded: once it is full, who has more than an equal part forgets its own oldest (threats T10).
 */
export class Changed {
  readonly #most: number;
  /** Customer -> key -> until when, the oldest first. */
  readonly #of = new Map<string, Map<string, number>>();
  #count = 0;

  /** @param most how many are remembered */
  constructor(most: number) {
    this.#most = most;
  }

  /** @param untilMs how long it is remembered at least, of the clock that `has` is asked by */
  note(customer: string, key: string, untilMs: number): void {
    const own = this.#of.get(customer) ?? new Map<string, number>();
    this.#of.set(customer, own);
    const before = own.get(key) ?? 0;
    if (own.delete(key)) this.#count--;
    if (this.#count >= this.#most) this.#forgetOne(customer, own);
    own.set(key, Math.max(before, untilMs));
    this.#count++;
  }

  has(customer: string, key: string, monoMs: number): boolean {
    const until = this.#of.get(customer)?.get(key);
    return until !== undefined && until > monoMs;
  }

  #forgetOne(customer: string, own: Map<string, number>): void {
    let [name, from] = [customer, own];
    if (own.size <= this.#most / this.#of.size) {
      for (const [other, keys] of this.#of) if (keys.size > from.size) [name, from] = [other, keys];
    }
    const oldest = from.keys().next().value;
    if (oldest === undefined) return;
    from.delete(oldest);
    this.#count--;
    if (from.size === 0 && name !== customer) this.#of.delete(name);
  }
}
