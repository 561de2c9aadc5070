import type { Clock } from "../../base/clock.ts";
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
import type { Spool } from "../../store/spool.ts";
import type { SpoolJournal } from "../../store/spool-journal.ts";
import { UsageSender } from "./usage-sender.ts";
import { openUsageSpool } from "./usage-spool.ts";

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
  /** How long a batch for the ledger is filled while there is traffic. */
  readonly batchMs?: number;
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
/** A batch is this long at most: ten states of it go to disk for one that the ledger keeps. */
const BATCH_MS = 5000;

/**
 * Counts usage, keeps it on disk, and sends it to the ledger until that has it.
 *
 * counters -> journal, synced -> batch (node, epoch, seq) in the spool -> bus, oldest first -> trimmed
 *
 * A batch reaches the ledger once: it is sent again until acknowledged, also after a restart, and
 * the ledger knows it by its name. The batch that is being filled is in the journal, so a kill
 * loses what was counted since the journal was written: at most `intervalMs` and one disk sync.
 */
export async function startMeter(options: MeterOptions): Promise<Metering> {
  const { dataDir: dir, log, spoolBytesMax: bytesMax } = options;
  const at = { dir, log, ...(bytesMax === undefined ? {} : { bytesMax }) };
  const metering = new NodeMeter(options, await openUsageSpool(at));
  metering.start();
  return metering;
}

function hourOf(atMs: number): number {
  return Math.floor(atMs / 3_600_000);
}

class NodeMeter implements Metering {
  readonly meter: Meter;
  readonly #o: MeterOptions;
  readonly #disk: Spool;
  readonly #journal: SpoolJournal;
  readonly #counts = new Counts();
  readonly #epoch: string;
  /** Of the batch that is being filled. */
  #seq = 1;
  #fromMs: number;
  #beganMs: number;
  /** Its entries as the journal has them. */
  #journaled = "";
  #noteFailed = false;
  /** A batch that the disk did not take: the same one is tried again. */
  #unwritten: string | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;
  readonly #spooling = new Turns();
  readonly #sending = new Turns();
  readonly #sender: UsageSender;
  #stopped = false;

  constructor(
    options: MeterOptions,
    { spool, journal }: { readonly spool: Spool; readonly journal: SpoolJournal },
  ) {
    this.#o = options;
    this.#sender = new UsageSender(options, spool);
    this.#disk = spool;
    this.#journal = journal;
    this.#fromMs = options.clock.wallMs();
    this.#beganMs = options.clock.monoMs();
    // The time keeps epochs apart even if randomness repeats, as in a simulation.
    const random = Buffer.from(options.rng.bytes(8)).toString("hex");
    this.#epoch = `${this.#fromMs.toString(36)}-${random}`;
    this.meter = { of: (customer, site) => this.#counts.of(customer, site) };
  }

  start(): void {
    const tick = () => {
      // A tick that finds the disk still busy leaves its counts to the next one.
      if (this.#spooling.busy) return;
      void this.#spool(false).then(() => this.#sendSoon());
    };
    this.#timer = setInterval(tick, this.#o.intervalMs ?? INTERVAL_MS);
    this.#sendSoon();
  }

  async flush(): Promise<void> {
    await this.#spool(true);
    await this.#send();
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.flush();
    await this.#disk.close();
    await this.#journal.close();
  }

  #spool(finish: boolean): Promise<void> {
    return this.#spooling.take(() => this.#spoolCounts(finish));
  }

  /**
   * One step of the batch that is being filled:
   *
   *     nothing counted                        it begins now
   *     quiet since the last step, old enough, at the hour's end, or asked for: into the spool
   *     else                                   its state so far into the journal
   */
  async #spoolCounts(finish: boolean): Promise<void> {
    if (this.#unwritten !== null && !(await this.#append(this.#unwritten))) return;
    const nowMs = this.#o.clock.wallMs();
    const entries = this.#counts.added();
    if (entries.length === 0) {
      this.#begin(nowMs);
      return;
    }
    const [node, epoch, seq] = [this.#o.node, this.#epoch, this.#seq];
    // The clock may have been set back since the batch began.
    const fromMs = Math.min(this.#fromMs, nowMs);
    const batch: UsageBatch = { node, epoch, seq, fromMs, toMs: nowMs, entries };
    const state = JSON.stringify(entries);
    const quiet = state === this.#journaled;
    const age = this.#o.clock.monoMs() - this.#beganMs;
    const old = age >= (this.#o.batchMs ?? BATCH_MS) || hourOf(nowMs) !== hourOf(this.#fromMs);
    if (!finish && !quiet && !old) {
      if (await this.#note(JSON.stringify(batch))) this.#journaled = state;
      return;
    }
    this.#counts.take(entries);
    this.#seq++;
    this.#begin(nowMs);
    this.#journaled = "";
    await this.#append(JSON.stringify(batch));
  }

  #begin(nowMs: number): void {
    this.#fromMs = nowMs;
    this.#beganMs = this.#o.clock.monoMs();
  }

  /** Whether the journal has it. If not, a kill may lose more than one interval. */
  async #note(payload: string): Promise<boolean> {
    try {
      await this.#journal.write(payload);
      this.#noteFailed = false;
      return true;
    } catch (error) {
      if (!this.#noteFailed)
        this.#o.log.error("Cannot write usage to disk; it is counted in memory", { error });
      this.#noteFailed = true;
      return false;
    }
  }

  async #clearJournal(): Promise<void> {
    await this.#journal.clear().catch((error) => {
      // The ledger knows the batch by its name, should it be read from here again.
      this.#o.log.warn("Cannot clear the usage journal", { error });
    });
  }

  /** A batch is in the journal until it is in the spool, and never offered while it is in both. */
  async #append(payload: string): Promise<boolean> {
    try {
      await this.#disk.append(payload, () => this.#clearJournal());
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
    if (this.#sender.isDue) void this.#send();
  }

  #send(): Promise<void> {
    return this.#sending.take(async () => {
      await this.#sender.send();
    });
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

  /** What was added and is in no batch yet, per site; nothing for sites without any. */
  added(): UsageEntry[] {
    const entries: UsageEntry[] = [];
    for (const [customer, sites] of this.#customers)
      for (const [site, { counters, drained }] of sites) {
        const added = noUsage();
        let any = false;
        for (const key of USAGE_KEYS) {
          added[key] = counters[key] - drained[key];
          any ||= added[key] > 0;
        }
        if (any) entries.push({ customer, site, ...added });
      }
    return entries;
  }

  /** These are in a batch now. */
  take(entries: readonly UsageEntry[]): void {
    for (const entry of entries) {
      const drained = this.#customers.get(entry.customer)?.get(entry.site)?.drained;
      if (drained !== undefined) for (const key of USAGE_KEYS) drained[key] += entry[key];
    }
  }
}
