import type { Log } from "../../base/log.ts";
import type { Bus } from "../../bus/mod.ts";
import type { Assignment } from "../../model/assignment.ts";
import type { Feed } from "../../model/feed.ts";
import type { Health } from "../../model/health.ts";
import type { Snapshot } from "../../model/snapshot.ts";
import { nodesBefore } from "../../policy/snapshot/mod.ts";

/** A node that says nothing for so long, ms, is waited for no longer: it may be gone. */
const TURN_MS = 1000;

type Role = "dns" | "edge";

interface Offered {
  readonly snapshot: Snapshot;
  /** Nodes whose other role has not yet said that it has it. */
  readonly missing: ReadonlySet<string>;
}

/**
 * One role's view of a node's feed: a snapshot is in force for it once the other role has it
 * everywhere, where the order matters (`publishOrder`). Each says so by `snapshot.turn`. What waits
 * is dropped for a newer one. A node that is known to be down is not waited for; one that stays
 * silent costs TURN_MS, and never more.
 */
export class TurnFeed implements Feed {
  readonly #feed: Feed;
  readonly #o: { readonly node: string; readonly role: Role; readonly bus: Bus; readonly log: Log };
  readonly #listeners = new Set<(snapshot: Snapshot) => void>();
  /** Node -> the newest snapshot that its other role has. */
  readonly #had = new Map<string, number>();
  readonly #stops: (() => void)[];
  readonly #turnMs: number;
  #waiters: { readonly number: number; readonly done: () => void }[] = [];
  #current: Snapshot | null;
  #offered: Offered | null = null;
  #timer: Timer | undefined;

  constructor(
    feed: Feed,
    o: {
      readonly node: string;
      readonly role: Role;
      readonly bus: Bus;
      readonly log: Log;
      readonly turnMs?: number;
    },
  ) {
    this.#feed = feed;
    this.#o = o;
    this.#turnMs = o.turnMs ?? TURN_MS;
    this.#current = feed.snapshot();
    const other: Role = o.role === "dns" ? "edge" : "dns";
    this.#stops = [
      feed.onSnapshot((snapshot) => this.#offer(snapshot)),
      o.bus.subscribe("snapshot.turn", (turn) => {
        if (turn.role === other) this.#hear(turn.node, turn.number);
      }),
    ];
  }

  snapshot(): Snapshot | null {
    return this.#current;
  }

  health(): Health {
    return this.#feed.health();
  }

  assignment(): Assignment {
    return this.#feed.assignment();
  }

  onSnapshot(listener: (snapshot: Snapshot) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  onHealth(listener: () => void): () => void {
    return this.#feed.onHealth(listener);
  }

  /** Resolves when the snapshot of this number, or a newer one, is in force for the role. */
  reached(number: number): Promise<void> {
    if ((this.#current?.number ?? 0) >= number) return Promise.resolve();
    return new Promise((done) => this.#waiters.push({ number, done }));
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    clearTimeout(this.#timer);
    for (const { done } of this.#waiters.splice(0)) done();
  }

  #offer(snapshot: Snapshot): void {
    clearTimeout(this.#timer);
    const before = nodesBefore(this.#o.role, this.#current, snapshot);
    const { targets } = this.#feed.health();
    const missing = before.filter(
      (node) =>
        targets[`node/${node}`]?.state !== "down" && (this.#had.get(node) ?? 0) < snapshot.number,
    );
    this.#offered = { snapshot, missing: new Set(missing) };
    if (missing.length === 0) {
      this.#take();
      return;
    }
    this.#timer = setTimeout(() => {
      const { log, role } = this.#o;
      const waited = { role, number: snapshot.number, missing: [...this.#missing()].join(", ") };
      log.warn(
        "Some nodes do not say that they have the snapshot; it is taken all the same",
        waited,
      );
      this.#take();
    }, this.#turnMs);
  }

  #hear(node: string, number: number): void {
    if (number > (this.#had.get(node) ?? 0)) this.#had.set(node, number);
    if (this.#offered !== null && this.#missing().length === 0) this.#take();
  }

  #missing(): readonly string[] {
    const { snapshot, missing } = this.#offered ?? { snapshot: null, missing: [] };
    return [...missing].filter((node) => (this.#had.get(node) ?? 0) < (snapshot?.number ?? 0));
  }

  #take(): void {
    clearTimeout(this.#timer);
    const snapshot = this.#offered?.snapshot ?? null;
    this.#offered = null;
    if (snapshot === null) return;
    this.#current = snapshot;
    for (const listener of this.#listeners) listener(snapshot);
    const { node, role, bus } = this.#o;
    const { number } = snapshot;
    bus.publish("snapshot.turn", { node, role, number });
    const reached = this.#waiters.filter((one) => one.number <= number);
    this.#waiters = this.#waiters.filter((one) => one.number > number);
    for (const { done } of reached) done();
  }
}
