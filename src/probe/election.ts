/** A probe or judge not heard from for so long is taken for gone. */
const SILENT_MS = 3000;
/** How long a new probe listens before it judges: alone not at all, longer if somebody does. */
const LISTEN_MS = 1500;
const LISTEN_TO_JUDGE_MS = 3000;

/**
 * Who judges: of the probes heard from in the last 3 s, the one with the lowest name. It takes over
 * once it has listened for a while, and whoever judged goes on until it hears a lower one do so:
 * no gap, and two at once for a message's way at most.
 */
export class Election {
  readonly #self: string;
  readonly #startMs: number;
  readonly #probes = new Map<string, number>();
  readonly #judges = new Map<string, number>();
  #members: ReadonlySet<string> = new Set();
  #judging = false;

  constructor(self: string, nowMs: number) {
    this.#self = self;
    this.#startMs = nowMs;
  }

  /** The names that may judge: all nodes with role probe. */
  setMembers(members: ReadonlySet<string>): void {
    this.#members = members;
  }

  heardProbe(name: string, nowMs: number): void {
    if (this.#members.has(name)) this.#probes.set(name, nowMs);
  }

  heardJudge(name: string, nowMs: number): void {
    if (this.#members.has(name)) this.#judges.set(name, nowMs);
  }

  isJudge(nowMs: number): boolean {
    if (!this.#members.has(this.#self)) this.#judging = false;
    else if (this.#others(this.#judges, nowMs).some((name) => name < this.#self)) {
      this.#judging = false;
    } else if (!this.#judging) this.#judging = this.#lowest(nowMs) && this.#listened(nowMs);
    return this.#judging;
  }

  #lowest(nowMs: number): boolean {
    return this.#others(this.#probes, nowMs).every((name) => name > this.#self);
  }

  #listened(nowMs: number): boolean {
    const upMs = nowMs - this.#startMs;
    if (this.#members.size <= 1) return true;
    return upMs >= (this.#others(this.#judges, nowMs).length > 0 ? LISTEN_TO_JUDGE_MS : LISTEN_MS);
  }

  #others(heard: ReadonlyMap<string, number>, nowMs: number): string[] {
    const fresh = [...heard].filter(([, heardMs]) => nowMs - heardMs <= SILENT_MS);
    return fresh.map(([name]) => name).filter((n) => n !== this.#self && this.#members.has(n));
  }
}
