const WRITERS_MAX = 4;

/** What is to be written, in its order and a few at a time. */
export class WriteQueue {
  readonly #waiting: (() => Promise<void>)[] = [];
  #writers = 0;
  #isHeld = false;

  /** `write` does not fail. */
  add(write: () => Promise<void>): void {
    this.#waiting.push(write);
    this.#begin();
  }

  /** Nothing is begun from here on. */
  hold(): void {
    this.#isHeld = true;
  }

  goOn(): void {
    this.#isHeld = false;
    this.#begin();
  }

  #begin(): void {
    while (this.#writers < WRITERS_MAX && !this.#isHeld) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#writers++;
      void next().finally(() => {
        this.#writers--;
        this.#begin();
      });
    }
  }
}
