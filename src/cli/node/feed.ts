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

/** How often a process asks whether it missed a snapshot, ms. */
const CATCH_UP_MS = 2000;

export interface LiveFeed extends Feed {
  stop(): void;
}

/**
 * Keeps what roles look at current: the last good snapshot from disk at start, then what the bus
 * brings. A snapshot is swapped in only if its number is above the one in force and it verifies;
 * it is on disk before it serves. `dir: null` keeps nothing on disk (the control process).
 */
export async function startFeed(o: {
  node: string;
  dir: string | null;
  bus: Bus;
  clock: Clock;
  log: Log;
}): Promise<LiveFeed> {
  let snapshot: Snapshot | null = null;
  let health: Health = NO_HEALTH;
  let assignment: Assignment = NO_ASSIGNMENT;
  const onSnapshot = new Set<(snapshot: Snapshot) => void>();
  const onHealth = new Set<() => void>();
  const verify = (value: unknown) => verifySnapshot(value, sha256);

  if (o.dir !== null) {
    const read = await readLatestSnapshot(o.dir, verify);
    snapshot = read.snapshot;
    for (const problem of read.problems) o.log.warn(`Stored snapshot: ${formatProblem(problem)}`);
    if (snapshot !== null) o.log.info("Serving the stored snapshot", { number: snapshot.number });
  }

  let queue: Promise<void> = Promise.resolve();
  const take = (offered: Snapshot): Promise<void> => {
    queue = queue
      .then(() => swap(offered))
      .catch((error: unknown) => {
        o.log.error("Cannot take a snapshot", { error });
      });
    return queue;
  };
  const swap = async (offered: Snapshot): Promise<void> => {
    if (offered.number <= (snapshot?.number ?? 0)) return;
    const checked = verify(offered);
    if (!checked.ok) {
      const words = checked.problems.map((problem) => formatProblem(problem)).join("; ");
      o.log.error("Refused a bad snapshot; the one in force stays", { words });
      return;
    }
    if (o.dir !== null) await keep(o.dir, checked.value, o.log);
    snapshot = checked.value;
    for (const listener of onSnapshot) listener(snapshot);
    const { number } = snapshot;
    o.bus.publish("snapshot.ack", { node: o.node, number, atMs: o.clock.wallMs() });
    o.log.info("Serving a new snapshot", { number });
  };

  const stops = [
    o.bus.subscribe("snapshot.published", (message) => void take(message.snapshot)),
    o.bus.subscribe("health", (message) => {
      if (message.health.number < health.number && message.health.atMs < health.atMs) return;
      health = message.health;
      assignment = message.assignment;
      for (const listener of onHealth) listener();
    }),
  ];
  const catchUp = async () => {
    const have = snapshot?.number ?? 0;
    const latest = await o.bus.request("snapshot.latest", { have }, CATCH_UP_MS).catch(() => null);
    if (latest !== null) await take(latest);
  };
  const timer = setInterval(() => void catchUp(), CATCH_UP_MS);
  void catchUp();

  return {
    snapshot: () => snapshot,
    health: () => health,
    assignment: () => assignment,
    onSnapshot: (listener) => add(onSnapshot, listener),
    onHealth: (listener) => add(onHealth, listener),
    stop: () => {
      clearInterval(timer);
      for (const stop of stops) stop();
    },
  };
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
