/** Of one address, and of all; beyond it an address that has any is tried by one request at a time. */
const OF_ONE_MAX = 64;
const OF_ALL_MAX = 2_048;

/** One attempt to connect, from its beginning until the kernel is done with it. */
export interface Dialing {
  /** Nobody waits for it any more. */
  left(): void;
  /** It is connected, or refused. */
  over(): void;
}

interface Dialed {
  waiting: number;
  strays: number;
}

/**
 * Attempts to connect that were given up and cannot be called back: where nothing answers at all, the
 * kernel goes on with each for two minutes. At an address that has many of them one request tries
 * whether that has changed, and all others are told at once; else one silent address would take all
 * descriptors that the process may have.
 */
export class Strays {
  readonly #of = new Map<string, Dialed>();
  readonly #ofOneMax: number;
  readonly #ofAllMax: number;
  #all = 0;

  constructor(o: { readonly ofOne?: number; readonly ofAll?: number } = {}) {
    this.#ofOneMax = o.ofOne ?? OF_ONE_MAX;
    this.#ofAllMax = o.ofAll ?? OF_ALL_MAX;
  }

  /** Null: it is not to be tried now. */
  dial(address: string): Dialing | null {
    const dialed = this.#of.get(address) ?? { waiting: 0, strays: 0 };
    const many = dialed.strays >= this.#ofOneMax || this.#all >= this.#ofAllMax;
    if (many && dialed.strays > 0 && dialed.waiting > 0) return null;
    this.#of.set(address, dialed);
    dialed.waiting++;
    let state: "waiting" | "stray" | "over" = "waiting";
    return {
      left: () => {
        if (state !== "waiting") return;
        state = "stray";
        dialed.waiting--;
        dialed.strays++;
        this.#all++;
      },
      over: () => {
        if (state === "waiting") dialed.waiting--;
        else if (state === "stray") {
          dialed.strays--;
          this.#all--;
        }
        state = "over";
        const none = dialed.waiting === 0 && dialed.strays === 0;
        if (none && this.#of.get(address) === dialed) this.#of.delete(address);
      },
    };
  }

  get size(): number {
    return this.#of.size;
  }
}
