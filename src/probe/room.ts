/** Checks under way at once, and how few there may be made of them. */
const MOST = 512;
const LEAST = 16;
/** Turns that come later than this on the average make a check of several turns time out. */
const LAG_MS = 80;
const LAG_SHARE = 0.05;
const JUDGE_MS = 100;
const FEWER = 0.8;
const MORE = 1.1;

/**
 * How many checks are under way at once. A probe that gets less of its machine than its checks need
 * would have them all open and all late, and call servers dead that are well. So where its own turns
 * come late it has fewer under way, each of them in time; the others wait before they begin, and a
 * wait is held against nobody.
 */
export class Room {
  #limit = MOST;
  #inside = 0;
  #lagMs = 0;
  #judgedMs = Number.NEGATIVE_INFINITY;
  readonly #waiting: (() => void)[] = [];

  get limit(): number {
    return this.#limit;
  }

  /** Begins now, or when its turn has come; whoever began leaves once. */
  enter(begin: () => void): void {
    if (this.#inside >= this.#limit) {
      this.#waiting.push(begin);
      return;
    }
    this.#inside++;
    begin();
  }

  /** Enters if there is room now and nobody waits for it. */
  tryEnter(): boolean {
    if (this.#inside >= this.#limit || this.#waiting.length > 0) return false;
    this.#inside++;
    return true;
  }

  leave(): void {
    this.#inside--;
    this.#letIn();
  }

  /** A timer of ours came so many ms after it was due. */
  late(lateMs: number, nowMs: number): void {
    this.#lagMs += LAG_SHARE * (Math.max(0, lateMs) - this.#lagMs);
    if (nowMs - this.#judgedMs < JUDGE_MS) return;
    this.#judgedMs = nowMs;
    // From what is under way, not from a limit that nothing has come near to.
    const fewer = Math.max(LEAST, Math.floor(Math.min(this.#limit, this.#inside) * FEWER));
    const more = Math.min(MOST, Math.ceil(this.#limit * MORE));
    this.#limit = this.#lagMs > LAG_MS ? Math.min(this.#limit, fewer) : more;
    this.#letIn();
  }

  #letIn(): void {
    while (this.#inside < this.#limit) {
      const begin = this.#waiting.shift();
      if (begin === undefined) return;
      this.#inside++;
      begin();
    }
  }
}
