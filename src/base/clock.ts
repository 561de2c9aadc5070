/** Time as an argument. Intervals come from `monoMs`, which never steps; dates from `wallMs`. */
export interface Clock {
  /** Milliseconds since the Unix epoch, UTC. May step. */
  wallMs(): number;
  /** Milliseconds since some fixed instant; never goes backwards. */
  monoMs(): number;
}

/** A clock that stands still until a test moves it. */
export class FakeClock implements Clock {
  #wall: number;
  #mono = 0;

  constructor(wallMs = 1_800_000_000_000) {
    this.#wall = wallMs;
  }

  wallMs(): number {
    return this.#wall;
  }

  monoMs(): number {
    return this.#mono;
  }

  advance(ms: number): void {
    this.#wall += ms;
    this.#mono += ms;
  }

  /** Steps the wall clock only, as an NTP correction does. */
  step(ms: number): void {
    this.#wall += ms;
  }
}
