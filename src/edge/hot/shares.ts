/**
 * How many exchanges with web servers each customer may have at once, of those that the node can have.
 * A customer may have as many as are free beside its own (the dynamic threshold of Choudhury and Hahne,
 * 1998): one alone takes half, two a third each, and there is always room for the next (threats T10).
 */
export class Shares {
  readonly #most: number;
  readonly #own = new Map<string, number>();
  #all = 0;

  /** @param most exchanges of all customers together */
  constructor(most: number) {
    this.#most = most;
  }

  /** Takes a place, if this customer may have one more. */
  enter(customer: string): boolean {
    const own = this.#own.get(customer) ?? 0;
    if (own >= this.#most - this.#all) return false;
    this.#own.set(customer, own + 1);
    this.#all++;
    return true;
  }

  leave(customer: string): void {
    const rest = (this.#own.get(customer) ?? 1) - 1;
    if (rest === 0) this.#own.delete(customer);
    else this.#own.set(customer, rest);
    this.#all--;
  }
}
