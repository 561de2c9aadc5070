/** A probe not heard from for three of its beats (`LEAST_EVERY_MS` of the outbox) is gone. */
const SILENT_MS = 1000;
/** Whoever judged within this goes on doing so, as long as it is heard of at all. */
const JUDGED_MS = 3000;
/** How long a new probe listens before it judges: alone not at all, longer if somebody does. */
const LISTEN_MS = 1500;
const LISTEN_TO_JUDGE_MS = 3000;

/**
 * Who judges: of the probes heard from in the last second, the one with the lowest name. It takes
 * over once it has listened for a while, and whoever judged goes on until it hears a lower one do
 * so: no gap but after a death, and two at once for a message's way at most. A judge that only
 * stalled for so long finds another in its place and takes over again: both folded the same reports.
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
    this.heardProbe(name, nowMs);
    if (this.#members.has(name)) this.#judges.set(name, nowMs);
  }

  isJudge(nowMs: number): boolean {
    if (!this.#members.has(this.#self)) this.#judging = false;
    else if (this.#othersJudging(nowMs).some((name) => name < this.#self)) {
      this.#judging = false;
    } else if (!this.#judging) this.#judging = this.#lowest(nowMs) && this.#listened(nowMs);
    return this.#judging;
  }

  #lowest(nowMs: number): boolean {
    return this.#others(nowMs).every((name) => name > this.#self);
  }

  #listened(nowMs: number): boolean {
    const upMs = nowMs - this.#startMs;
    if (this.#members.size <= 1) return true;
    return upMs >= (this.#othersJudging(nowMs).length > 0 ? LISTEN_TO_JUDGE_MS : LISTEN_MS);
  }

  #othersJudging(nowMs: number): string[] {
    return this.#others(nowMs).filter((name) => {
      return nowMs - (this.#judges.get(name) ?? Number.NEGATIVE_INFINITY) <= JUDGED_MS;
    });
  }

  #others(nowMs: number): string[] {
    const fresh = [...this.#probes].filter(([, heardMs]) => nowMs - heardMs <= SILENT_MS);
    return fresh.map(([name]) => name).filter((n) => n !== this.#self && this.#members.has(n));
  }
}
