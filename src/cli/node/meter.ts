import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import type { Rng } from "../../base/rng.ts";
import type { Bus } from "../../bus/mod.ts";
import {
  type Meter,
  noUsage,
  USAGE_KEYS,
  type UsageBatch,
  type UsageCounters,
  type UsageEntry,
} from "../../model/usage.ts";
import { mergeBatches } from "../../policy/billing/mod.ts";
import { Spool } from "../../store/spool.ts";

export interface MeterOptions {
  readonly node: string;
  /** A folder of this process alone. */
  readonly dataDir: string;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  /** How often what was counted goes to disk: what a kill -9 may lose. */
  readonly intervalMs?: number;
  /** Disk for usage that the ledger has not taken; beyond it the oldest is merged by hour. */
  readonly spoolBytesMax?: number;
}

export interface Metering {
  readonly meter: Meter;
  /** Spools what was counted and sends what waits; returns when all is taken or a try failed. */
  flush(): Promise<void>;
  stop(): Promise<void>;
}

const INTERVAL_MS = 500;
const REQUEST_MS = 5000;
const BACKOFF_MS = 250;
const BACKOFF_MS_MAX = 15_000;

/**
 * Counts usage, keeps it on disk, and sends it to the ledger until that has it.
 *
 * counters -> batch (node, epoch, seq) -> spool, synced -> bus, oldest first -> trimmed
 *
 * A batch that is in the spool reaches the ledger once: it is sent again until acknowledged, also
 * after a restart, and the ledger knows it by its name. A kill loses what was counted since the
 * last batch: at most `intervalMs` and one disk sync.
 */
export async function startMeter(options: MeterOptions): Promise<Metering> {
  const merge = (payloads: readonly string[], coarse: boolean) => {
    const batches = payloads.map((payload) => JSON.parse(payload) as UsageBatch);
    return mergeBatches(batches, { coarse }).map((batch) => JSON.stringify(batch));
  };
  const { dataDir: dir, log, spoolBytesMax: bytesMax } = options;
  const spool = await Spool.open({
    dir,
    merge,
    log,
    ...(bytesMax === undefined ? {} : { bytesMax }),
  });
  const metering = new NodeMeter(options, spool);
  metering.start();
  return metering;
}

class NodeMeter implements Metering {
  readonly meter: Meter;
  readonly #o: MeterOptions;
  readonly #disk: Spool;
  readonly #counts = new Counts();
  readonly #epoch: string;
  #seq = 0;
  #fromMs: number;
  /** A batch that the disk did not take: the same one is tried again. */
  #unwritten: string | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;
  readonly #spooling = new Turns();
  readonly #sending = new Turns();
  #failures = 0;
  #retryAtMs = 0;
  #stopped = false;

  constructor(options: MeterOptions, spool: Spool) {
    this.#o = options;
    this.#disk = spool;
    this.#fromMs = options.clock.wallMs();
    // The time keeps epochs apart even if randomness repeats, as in a simulation.
    const random = Buffer.from(options.rng.bytes(8)).toString("hex");
    this.#epoch = `${this.#fromMs.toString(36)}-${random}`;
    this.meter = { of: (customer, site) => this.#counts.of(customer, site) };
  }

  start(): void {
    const tick = () => {
      // A tick that finds the disk still busy leaves its counts to the next one.
      if (this.#spooling.busy) return;
      void this.#spool().then(() => this.#sendSoon());
    };
    this.#timer = setInterval(tick, this.#o.intervalMs ?? INTERVAL_MS);
    this.#sendSoon();
  }

  async flush(): Promise<void> {
    await this.#spool();
    await this.#send();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.flush();
    await this.#disk.close();
  }

  #spool(): Promise<void> {
    return this.#spooling.take(() => this.#spoolCounts());
  }

  async #spoolCounts(): Promise<void> {
    if (this.#unwritten !== null && !(await this.#append(this.#unwritten))) return;
    const entries = this.#counts.drain();
    const toMs = this.#o.clock.wallMs();
    const fromMs = this.#fromMs;
    this.#fromMs = toMs;
    if (entries.length === 0) return;
    const { node } = this.#o;
    const seq = ++this.#seq;
    const batch: UsageBatch = { node, epoch: this.#epoch, seq, fromMs, toMs, entries };
    await this.#append(JSON.stringify(batch));
  }

  async #append(payload: string): Promise<boolean> {
    try {
      await this.#disk.append(payload);
      if (this.#unwritten !== null) this.#o.log.info("The usage spool takes records again");
      this.#unwritten = null;
      return true;
    } catch (error) {
      if (this.#unwritten === null)
        this.#o.log.error("Cannot write usage to disk; it is counted in memory", { error });
      this.#unwritten = payload;
      return false;
    }
  }

  #sendSoon(): void {
    if (this.#sending.busy || this.#stopped) return;
    if (this.#o.clock.monoMs() >= this.#retryAtMs) void this.#send();
  }

  #send(): Promise<void> {
    return this.#sending.take(async () => {
      try {
        await this.#sendAll();
      } catch (error) {
        this.#o.log.error("Cannot read the usage spool", { error });
      }
    });
  }

  /** Oldest first, one at a time, until none is left or one fails. */
  async #sendAll(): Promise<void> {
    for (;;) {
      const payload = await this.#disk.peek();
      if (payload === null) return;
      const batch = JSON.parse(payload) as UsageBatch;
      try {
        await this.#o.bus.request("usage.batch", batch, REQUEST_MS);
      } catch (error) {
        if (error instanceof Fault && error.retry === "no" && error.source === "client") {
          const { epoch, seq } = batch;
          const fields = { error, epoch, seq };
          this.#o.log.error("The ledger refused a usage batch; it is set aside", fields);
          await this.#disk.setAside();
          continue;
        }
        this.#backOff(error);
        return;
      }
      if (this.#failures > 0) this.#o.log.info("The usage ledger answers again");
      this.#failures = 0;
      await this.#disk.done();
    }
  }

  #backOff(error: unknown): void {
    if (this.#failures === 0)
      this.#o.log.warn("Cannot reach the usage ledger; usage waits on disk", { error });
    const waitMs = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** this.#failures++);
    this.#retryAtMs = this.#o.clock.monoMs() + waitMs * (0.5 + this.#o.rng.float() / 2);
  }
}

/** Acts one after another, in the order they were asked for. */
class Turns {
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  get busy(): boolean {
    return this.#waiting > 0;
  }

  take(act: () => Promise<void>): Promise<void> {
    this.#waiting++;
    const turn = this.#last.then(act).finally(() => {
      this.#waiting--;
    });
    this.#last = turn.catch(() => {});
    return turn;
  }
}

interface Live {
  readonly counters: UsageCounters;
  /** What of them is in a batch already. */
  readonly drained: UsageCounters;
}

/** Live counters by customer and site. They only grow, so a role may keep a reference. */
class Counts {
  readonly #customers = new Map<string, Map<string, Live>>();

  /** Budget: two map reads once the site is known. */
  of(customer: string, site: string): UsageCounters {
    let sites = this.#customers.get(customer);
    if (sites === undefined) {
      sites = new Map();
      this.#customers.set(customer, sites);
    }
    let live = sites.get(site);
    if (live === undefined) {
      live = { counters: noUsage(), drained: noUsage() };
      sites.set(site, live);
    }
    return live.counters;
  }

  /** What was added since the last call, per site; nothing for sites without any. */
  drain(): UsageEntry[] {
    const entries: UsageEntry[] = [];
    for (const [customer, sites] of this.#customers)
      for (const [site, { counters, drained }] of sites) {
        const added = noUsage();
        let any = false;
        for (const key of USAGE_KEYS) {
          added[key] = counters[key] - drained[key];
          any ||= added[key] > 0;
          drained[key] = counters[key];
        }
        if (any) entries.push({ customer, site, ...added });
      }
    return entries;
  }
}
