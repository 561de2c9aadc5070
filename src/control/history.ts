import { Database } from "bun:sqlite";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Bus } from "../bus/mod.ts";
import type { Assignment, Demand } from "../model/assignment.ts";
import type { Feed } from "../model/feed.ts";
import type { Health, TargetHealth } from "../model/health.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { View } from "../policy/steering/mod.ts";
import { applyDelta, type Delta, diffJson } from "./delta.ts";

/** How long what was decided by is kept. */
export const KEEP_MS = 24 * 3_600_000;
/** Moments that are packed into one row: a crash loses those of the last one. */
const CHUNK_MS = 60_000;
/** The file holds at most this much; beyond, the oldest goes before its time. */
const BYTES_MAX = 512 * 1024 * 1024;
/** A minute's demand, packed: more is not kept, so that it does not crowd out the rest. */
const DEMAND_BYTES_MAX = 65_536;
/** How far from a time its demand may have been recorded. */
const DEMAND_MS = 300_000;
/** Recording takes at most this share of the time, however large the network is. */
const BUSY_SHARE = 0.05;

const TABLES = `
create table if not exists chunk (from_ms integer primary key, to_ms integer not null, body blob not null);
create table if not exists demand (at_ms integer primary key, body blob not null);
create table if not exists snapshot (number integer primary key, body blob not null);
`;

/** What decisions were made by at one moment. */
interface Moment {
  readonly snapshot: number;
  readonly health: Health;
  readonly assignment: Assignment;
}

interface Frame {
  readonly atMs: number;
  readonly delta: Delta;
}

export interface HistoryOptions {
  /** A file of its own: losing it loses no more than the past. */
  readonly path: string;
  readonly bus: Bus;
  readonly feed: Feed;
  readonly clock: Clock;
  readonly log: Log;
  readonly bytesMax?: number;
  /** Asked once a minute: who looked up how much lately. */
  readonly demand?: () => Demand | null;
}

/**
 * Records what decisions are made by, so that an answer of the past is explained by the same
 * function on the same inputs. Each moment is kept as what differs from the one before; of evidence
 * that decides nothing (times and words of single measurements) only the loads and failures.
 */
export class History {
  readonly #o: HistoryOptions;
  readonly #database: Database;
  readonly #stops: (() => void)[];
  #frames: Frame[] = [];
  #last: Moment | null = null;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #decoded: { fromMs: number; frames: readonly Frame[] } | null = null;

  constructor(o: HistoryOptions) {
    this.#o = o;
    this.#database = open(o.path, o.log);
    this.#stops = [
      o.bus.subscribe("health", ({ health, assignment }) => this.#safely({ health, assignment })),
      o.feed.onSnapshot(() =>
        this.#safely({ health: o.feed.health(), assignment: o.feed.assignment() }),
      ),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.#write();
    this.#database.close();
  }

  /** What decisions were made by at that time; null when it was not recorded or is forgotten. */
  at(atMs: number): View | null {
    const frames = this.#framesAt(atMs);
    let moment: unknown = null;
    for (const frame of frames) {
      if (frame.atMs > atMs) break;
      moment = applyDelta(moment, frame.delta);
    }
    if (moment === null) return null;
    const { snapshot: number, health, assignment } = moment as Moment;
    const snapshot = this.#snapshot(number);
    return snapshot === null ? null : { snapshot, health, assignment };
  }

  /** Who looked up how much in the minutes around a time; null when it was not recorded. */
  demandAt(atMs: number): Demand | null {
    const sql = "select at_ms, body from demand order by abs(at_ms - ?) limit 1";
    const row = this.#database.query(sql).get(atMs) as {
      at_ms: number;
      body: Uint8Array<ArrayBuffer>;
    } | null;
    if (row === null || Math.abs(atMs - row.at_ms) > DEMAND_MS) return null;
    return unpack(row.body) as Demand;
  }

  #safely(seen: Omit<Moment, "snapshot">): void {
    try {
      this.#record(seen);
    } catch (error) {
      this.#o.log.warn("Cannot record what was decided by", { error });
      this.#frames = [];
      this.#last = null;
    }
  }

  #record({ health, assignment }: Omit<Moment, "snapshot">): void {
    const { clock, feed } = this.#o;
    const snapshot = feed.snapshot();
    const startMs = clock.monoMs();
    if (snapshot === null || startMs < this.#notBeforeMs) return;
    const atMs = clock.wallMs();
    if (atMs - (this.#frames[0]?.atMs ?? atMs) >= CHUNK_MS) this.#write();
    if (this.#last?.snapshot !== snapshot.number) this.#keepSnapshot(snapshot);
    const moment = { snapshot: snapshot.number, health: lean(health), assignment };
    const first = this.#frames.length === 0;
    const delta: Delta | null = first ? { set: moment } : diffJson(this.#last, moment);
    if (delta !== null) this.#frames.push({ atMs, delta });
    this.#last = moment;
    this.#notBeforeMs = startMs + (clock.monoMs() - startMs) / BUSY_SHARE;
  }

  #keepSnapshot(snapshot: Snapshot): void {
    const body = pack(snapshot);
    const sql = "insert or replace into snapshot (number, body) values (?, ?)";
    this.#database.query(sql).run(snapshot.number, body);
  }

  /** Puts the moments since the last row into a row, and forgets what is too old or too much. */
  #write(): void {
    const frames = this.#frames;
    const [first] = frames;
    const last = frames.at(-1);
    this.#frames = [];
    if (first === undefined || last === undefined) return;
    const sql = "insert or replace into chunk (from_ms, to_ms, body) values (?, ?, ?)";
    this.#database.query(sql).run(first.atMs, last.atMs, pack(frames));
    this.#database.query("delete from chunk where to_ms < ?").run(last.atMs - KEEP_MS);
    this.#writeDemand(last.atMs);
    while (this.#bytes() > (this.#o.bytesMax ?? BYTES_MAX)) {
      const oldest = "delete from chunk where from_ms = (select min(from_ms) from chunk)";
      if (this.#database.query(oldest).run().changes === 0) break;
    }
    this.#forgetSnapshots();
  }

  #writeDemand(atMs: number): void {
    const demand = this.#o.demand?.() ?? null;
    this.#database.query("delete from demand where at_ms < ?").run(atMs - KEEP_MS);
    if (demand === null) return;
    const body = pack({ sites: mapValues(demand.sites, rounded), edges: rounded(demand.edges) });
    if (body.length > DEMAND_BYTES_MAX) return;
    const sql = "insert or replace into demand (at_ms, body) values (?, ?)";
    this.#database.query(sql).run(atMs, body);
  }

  /** Of what is in use; pages that deletions left empty are used again. */
  #bytes(): number {
    const sql = "select coalesce(sum(length(body)), 0) as bytes from chunk";
    return (this.#database.query(sql).get() as { bytes: number }).bytes;
  }

  /** Snapshots that no kept moment can name any more: older than that of the oldest row. */
  #forgetSnapshots(): void {
    const sql = "select body from chunk order by from_ms limit 1";
    const row = this.#database.query(sql).get() as { body: Uint8Array<ArrayBuffer> } | null;
    const first = row === null ? undefined : (unpack(row.body) as Frame[])[0]?.delta;
    const oldest = first !== undefined && "set" in first ? (first.set as Moment).snapshot : null;
    if (oldest !== null) this.#database.query("delete from snapshot where number < ?").run(oldest);
  }

  #framesAt(atMs: number): readonly Frame[] {
    const [first] = this.#frames;
    if (first !== undefined && first.atMs <= atMs) return this.#frames;
    const sql = "select from_ms, body from chunk where from_ms <= ? order by from_ms desc limit 1";
    const row = this.#database.query(sql).get(atMs) as {
      from_ms: number;
      body: Uint8Array<ArrayBuffer>;
    } | null;
    if (row === null) return [];
    if (this.#decoded?.fromMs !== row.from_ms) {
      this.#decoded = { fromMs: row.from_ms, frames: unpack(row.body) as Frame[] };
    }
    const { frames } = this.#decoded;
    // Long after the last moment of a row nothing was recorded: control was not running.
    return atMs - (frames.at(-1)?.atMs ?? 0) > CHUNK_MS ? [] : frames;
  }

  #snapshot(number: number): Snapshot | null {
    const live = this.#o.feed.snapshot();
    if (live?.number === number) return live;
    const sql = "select body from snapshot where number = ?";
    const row = this.#database.query(sql).get(number) as { body: Uint8Array<ArrayBuffer> } | null;
    return row === null ? null : (unpack(row.body) as Snapshot);
  }
}

/** Opens the file; one that cannot be read is put aside by an empty one: the past is not worth a stop. */
function open(path: string, log: Log): Database {
  try {
    const database = new Database(path, { create: true, strict: true });
    database.run("pragma journal_mode = wal");
    database.run("pragma synchronous = normal");
    database.run(TABLES);
    return database;
  } catch (error) {
    log.warn("Cannot read the recorded history; recording in memory only", { path, error });
    const database = new Database(":memory:", { strict: true });
    database.run(TABLES);
    return database;
  }
}

function lean(health: Health): Health {
  const targets: Record<string, TargetHealth> = {};
  for (const [id, target] of Object.entries(health.targets)) {
    targets[id] = {
      ...target,
      sources: target.sources.map(({ kind, load }) => ({ kind, load, atMs: 0, detail: "" })),
      views: target.views.map(({ vantage, up, failure }) => {
        return { vantage, up, failure, atMs: 0, responseMs: null };
      }),
    };
  }
  return { ...health, targets };
}

function mapValues<A, B>(table: Readonly<Record<string, A>>, to: (value: A) => B) {
  return Object.fromEntries(Object.entries(table).map(([key, value]) => [key, to(value)]));
}

function rounded(rates: Readonly<Record<string, number>>): Record<string, number> {
  return mapValues(rates, (rate) => Math.round(rate * 1000) / 1000);
}

function pack(value: unknown): Uint8Array {
  return Bun.gzipSync(JSON.stringify(value), { level: 3 });
}

function unpack(body: Uint8Array<ArrayBuffer>): unknown {
  return JSON.parse(new TextDecoder().decode(Bun.gunzipSync(body)));
}
