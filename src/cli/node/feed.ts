import type { Clock } from "../../base/clock.ts";
import { Fault } from "../../base/fault.ts";
import type { Log } from "../../base/log.ts";
import { formatProblem } from "../../base/result.ts";
import type { Bus } from "../../bus/mod.ts";
import { type Assignment, NO_ASSIGNMENT } from "../../model/assignment.ts";
import type { Feed } from "../../model/feed.ts";
import { type Health, NO_HEALTH } from "../../model/health.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import { verifySnapshot } from "../../policy/snapshot/mod.ts";
import { readLatestSnapshot, writeSnapshot } from "../../store/snapshot-disk.ts";
import { sha256 } from "./sha256.ts";
import { TurnFeed } from "./turn-feed.ts";

/** How often a process asks whether it missed a snapshot, ms. */
const CATCH_UP_MS = 2000;

interface FeedOptions {
  readonly node: string;
  /** Folder of this node's snapshots; null keeps nothing on disk (the control process). */
  readonly dir: string | null;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Keeps what roles look at current: the last good snapshot from disk at start, then what the bus
 * brings. A snapshot is swapped in only if its number is above the one in force and it verifies;
 * it is on disk before it serves.
 */
export async function startFeed(o: FeedOptions): Promise<LiveFeed> {
  const feed = new LiveFeed(o);
  await feed.restore();
  feed.follow();
  return feed;
}

export class LiveFeed implements Feed {
  readonly #o: FeedOptions;
  readonly #onSnapshot = new Set<(snapshot: Snapshot) => void>();
  readonly #onHealth = new Set<() => void>();
  #snapshot: Snapshot | null = null;
  #health: Health = NO_HEALTH;
  #assignment: Assignment = NO_ASSIGNMENT;
  #stops: (() => void)[] = [];
  /** Snapshots are taken one after the other. */
  #queue: Promise<void> = Promise.resolve();
  /** Roles that take a snapshot when it is their turn. */
  readonly #turns: TurnFeed[] = [];

  constructor(o: FeedOptions) {
    this.#o = o;
  }

  snapshot(): Snapshot | null {
    return this.#snapshot;
  }

  health(): Health {
    return this.#health;
  }

  assignment(): Assignment {
    return this.#assignment;
  }

  onSnapshot(listener: (snapshot: Snapshot) => void): () => void {
    return add(this.#onSnapshot, listener);
  }

  onHealth(listener: () => void): () => void {
    return add(this.#onHealth, listener);
  }

  /** What one role looks at: see TurnFeed. A snapshot is acknowledged once every role has it. */
  forRole(role: "dns" | "edge"): Feed {
    const { node, bus, log } = this.#o;
    const turn = new TurnFeed(this, { node, role, bus, log });
    this.#turns.push(turn);
    return turn;
  }

  /** The last good snapshot of this node's disk. */
  async restore(): Promise<void> {
    const { dir, log } = this.#o;
    if (dir === null) return;
    const read = await readLatestSnapshot(dir, verify);
    this.#snapshot = read.snapshot;
    for (const problem of read.problems) log.warn(`Stored snapshot: ${formatProblem(problem)}`);
    if (read.snapshot !== null) {
      log.info("Serving the stored snapshot", { number: read.snapshot.number });
    }
  }

  /** Takes what the bus brings, and asks now and then whether something was missed. */
  follow(): void {
    const { bus } = this.#o;
    const timer = setInterval(() => void this.#catchUp(), CATCH_UP_MS);
    this.#stops = [
      bus.subscribe("snapshot.published", (message) => this.#take(message.snapshot)),
      bus.subscribe("health", (message) => this.#observe(message.health, message.assignment)),
      () => clearInterval(timer),
    ];
    void this.#catchUp();
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
    for (const turn of this.#turns.splice(0)) turn.stop();
  }

  #observe(health: Health, assignment: Assignment): void {
    const older = health.number < this.#health.number && health.atMs < this.#health.atMs;
    if (older) return;
    this.#health = health;
    this.#assignment = assignment;
    for (const listener of this.#onHealth) listener();
  }

  async #catchUp(): Promise<void> {
    const have = this.#snapshot?.number ?? 0;
    const { bus } = this.#o;
    const latest = await bus.request("snapshot.latest", { have }, CATCH_UP_MS).catch(() => null);
    if (latest !== null) this.#take(latest);
  }

  #take(offered: Snapshot): void {
    this.#queue = this.#queue
      .then(() => this.#swap(offered))
      .catch((error: unknown) => this.#o.log.error("Cannot take a snapshot", { error }));
  }

  async #swap(offered: Snapshot): Promise<void> {
    const { dir, log, bus, clock, node } = this.#o;
    if (offered.number <= (this.#snapshot?.number ?? 0)) return;
    const checked = verify(offered);
    if (!checked.ok) {
      const words = checked.problems.map((problem) => formatProblem(problem)).join("; ");
      log.error("Refused a bad snapshot; the one in force stays", { words });
      return;
    }
    if (dir !== null) await keep(dir, checked.value, log);
    this.#snapshot = checked.value;
    for (const listener of this.#onSnapshot) listener(checked.value);
    const { number } = checked.value;
    // The next snapshot is not kept waiting: it may be what ends this wait.
    void Promise.all(this.#turns.map((turn) => turn.reached(number))).then(() => {
      if (this.#stops.length === 0) return;
      bus.publish("snapshot.ack", { node, number, atMs: clock.wallMs() });
      log.info("Serving a new snapshot", { number });
    });
  }
}

function verify(value: unknown) {
  return verifySnapshot(value, sha256);
}

/** A full disk costs durability, not service: the snapshot still serves from memory. */
async function keep(dir: string, snapshot: Snapshot, log: Log): Promise<void> {
  try {
    await writeSnapshot(dir, snapshot);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    log.error("Cannot keep the snapshot on disk; it serves from memory", { error });
  }
}

function add<T>(set: Set<T>, listener: T): () => void {
  set.add(listener);
  return () => set.delete(listener);
}
