import { until } from "./process.ts";

/** A load generator whose log is the ground truth for what was served. */
export class Load {
  /** Requests sent, whatever became of them. */
  sent = 0;
  /** Bodies received whole: when, by `performance.now()`, and how many bytes. */
  readonly received: { readonly atMs: number; readonly bytes: number }[] = [];
  /** Answers that were not 200, and bodies of a wrong length. */
  readonly wrong: string[] = [];
  #stopped = false;
  #paused = false;
  #flying = 0;
  readonly #loops: Promise<void>[] = [];

  /** Each of `loops` sends one request after the other, on connections of their own. */
  constructor(o: {
    loops: number;
    pauseMs: number;
    host: string;
    url: (n: number) => string;
    bytes: number;
  }) {
    for (let i = 0; i < o.loops; i++) this.#loops.push(this.#loop(o));
  }

  get bytes(): number {
    return this.received.reduce((sum, one) => sum + one.bytes, 0);
  }

  async #loop(o: {
    pauseMs: number;
    host: string;
    url: (n: number) => string;
    bytes: number;
  }): Promise<void> {
    while (!this.#stopped) {
      if (this.#paused) {
        await Bun.sleep(5);
        continue;
      }
      const n = this.sent++;
      this.#flying++;
      try {
        const response = await fetch(o.url(n), {
          headers: { host: o.host },
          keepalive: false,
          signal: AbortSignal.timeout(5000),
        });
        const { byteLength } = await response.arrayBuffer();
        const atMs = performance.now();
        if (response.status !== 200 || byteLength !== o.bytes)
          this.wrong.push(`${response.status} with ${byteLength} bytes: ${o.url(n)}`);
        this.received.push({ atMs, bytes: byteLength });
      } catch {
        // Nobody is there at the moment, or it was killed in the middle.
        await Bun.sleep(20);
      } finally {
        this.#flying--;
      }
      await Bun.sleep(o.pauseMs);
    }
  }

  /** Sends nothing more until `resume()`; resolves when nothing is under way any more. */
  async pause(): Promise<void> {
    this.#paused = true;
    await until(() => this.#flying === 0, { what: "the load to rest" });
  }

  resume(): void {
    this.#paused = false;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }
}
