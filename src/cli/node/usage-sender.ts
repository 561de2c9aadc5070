import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import type { Rng } from "../../base/rng.ts";
import type { Bus } from "../../bus/mod.ts";
import type { UsageBatch } from "../../model/usage.ts";
import type { Spool } from "../../store/spool.ts";

export interface UsageSenderOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
}

const REQUEST_MS = 5000;
const BACKOFF_MS = 250;
const BACKOFF_MS_MAX = 15_000;

/** Sends what waits in a spool to the ledger, oldest first, one at a time, until it is acknowledged. */
export class UsageSender {
  readonly #o: UsageSenderOptions;
  readonly #spool: Spool;
  #failures = 0;
  #retryAtMs = 0;

  constructor(o: UsageSenderOptions, spool: Spool) {
    this.#o = o;
    this.#spool = spool;
  }

  /** Whether another try is due after one that failed. */
  get isDue(): boolean {
    return this.#o.clock.monoMs() >= this.#retryAtMs;
  }

  /** @returns whether nothing waits any more; false: a try failed */
  async send(): Promise<boolean> {
    try {
      return await this.#sendAll();
    } catch (error) {
      this.#o.log.error("Cannot read the usage spool", { error });
      return false;
    }
  }

  async #sendAll(): Promise<boolean> {
    for (;;) {
      const payload = await this.#spool.peek();
      if (payload === null) return true;
      const batch = JSON.parse(payload) as UsageBatch;
      try {
        await this.#o.bus.request("usage.batch", batch, REQUEST_MS);
      } catch (error) {
        if (error instanceof Fault && error.retry === "no" && error.source === "client") {
          const { epoch, seq } = batch;
          const fields = { error, epoch, seq };
          this.#o.log.error("The ledger refused a usage batch; it is set aside", fields);
          await this.#spool.setAside();
          continue;
        }
        this.#backOff(error);
        return false;
      }
      if (this.#failures > 0) this.#o.log.info("The usage ledger answers again");
      this.#failures = 0;
      await this.#spool.done();
    }
  }

  #backOff(error: unknown): void {
    if (this.#failures === 0)
      this.#o.log.warn("Cannot reach the usage ledger; usage waits on disk", { error });
    const waitMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** this.#failures++);
    this.#retryAtMs = this.#o.clock.monoMs() + waitMs * (0.5 + this.#o.rng.float() / 2);
  }
}
