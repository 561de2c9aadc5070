import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { FindCredential } from "../../model/origin-credential.ts";
import type { LogsTold, SiteLogs } from "../../model/site-logs.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import { type AccessEntry, accessLine } from "../access-log.ts";
import { type DeliverParts, deliver } from "./deliver.ts";
import { LogSpool, linesIn } from "./spool.ts";

const TICK_MS = 500;
/** One site may leave so much on the disk, and all together so much more. */
const SITE_BYTES_MAX = 67_108_864;
const ALL_BYTES_MAX = 1_073_741_824;
/** Batches on their way at once; a customer may have half of what the others leave of them. */
const DELIVERIES_MAX = 8;
const RETRY_MS = 1_000;
const RETRY_MS_MAX = 300_000;
const DOUBLINGS_MAX = 9;

export interface LogDeliveryOptions extends Omit<DeliverParts, "sign" | "credential" | "wallMs"> {
  readonly node: string;
  /** Where batches wait: one folder a site. */
  readonly dir: string;
  /** HMAC-SHA256 under a customer's signing key; null: there is no such key. */
  readonly sign: (customer: string, key: string, message: Uint8Array) => Uint8Array | null;
  /** With which a customer's bucket is written to. */
  readonly credential: FindCredential;
  readonly clock: Clock;
  /** Names the batches of this start, ms since 1970; now, where it is left out. */
  readonly startMs?: number;
  readonly log: Log;
  /** Bytes that may wait; the defaults are 64 MiB a site and 1 GiB in all. */
  readonly siteBytesMax?: number;
  readonly allBytesMax?: number;
}

interface Line {
  readonly spool: LogSpool;
  readonly customer: string;
  /** Null: it is wanted no more. */
  logs: SiteLogs | null;
  seen: number;
  delivered: number;
  fault: string | null;
  failures: number;
  notBeforeMs: number;
  busy: Promise<void> | null;
}

/**
 * Takes what is served for sites with `logs`, and sends it. Nobody who is served waits for it. A batch
 * that its receiver has taken but not acknowledged comes again, under the same name.
 */
export class LogDelivery {
  readonly #o: LogDeliveryOptions;
  readonly #startMs: number;
  /** By folder: of a site that was wanted since the start. */
  readonly #lines = new Map<string, Line>();
  /** By hostname: those of the snapshot. */
  #sites = new Map<string, Line>();
  /** By hostname: what waits for its turn. */
  readonly #due = new Map<string, Line>();
  readonly #sending = new Set<Line>();
  /** When a batch of a customer's last began, as a number that only goes up. */
  #turns = new Map<string, number>();
  #turn = 0;
  readonly #siteMax: number;
  readonly #allMax: number;
  #timer: ReturnType<typeof setInterval> | null = null;
  #stopped = false;
  #ticking: Promise<void> | null = null;
  #cleared: Promise<void> | null = null;

  constructor(o: LogDeliveryOptions) {
    this.#o = o;
    this.#startMs = o.startMs ?? o.clock.wallMs();
    this.#siteMax = o.siteBytesMax ?? SITE_BYTES_MAX;
    this.#allMax = o.allBytesMax ?? ALL_BYTES_MAX;
  }

  start(): void {
    this.#timer = setInterval(() => void this.tick(), TICK_MS);
  }

  /** Sites may have begun or ended to want their log; what waits for one that ended is given up. */
  setSnapshot({ sites }: Snapshot): void {
    const ended = new Set(this.#lines.keys());
    this.#sites = new Map();
    for (const { customer, hostname, logs } of sites) {
      if (logs === undefined) continue;
      // By customer too: what one left, another who has the name now never gets.
      const folder = `${customer}@${hostname}`;
      const line = this.#lines.get(folder) ?? this.#begin(customer, folder);
      line.logs = logs;
      this.#lines.set(folder, line);
      this.#sites.set(hostname, line);
      ended.delete(folder);
    }
    for (const folder of ended) this.#lines.get(folder)!.logs = null;
    const customers = new Set([...this.#sites.values()].map(({ customer }) => customer));
    this.#turns = new Map([...this.#turns].filter(([customer]) => customers.has(customer)));
    this.#cleared ??= this.#clear();
  }

  #begin(customer: string, folder: string): Line {
    const dir = join(this.#o.dir, folder);
    const spool = new LogSpool({
      ...{ dir, startMs: this.#startMs, log: this.#o.log },
      wallMs: () => this.#o.clock.wallMs(),
    });
    const none = { seen: 0, delivered: 0, fault: null, failures: 0, notBeforeMs: 0, busy: null };
    return { spool, customer, logs: null, ...none };
  }

  /** What sites left that ended while this cache was down. */
  async #clear(): Promise<void> {
    for (const name of await readdir(this.#o.dir).catch(() => [])) {
      if (this.#lines.has(name)) continue;
      await rm(join(this.#o.dir, name), { recursive: true, force: true });
    }
  }

  /** False: no site wants its log, and nothing need be noted. */
  get any(): boolean {
    return this.#sites.size > 0;
  }

  take(site: string, entry: AccessEntry): void {
    const line = this.#sites.get(site);
    const logs = line?.logs ?? null;
    if (line === undefined || logs === null) return;
    // What was asked of another who had the name before, and ends only now, is not this one's to read.
    if (entry.customer !== line.customer || ++line.seen % logs.each !== 0) return;
    line.spool.add(accessLine(entry, logs.format));
  }

  /** Writes what waits, gives up what has no room, and sends what is due. */
  tick(): Promise<void> {
    this.#ticking ??= this.#tick().finally(() => {
      this.#ticking = null;
    });
    return this.#ticking;
  }

  async #tick(): Promise<void> {
    const nowMs = this.#o.clock.monoMs();
    const lines = [...this.#lines.values()];
    await Promise.all(
      lines.map(({ spool, logs }) => spool.flush(nowMs, (logs?.everySec ?? 0) * 1_000)),
    );
    await this.#makeRoom();
    for (const [site, line] of this.#sites) {
      const waits = this.#due.get(site) === line || line.busy !== null;
      if (!waits && this.#isDue(site, line)) this.#due.set(site, line);
    }
    this.#sendDue();
  }

  /** Whether there is something to be sent for it now. */
  #isDue(site: string, line: Line): boolean {
    if (this.#stopped || this.#sites.get(site) !== line) return false;
    return line.spool.hasBatch && this.#o.clock.monoMs() >= line.notBeforeMs;
  }

  /**
   * Sends a batch of each site that has one, in turn: no site waits for another that has more, and no
   * customer for another's receivers, however slow they are and however many.
   */
  #sendDue(): void {
    for (let site = this.#next(); site !== null; site = this.#next()) {
      const of = site;
      const line = this.#due.get(of)!;
      this.#due.delete(of);
      if (!this.#isDue(of, line)) continue;
      this.#sending.add(line);
      this.#turns.set(line.customer, ++this.#turn);
      line.busy = this.#send(of, line).finally(() => {
        this.#sending.delete(line);
        line.busy = null;
        if (this.#isDue(of, line)) this.#due.set(of, line);
        this.#sendDue();
      });
    }
  }

  /** Of those that wait the first of whose customer's last began longest ago, and who may have one more. */
  #next(): string | null {
    const all = this.#sending.size;
    if (all >= DELIVERIES_MAX) return null;
    const under = new Map<string, number>();
    for (const { customer } of this.#sending) under.set(customer, (under.get(customer) ?? 0) + 1);
    let best: string | null = null;
    let first = Number.POSITIVE_INFINITY;
    for (const [site, { customer }] of this.#due) {
      const turn = this.#turns.get(customer) ?? 0;
      const own = under.get(customer) ?? 0;
      const most = Math.max(1, (DELIVERIES_MAX - all + own) / 2);
      if (turn < first && own < most) [best, first] = [site, turn];
    }
    return best;
  }

  async #makeRoom(): Promise<void> {
    const lines = [...this.#lines.values()];
    for (const { spool, logs } of lines) await dropTo(spool, logs === null ? 0 : this.#siteMax);
    for (;;) {
      const all = lines.reduce((sum, { spool }) => sum + spool.bytes, 0);
      if (all <= this.#allMax) return;
      const most = fullest(lines);
      await dropTo(most, most.bytes - 1);
    }
  }

  /** The batch that waits longest. */
  async #send(site: string, line: Line): Promise<void> {
    const { node, sign, credential, clock, ...parts } = this.#o;
    try {
      const batch = await line.spool.oldest();
      const { logs } = line;
      if (batch === null || logs === null) return;
      const { id, openedMs, text: whole } = batch;
      const of = { node, site, id, openedMs, lines: whole, lost: line.spool.lost };
      const key = logs.key ?? "";
      const fault = await deliver(logs, of, {
        ...parts,
        sign: (message) => sign(line.customer, key, message),
        credential: (name) => credential(line.customer, name),
        wallMs: () => clock.wallMs(),
      });
      if (fault !== null) {
        this.#failed(site, line, fault);
        return;
      }
      line.delivered += linesIn(batch.text);
      await line.spool.remove(batch.name);
      line.fault = null;
      line.failures = 0;
    } catch (error) {
      this.#failed(site, line, error instanceof Error ? error.message : String(error));
    }
  }

  #failed(site: string, line: Line, fault: string): void {
    if (line.fault !== fault) this.#o.log.warn("Cannot deliver a site's log", { site, fault });
    line.fault = fault;
    line.failures++;
    const waitMs = RETRY_MS * 2 ** Math.min(line.failures - 1, DOUBLINGS_MAX);
    line.notBeforeMs = this.#o.clock.monoMs() + Math.min(waitMs, RETRY_MS_MAX);
  }

  /** Resolved once nothing is being sent. */
  async settled(): Promise<void> {
    for (;;) {
      const running = [...this.#lines.values()].flatMap(({ busy }) => busy ?? []);
      if (running.length === 0) return;
      await Promise.all(running);
    }
  }

  /** By site, since the start. */
  told(): Readonly<Record<string, LogsTold>> {
    const told: Record<string, LogsTold> = {};
    for (const [site, { spool, delivered, fault }] of this.#sites) {
      const { lost, bytes } = spool;
      const counts = { deliveredLines: delivered, lostLines: lost, waitingBytes: bytes };
      told[site] = { ...counts, fault: fault ?? spool.fault };
    }
    return told;
  }

  /** What was added is on the disk then; it is sent after the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#cleared;
    await this.#ticking;
    const lines = [...this.#lines.values()];
    await Promise.all(lines.map(({ spool }) => spool.flush(0, Number.POSITIVE_INFINITY)));
  }
}

/** Of the customer who leaves the most: who has many sites takes no room of who has one. */
function fullest(lines: readonly Line[]): LogSpool {
  const sums = new Map<string, number>();
  for (const { customer, spool } of lines) {
    sums.set(customer, (sums.get(customer) ?? 0) + spool.bytes);
  }
  const most = Math.max(...sums.values());
  return lines
    .filter(({ customer }) => sums.get(customer) === most)
    .map(({ spool }) => spool)
    .reduce((a, b) => (a.bytes >= b.bytes ? a : b));
}

async function dropTo(spool: LogSpool, bytesMax: number): Promise<void> {
  while (spool.bytes > bytesMax) {
    const before = spool.bytes;
    spool.close();
    await spool.drop();
    if (spool.bytes >= before) return;
  }
}
