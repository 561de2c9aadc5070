import { readFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Bus } from "../bus/bus.ts";
import type { Purge } from "../model/purge.ts";
import { canonicalPath } from "../policy/caching/mod.ts";

const ASK_TIMEOUT_MS = 2_000;
/** How often the log is asked for what a lost message may have hidden. */
const ASK_EVERY_MS = 1_000;

/**
 * Follows the purge log. Purges are applied in order, each durably on this node before the number is
 * written down, and the number before the acknowledgement: so whatever was acknowledged stays
 * purged across a restart.
 *
 *   start                       behind, until the log has said what was missed
 *   a purge, the next number    applied
 *   a purge further on          behind, the gap is asked for
 *   the log does not answer     as it was: caches serve without the control plane
 *
 * While behind, whatever is stored is validated with the origin before it is served.
 */
export class PurgeLog {
  readonly #o: PurgeLogOptions;
  #applied: number;
  #begun: number;
  #isBehind = true;
  #working: Promise<void> = Promise.resolve();
  #asking = false;
  #stopped = false;
  #unsubscribe: () => void = () => {};
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(o: PurgeLogOptions) {
    this.#o = o;
    this.#applied = readNumber(o.path);
    this.#begun = this.#applied;
  }

  get behind(): boolean {
    return this.#isBehind;
  }

  set #behind(behind: boolean) {
    this.#isBehind = behind;
    this.#o.onBehind?.(behind);
  }

  get applied(): number {
    return this.#applied;
  }

  /** The last purge that is applied or being applied: what is fetched now is of after it. */
  get begun(): number {
    return this.#begun;
  }

  start(): void {
    this.#behind = true;
    this.#o.onApplied?.(this.#applied);
    this.#unsubscribe = this.#o.bus.subscribe("purge", (purge) => {
      // From this moment a gap may be known of, even before the queue comes to this purge.
      if (purge.number > this.#applied + 1) this.#behind = true;
      this.#then(() => this.#take(purge));
    });
    this.#ask();
    this.#timer = setInterval(() => this.#ask(), ASK_EVERY_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#unsubscribe();
    await this.#working;
  }

  #then(act: () => Promise<void>): void {
    this.#working = this.#working.then(async () => {
      if (this.#stopped) return;
      await act().catch((fault: unknown) => {
        this.#behind = true;
        this.#o.log.error("A purge was not applied; stored objects are validated until it is", {
          fault,
        });
      });
    });
  }

  async #take(purge: Purge): Promise<void> {
    if (purge.number <= this.#applied) return this.#acknowledge(purge.number);
    if (purge.number > this.#applied + 1) return this.#catchUp();
    await this.#apply([purge]);
    await this.#catchUpIfBehind();
  }

  async #catchUpIfBehind(): Promise<void> {
    if (this.#isBehind) await this.#catchUp();
  }

  #ask(): void {
    if (this.#asking) return;
    this.#asking = true;
    this.#then(async () => {
      this.#asking = false;
      await this.#catchUp();
    });
  }

  /** Asks for what came after the last number applied, until nothing did. No answer changes nothing. */
  async #catchUp(): Promise<void> {
    const { bus } = this.#o;
    for (;;) {
      const reply = await bus
        .request("purge.since", { after: this.#applied }, ASK_TIMEOUT_MS)
        .catch(() => null);
      if (reply === null || this.#stopped) return;
      if (reply.purges.length > 0) {
        this.#behind = true;
        await this.#apply(reply.purges);
      }
      this.#behind = reply.latest > this.#applied;
      if (!this.#isBehind || reply.purges.length === 0) return;
    }
  }

  async #apply(purges: readonly Purge[]): Promise<void> {
    const { purge, ban, path, isKeyKnown } = this.#o;
    this.#begun = Math.max(this.#begun, purges.at(-1)?.number ?? 0);
    const bans = purges.filter(
      (one) => (one.scope ?? "url") !== "url" || one.soft === true || !isKeyKnown(one.site),
    );
    if (bans.length > 0) await ban(bans);
    const urls = purges.filter((one) => !bans.includes(one));
    await Promise.all(
      urls.map(async ({ customer, site, path: asked }) => {
        const canonical = canonicalPath(asked);
        if (canonical !== null) await purge({ customer, site, path: canonical });
      }),
    );
    const last = purges.at(-1)!.number;
    await writeNumber(path, last);
    this.#applied = last;
    this.#o.onApplied?.(last);
    for (const { number } of purges) this.#acknowledge(number);
  }

  #acknowledge(number: number): void {
    const { bus, node, clock } = this.#o;
    bus.publish("purge.ack", { number, node, atMs: clock.wallMs() });
  }
}

export interface PurgeLogOptions {
  readonly node: string;
  /** Where the last number applied is kept. */
  readonly path: string;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
  /** Removes all that is held of a URL; resolves when it is gone from disk too. */
  readonly purge: (of: {
    readonly customer: string;
    readonly site: string;
    /** Path and query in their canonical form. */
    readonly path: string;
  }) => Promise<void>;
  /** Told at once, whenever that is known. */
  readonly onBehind?: (behind: boolean) => void;
  /** Told the last number that is in force, before that is acknowledged. */
  readonly onApplied?: (number: number) => void;
  /** Takes purges of more than one URL; resolves when they will hold after a crash. */
  readonly ban: (purges: readonly Purge[]) => Promise<void>;
  /** False where it cannot be told under which keys URLs of this site are held: then they are banned. */
  readonly isKeyKnown: (site: string) => boolean;
}

/** 0 when there is no file, or none that can be read: then the whole log is applied again. */
function readNumber(path: string): number {
  try {
    const { applied } = JSON.parse(readFileSync(path, "utf8")) as { applied?: unknown };
    return typeof applied === "number" && Number.isSafeInteger(applied) ? applied : 0;
  } catch {
    return 0;
  }
}

async function writeNumber(path: string, applied: number): Promise<void> {
  const file = await open(`${path}.tmp`, "w");
  try {
    await file.writeFile(`${JSON.stringify({ applied })}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.tmp`, path);
}
