import type { OriginSeen } from "../../model/messages.ts";
import { ResponseTime, responseDetail, responseLoad } from "./response-time.ts";
import type { SeenLoad } from "./track.ts";

/** Fewer answers in a second say nothing of a server's time. */
const TIMED_LEAST = 4;
/** The share of the newest second in the share of failures: three seconds to believe it. */
const EWMA_SHARE = 0.4;
/** What is open counts as load from this share of what may be. */
const OPEN_IDLE = 0.5;
/** Fetches until a share of failures counts. */
const ASKED_LEAST = 3;

/**
 * One server as one cache sees it that fetches from it: how soon its answers begin, how many fail, and how
 * many are open of those that may be. Its load is the highest of these three.
 *
 * Contents differ in what they cost, and a server that is asked for dear ones is not busier than one that
 * is asked for nothing: so the time is that of the fastest quarter of a second's answers, compared with the
 * same at idle. Where all is slow, so is that quarter.
 */
export class EdgeView {
  readonly #response = new ResponseTime();
  #timed = false;
  #failing = 0;
  #asked = 0;

  /** Null while too little was asked to say anything. */
  take(
    seen: OriginSeen,
    at: { readonly limitMs: number; readonly atMs: number; readonly nowMs: number },
  ): SeenLoad | null {
    const { asked, failed, timed, quarterMs, open, openMax } = seen;
    if (timed >= TIMED_LEAST && quarterMs !== null) {
      this.#response.add(quarterMs, at.nowMs);
      this.#timed = true;
    }
    if (asked > 0) {
      this.#failing += EWMA_SHARE * (failed / asked - this.#failing);
      this.#asked += asked;
    }
    if (this.#asked < ASKED_LEAST && !this.#timed) return null;
    const { ewmaMs, idleMs } = this.#response;
    const time = { ewmaMs, idleMs, limitMs: at.limitMs };
    const failing = this.#asked < ASKED_LEAST ? 0 : this.#failing;
    const full = openMax > 0 ? Math.max(0, open / openMax - OPEN_IDLE) / (1 - OPEN_IDLE) : 0;
    const words = [
      this.#timed ? responseDetail(time) : "not timed",
      `${Math.round(failing * 100)} % fail`,
      `${open} of ${openMax} open`,
    ];
    const load = Math.max(this.#timed ? responseLoad(time) : 0, failing, full);
    return { kind: "edges", load, atMs: at.atMs, detail: `at a cache: ${words.join(", ")}` };
  }
}
