/** An up time between two down times that is shorter than this is a flap. */
const SHORT_UP_MS = 30_000;
/** Flaps count for so long. */
const REMEMBERED_MS = 600_000;
const HOLD_MS = 20_000;
const HOLD_MS_MAX = 300_000;
const FLAPS_MAX = 16;

/**
 * Keeps a server that comes and goes out until it stays. Going down is never delayed.
 *
 *   goes down after an up time of 30 s or more   comes up as soon as its checks say so
 *   goes down sooner: a flap                     comes up after 20 s of passing, twice that for each
 *                                                further flap of the last 10 minutes, 300 s at most
 */
export class FlapDamper {
  #upMs = Number.NEGATIVE_INFINITY;
  #passingMs: number | null = null;
  #flaps: number[] = [];

  /** What the measured state becomes, when the votes say `wanted`. */
  step(
    previous: "unknown" | "up" | "down",
    wanted: "unknown" | "up" | "down",
    nowMs: number,
  ): "unknown" | "up" | "down" {
    this.#flaps = this.#flaps.filter((atMs) => nowMs - atMs <= REMEMBERED_MS);
    if (wanted !== "up") this.#passingMs = null;
    else this.#passingMs ??= nowMs;
    if (previous === "up" && wanted === "down" && nowMs - this.#upMs < SHORT_UP_MS) {
      this.#flaps.push(nowMs);
      if (this.#flaps.length > FLAPS_MAX) this.#flaps.shift();
    }
    if (previous !== "down" || wanted !== "up") return wanted;
    if (nowMs - (this.#passingMs ?? nowMs) < this.holdMs) return "down";
    this.#upMs = nowMs;
    return "up";
  }

  /** How long it must pass before it is up again; 0 when it does not flap. */
  get holdMs(): number {
    const flaps = this.#flaps.length;
    return flaps === 0 ? 0 : Math.min(HOLD_MS_MAX, HOLD_MS * 2 ** (flaps - 1));
  }

  /** For people, while it is kept out although its checks pass. */
  words(state: "unknown" | "up" | "down"): string | null {
    if (state !== "down" || this.#passingMs === null || this.holdMs === 0) return null;
    const flaps = this.#flaps.length;
    const times = flaps === 1 ? "once" : `${flaps} times`;
    return `came and went ${times} in 10 minutes: must pass for ${this.holdMs / 1000} s`;
  }
}
