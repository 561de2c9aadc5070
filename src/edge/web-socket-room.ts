/** One that holds bytes which somebody is yet to take. */
export interface RoomHolder {
  readonly customer: string;
  /** At this moment. */
  readonly heldBytes: number;
  /** Ends at once; what it holds is nobody's any more. */
  drop(): void;
}

/**
 * Room for what waits in WebSockets, of all customers: parts of messages whose end is yet to come, and messages for
 * who does not read. Each may hold so much that all of them together are more than a node has; beyond the
 * bound those go that hold the most, of the customer who has the most.
 */
export class WebSocketRoom {
  readonly #bytesMax: number;
  readonly #noted = new Map<RoomHolder, number>();
  #sum = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** To be called whenever it may hold more than before. */
  note(holder: RoomHolder): void {
    this.#take(holder, holder.heldBytes);
    if (this.#sum > this.#bytesMax) this.#makeRoom();
  }

  leave(holder: RoomHolder): void {
    this.#sum -= this.#noted.get(holder) ?? 0;
    this.#noted.delete(holder);
  }

  #take(holder: RoomHolder, bytes: number): void {
    this.#sum += bytes - (this.#noted.get(holder) ?? 0);
    this.#noted.set(holder, bytes);
  }

  #makeRoom(): void {
    // What was taken meanwhile nobody has told.
    for (const holder of [...this.#noted.keys()]) this.#take(holder, holder.heldBytes);
    while (this.#sum > this.#bytesMax) {
      const holder = this.#fullest();
      if (holder === null) return;
      this.leave(holder);
      holder.drop();
    }
  }

  #fullest(): RoomHolder | null {
    const sums = new Map<string, number>();
    for (const [{ customer }, bytes] of this.#noted) {
      sums.set(customer, (sums.get(customer) ?? 0) + bytes);
    }
    let [heaviest, most] = ["", 0];
    for (const [customer, sum] of sums) if (sum > most) [heaviest, most] = [customer, sum];
    let found: RoomHolder | null = null;
    let fullest = 0;
    for (const [holder, bytes] of this.#noted) {
      if (holder.customer === heaviest && bytes > fullest) [found, fullest] = [holder, bytes];
    }
    return found;
  }
}
